/**
 * The load generator, a process of its own: `open-load.ts <port>`. An open loop: requests leave when they are due, whatever became of those before, as from
 * very many kiosks that know nothing of one another. It takes phases over IPC and answers with what it saw.
 *
 * During a phase it never sleeps, however little there is to send. Cores of one machine share more than it seems, so the services are slower while the core beside
 * theirs is busy: by a fifth where this was measured. That must not grow with the load, or what the load does to the machine would be taken for what it does to the services.
 */
import { randomUUID } from 'node:crypto';
import { cpuMeter } from '../cpu.ts';
import { requestText } from '../http-connection.ts';
import { percentile } from '../statistics.ts';
import { LeanConnection } from './lean-connection.ts';

export type Phase = {
  /** Calls of visits that leave in a second: a session opened, read, and a payment asked for, in equal parts. */
  perSecond: number;
  /** Notifications that leave in a second, and as many reads of a payment's status. */
  vitalPerSecond: number;
  durationMs: number;
  /** Whose CPU is counted. */
  pids: Readonly<Record<string, number>>;
};

/** What became of requests of one kind. A good answer that took longer than `goodWithinMs` is late: nobody waits for it. */
export type Outcome = {
  sent: number; good: number; refused: number; late: number; wrong: number; broken: number;
  /** Of the good ones, in ms. */
  p50Ms: number; p99Ms: number;
  /** Of the refused ones, in ms. */
  refusedP99Ms: number;
};

export type PhaseResult = {
  visits: Outcome; notifications: Outcome; statusReads: Outcome;
  goodPerSecond: number;
  /** What left, which is less than was asked for where this process could not keep up. */
  sentPerSecond: number;
  connections: number;
  /** In every second since the phase began: whether all of it was well. */
  goodSeconds: boolean[];
  /** µs of CPU in each second of the phase: each process's, and this one's. */
  cpuUsOf: Record<string, number>; loadCpuUs: number;
  /** Statuses other than the expected ones. */
  wrongStatuses: Record<string, number>;
};

export const goodWithinMs = 1000;
/** What has no answer after the phase for as long as this is lost. */
const lingerMs = 3000;
const mostConnections = 4000;
const tickMs = 2;

const port = Number(process.argv[2]);
const idle: LeanConnection[] = [];
const open = new Set<LeanConnection>();
/** Session ids to read, session ids to pay for, intent ids to ask about. */
const sessions: string[] = [];
const unpaid: string[] = [];
const intents: string[] = [];

type Kind = { name: 'visits' | 'notifications' | 'statusReads'; text: string; good: readonly number[]; learn?: (text: string) => void; giveBack?: () => void };

class Tally {
  sent = 0;
  refused = 0;
  late = 0;
  wrong = 0;
  broken = 0;
  readonly goodMs: number[] = [];
  readonly refusedMs: number[] = [];

  outcome(): Outcome {
    this.goodMs.sort((a, b) => a - b);
    this.refusedMs.sort((a, b) => a - b);
    return {
      sent: this.sent, good: this.goodMs.length, refused: this.refused, late: this.late, wrong: this.wrong, broken: this.broken,
      p50Ms: percentile(this.goodMs, 0.5), p99Ms: percentile(this.goodMs, 0.99), refusedP99Ms: percentile(this.refusedMs, 0.99),
    };
  }
}

const json = { 'content-type': 'application/json' };
const createText = requestText({ method: 'POST', path: '/api/sessions', headers: json, body: { type: 'diagnostics', contact: { email: 'visitor@example.com' }, kioskId: 'kiosk-7' } });
const notificationText = requestText({
  method: 'POST', path: '/api/payments/webhook', headers: json, body: { type: 'notification', event: 'payment.succeeded', object: { id: 'unknown' } },
});

function visitCall(turn: number): Kind {
  const toPay = turn % 3 === 2 ? unpaid.pop() : undefined;
  if (toPay !== undefined) {
    return {
      name: 'visits', good: [200, 201],
      text: requestText({ method: 'POST', path: '/api/payments/intent', headers: { 'idempotency-key': randomUUID() }, body: { amount: 48_000, currency: 'RUB', sessionId: toPay } }),
      learn: (text) => keep(intents, /"intentId":"(pay_\w+)"/.exec(text)?.[1]),
      giveBack: () => unpaid.push(toPay),
    };
  }
  const toRead = sessions[turn % sessions.length];
  if (turn % 3 === 1 && toRead !== undefined) return { name: 'visits', good: [200], text: requestText({ method: 'GET', path: `/api/sessions/${toRead}` }) };
  return {
    name: 'visits', good: [201], text: createText,
    learn: (text) => {
      const id = /"id":"(ses_\w+)"/.exec(text)?.[1];
      keep(sessions, id);
      if (id !== undefined) unpaid.push(id);
    },
  };
}

