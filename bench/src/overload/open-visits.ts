/**
 * The load of whole visits, a process of its own: `open-visits.ts <port>`. Customers come when they come, whatever became of those before. Each opens a session, asks
 * for a payment, pays within a second, has a car measured as in docs/samples, gets the report and leaves. What is refused is asked for again after Retry-After, with
 * the same key; who has not paid has patience for that, who has paid does not leave without the report. It answers phases over IPC with what it saw.
 *
 * During a phase it never sleeps, for the reason that open-load.ts gives.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { cpuMeter } from '../cpu.ts';
import { requestText } from '../http-connection.ts';
import { readSamples } from '../samples.ts';
import { percentile } from '../statistics.ts';
import { LeanConnection } from './lean-connection.ts';

export type VisitPhase = {
  /** Customers who come in a second. */
  perSecond: number;
  durationMs: number;
  /** From then on is counted how many visits are done: the first take a while to get there. */
  settleMs: number;
  /** Whose CPU is counted. */
  pids: Readonly<Record<string, number>>;
};

export type VisitPhaseResult = {
  came: number;
  /** Visits done in a second, their report having come in time. */
  donePerSecond: number;
  paid: number;
  /** Who got no QR code for as long as a customer waits for one, or until the phase was over. */
  leftUnpaid: number;
  /** Who waited for a report at the end of the phase. */
  owed: number;
  /** From the payment to the report, in ms; of those that came during the phase. */
  reportP50Ms: number; reportP99Ms: number;
  /** By step. */
  refused: Record<string, number>;
  /** Answers that are neither good nor a refusal that says when to come again. */
  wrong: Record<string, number>;
  /** In every second since the phase began: whether nobody was refused in it, and nobody who asked for a report in it waited long. */
  goodSeconds: boolean[];
  cpuUsOf: Record<string, number>; loadCpuUs: number;
};

/** Asked for after all phases: how many of those who paid still wait for their reports when there is nothing else to do. */
export type Drain = { withinMs: number };
export type Drained = { paid: number; owed: number };

const patienceMs = 15_000;
/** Who stands at the kiosk longer than this has not been served well. */
const reportWithinMs = 15_000;
/** So long a report may take while everything is as usual. */
const usualReportMs = 3000;
const askAgainMs = 1000;
const tickMs = 2;

type Step = 'session' | 'payment' | 'status' | 'report' | 'end';
type Tally = {
  startedAt: number; settledAt: number; over: boolean;
  came: number; done: number; paid: number; leftUnpaid: number; reportMs: number[]; refused: Record<string, number>; wrong: Record<string, number>; unwell: Set<number>;
};

const port = Number(process.argv[2]);
const idle: LeanConnection[] = [];
const samples = readSamples();
/** Of all phases. */
let [paid, owed] = [0, 0];

async function visit(tally: Tally): Promise<void> {
  const { type, data } = samples[tally.came++ % samples.length]!;
  const waitsUntil = performance.now() + patienceMs;
  const session = idIn(/"id":"(ses_\w+)"/, await insist(tally, 'session', {
    request: requestText({ method: 'POST', path: '/api/sessions', body: { type, contact: { email: 'visitor@example.com' } } }), waitsUntil,
  }));
  const intent = session && idIn(/"intentId":"(pay_\w+)"/, await insist(tally, 'payment', {
    request: requestText({ method: 'POST', path: '/api/payments/intent', headers: newKey(), body: { amount: 48_000, currency: 'RUB', sessionId: session } }), waitsUntil,
  }));
  if (!session || !intent) return void tally.leftUnpaid++;
  const status = requestText({ method: 'GET', path: `/api/payments/status/${intent}` });
  for (let now = ''; !now.includes('"status":"confirmed"'); now = await insist(tally, 'status', { request: status }) ?? '') {
    if (now.includes('"final":true')) return count(tally.wrong, 'never paid');
    if (now !== '') await setTimeout(askAgainMs);
  }
  const paidAt = performance.now();
  tally.paid++;
  paid++;
  owed++;
  await insist(tally, 'report', { request: requestText({ method: 'POST', path: `/api/reports/${type}`, headers: newKey(), body: { data: { ...data, sessionId: session } } }) });
  owed--;
  const tookMs = performance.now() - paidAt;
  if (tookMs > usualReportMs) tally.unwell.add(secondOf(tally, paidAt));
  if (!tally.over) tally.reportMs.push(tookMs);
  await insist(tally, 'end', { request: requestText({ method: 'POST', path: `/api/sessions/${session}/complete` }) });
  if (!tally.over && performance.now() >= tally.settledAt && tookMs <= reportWithinMs) tally.done++;
}