function keep(ids: string[], id: string | undefined): void {
  if (id === undefined) return;
  if (ids.length < 2000) ids.push(id);
  else ids[Math.floor(Math.random() * ids.length)] = id;
}

async function run({ perSecond, vitalPerSecond, durationMs, pids }: Phase): Promise<PhaseResult> {
  const tallies = { visits: new Tally(), notifications: new Tally(), statusReads: new Tally() };
  const seconds = Math.ceil(durationMs / 1000);
  const unwell = new Set<number>();
  const wrongStatuses: Record<string, number> = {};
  let underWay = 0;
  const cpuSpent = cpuMeter({ ...pids, load: process.pid });
  const startedAt = performance.now();

  function send(kind: Kind, dueAt: number): void {
    const tally = tallies[kind.name];
    const second = Math.floor((dueAt - startedAt) / 1000);
    tally.sent++;
    // The PSP comes with each notification anew.
    const isNewcomer = kind.name === 'notifications';
    const connection = (isNewcomer ? undefined : idle.pop()) ?? connectionIfAny();
    if (!connection) {
      tally.broken++;
      unwell.add(second);
      kind.giveBack?.();
      return;
    }
    underWay++;
    connection.send(kind.text, (status, text) => {
      underWay--;
      if (isNewcomer) connection.close();
      else if (status !== 0) idle.push(connection);
      const tookMs = performance.now() - dueAt;
      if (kind.good.includes(status)) {
        kind.learn?.(text());
        if (tookMs <= goodWithinMs) return void tally.goodMs.push(tookMs);
        tally.late++;
      } else if (status === 503 || status === 429) {
        tally.refused++;
        tally.refusedMs.push(tookMs);
        if (!/\r\nretry-after: [1-9]/i.test(text())) tally.wrong++;
        kind.giveBack?.();
      } else {
        if (status === 0) tally.broken++;
        else tally.wrong++;
        wrongStatuses[status] = (wrongStatuses[status] ?? 0) + 1;
        kind.giveBack?.();
      }
      unwell.add(second);
    });
  }

  let [visits, vitals] = [0, 0];
  for (let now = performance.now(); now < startedAt + durationMs; now = performance.now()) {
    const elapsed = now - startedAt;
    for (const due = (elapsed * perSecond) / 1000; visits < due; visits++) send(visitCall(visits), startedAt + (visits * 1000) / perSecond);
    for (const due = (elapsed * vitalPerSecond) / 1000; vitals < due; vitals++) {
      const dueAt = startedAt + (vitals * 1000) / vitalPerSecond;
      send({ name: 'notifications', text: notificationText, good: [200] }, dueAt);
      const intent = intents[vitals % intents.length];
      if (intent !== undefined) send({ name: 'statusReads', text: requestText({ method: 'GET', path: `/api/payments/status/${intent}` }), good: [200] }, dueAt);
    }
    for (const nextAt = now + tickMs; performance.now() < nextAt;) await new Promise((resolve) => setImmediate(resolve));
  }
  const lastedS = (performance.now() - startedAt) / 1000;
  const { load: loadCpuUs = 0, ...cpuUsOf } = cpuSpent();
  for (const until = performance.now() + lingerMs; underWay > 0 && performance.now() < until;) await new Promise((resolve) => setTimeout(resolve, 20));
  const connections = open.size;
  // What is still not answered is lost, and its connection with it.
  if (underWay > 0) for (const connection of [...open]) if (!idle.includes(connection)) connection.close();
  while (underWay > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const outcomes = { visits: tallies.visits.outcome(), notifications: tallies.notifications.outcome(), statusReads: tallies.statusReads.outcome() };
  return {
    ...outcomes,
    goodPerSecond: outcomes.visits.good / lastedS,
    sentPerSecond: outcomes.visits.sent / lastedS,
    connections,
    goodSeconds: Array.from({ length: seconds }, (_, second) => !unwell.has(second)),
    cpuUsOf,
    loadCpuUs,
    wrongStatuses,
  };
}

function connectionIfAny(): LeanConnection | undefined {
  if (open.size >= mostConnections) return undefined;
  const connection = new LeanConnection(port, {
    onGone: (gone) => {
      open.delete(gone);
      const at = idle.indexOf(gone);
      if (at >= 0) idle.splice(at, 1);
    },
  });
  open.add(connection);
  return connection;
}

process.on('message', (phase: Phase) => void run(phase).then((result) => process.send?.(result)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