/** Asks until the answer is good. Undefined once `waitsUntil` or the phase is over, for who waits no longer than that. */
async function insist(tally: Tally, step: Step, { request, waitsUntil }: { request: string; waitsUntil?: number }): Promise<string | undefined> {
  for (;;) {
    const { status, text } = await ask(request);
    if (status === 200 || status === 201) return text;
    const retryAfterSeconds = Number(/\r\nretry-after: ([1-9]\d*)\r\n/i.exec(text)?.[1] ?? 0);
    if ((status === 503 || status === 429) && retryAfterSeconds > 0) count(tally.refused, step);
    else count(tally.wrong, `${step} ${status}`);
    tally.unwell.add(secondOf(tally, performance.now()));
    // Not all at the same moment.
    await setTimeout(1000 * (retryAfterSeconds || 1) * (1 + Math.random() / 2));
    if (waitsUntil !== undefined && (tally.over || performance.now() > waitsUntil)) return undefined;
  }
}

/** Status 0: the connection broke. */
function ask(request: string): Promise<{ status: number; text: string }> {
  const connection = idle.pop() ?? new LeanConnection(port, {
    onGone: (gone) => {
      const at = idle.indexOf(gone);
      if (at >= 0) idle.splice(at, 1);
    },
  });
  return new Promise((resolve) => connection.send(request, (status, text) => {
    if (status !== 0) idle.push(connection);
    resolve({ status, text: text() });
  }));
}

async function run({ perSecond, durationMs, settleMs, pids }: VisitPhase): Promise<VisitPhaseResult> {
  const startedAt = performance.now();
  const tally: Tally = {
    startedAt, settledAt: startedAt + settleMs, over: false, came: 0, done: 0, paid: 0, leftUnpaid: 0, reportMs: [], refused: {}, wrong: {}, unwell: new Set(),
  };
  const cpuSpent = cpuMeter({ ...pids, load: process.pid });
  for (let now = startedAt; now < startedAt + durationMs; now = performance.now()) {
    while (tally.came < ((now - startedAt) * perSecond) / 1000) void visit(tally);
    for (const nextAt = now + tickMs; performance.now() < nextAt;) await setImmediate();
  }
  const lastedS = (performance.now() - startedAt) / 1000;
  tally.over = true;
  const { load: loadCpuUs = 0, ...cpuUsOf } = cpuSpent();
  const { came, done, refused, wrong, leftUnpaid, reportMs, unwell } = tally;
  reportMs.sort((a, b) => a - b);
  return {
    came, paid: tally.paid, leftUnpaid, owed, refused, wrong, cpuUsOf, loadCpuUs,
    donePerSecond: done / (lastedS - settleMs / 1000),
    reportP50Ms: percentile(reportMs, 0.5), reportP99Ms: percentile(reportMs, 0.99),
    goodSeconds: Array.from({ length: Math.ceil(durationMs / 1000) }, (_, second) => !unwell.has(second)),
  };
}

async function drain({ withinMs }: Drain): Promise<Drained> {
  for (const until = performance.now() + withinMs; owed > 0 && performance.now() < until;) await setTimeout(20);
  return { paid, owed };
}

function idIn(pattern: RegExp, text = ''): string | undefined {
  return pattern.exec(text)?.[1];
}

function newKey(): Record<string, string> {
  return { 'idempotency-key': randomUUID() };
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

function secondOf({ startedAt }: Tally, at: number): number {
  return Math.floor((at - startedAt) / 1000);
}

process.on('message', (job: VisitPhase | Drain) => void ('withinMs' in job ? drain(job) : run(job)).then((result) => process.send?.(result)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
