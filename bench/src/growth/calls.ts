/** Every call of a kiosk and of an operator, about something from anywhere in a history. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { HttpConnection, requestText, type Answer } from '../http-connection.ts';
import { dayMs, hourMs } from './fill.ts';
import { operatorKey, storeNames, type Grown } from './grown.ts';

export type GrowthCall = {
  name: string;
  /** Makes it once. Fails on any answer but the right one. */
  run: (connection: HttpConnection) => Promise<void>;
  /** Takes so long that a few are enough. */
  isLong?: boolean;
};

const { data: readings } = JSON.parse(readFileSync(new URL('../../../docs/samples/diagnostics-granta.json', import.meta.url), 'utf8')) as { data: object };

const asOperator = { authorization: `Bearer ${operatorKey}` };

export function callsOf({ samples, payments, history, metricsPorts }: Grown): GrowthCall[] {
  const opened: string[] = [];
  const toPay: string[] = [];
  const some = (ids: readonly string[]): string => ids[Math.floor(Math.random() * ids.length)]!;
  const someTime = (): number => samples.from + Math.random() * (samples.to - samples.from);
  const someDay = (): string => {
    const from = Math.min(someTime(), samples.to - dayMs);
    return `createdFrom=${time(from)}&createdTo=${time(from + dayMs)}`;
  };

  const get = (name: string, path: () => string, headers: Record<string, string> = asOperator): GrowthCall => ({
    name,
    run: async (connection) => void ok(await connection.send(requestText({ method: 'GET', path: path(), headers })), 200),
  });
  const list = (what: string, name: string, query: () => string = () => '', headers?: Record<string, string>): GrowthCall => get(`list ${what}: ${name}`, () => `/api/${what}?${query()}`, headers);
  const post = async (connection: HttpConnection, path: string, body: object, status: number, headers: Record<string, string> = {}): Promise<string> =>
    ok(await connection.send(requestText({ method: 'POST', path, body, headers })), status);
  const open = async (connection: HttpConnection): Promise<string> => {
    const body = await post(connection, '/api/sessions', {
      type: 'diagnostics', contact: { email: 'visitor@example.com', phone: '8 912 345-67-89' }, metadata: { language: 'ru' },
    }, 201, { 'idempotency-key': randomUUID() });
    return /"id":"(ses_[^"]+)"/.exec(body)![1]!;
  };
  const someOpen = async (connection: HttpConnection, ids: string[]): Promise<string> => ids.pop() ?? open(connection);

  return [
    { name: 'create session', run: async (connection) => {
      const id = await open(connection);
      (opened.length < toPay.length ? opened : toPay).push(id);
    } },
    { name: 'complete session', run: async (connection) => void await post(connection, `/api/sessions/${await someOpen(connection, opened)}/complete`, {}, 200) },
    { name: 'create intent', run: async (connection) => void await post(
      connection, '/api/payments/intent', { amount: 48_000, currency: 'RUB', sessionId: await someOpen(connection, toPay) }, 201, { 'idempotency-key': randomUUID() },
    ) },
    { name: 'create report', isLong: true, run: async (connection) => void await post(
      connection, '/api/reports/diagnostics', { data: { ...readings, sessionId: await someOpen(connection, opened) } }, 201, { 'idempotency-key': randomUUID() },
    ) },
    get('get session', () => `/api/sessions/${some(samples.sessions)}`),
    get('get intent', () => `/api/payments/intent/${some(samples.intents)}`),
    get('read status', () => `/api/payments/status/${some(samples.intents)}`),
    get('get report', () => `/api/reports/${some(samples.reports)}`),
    get('reports of a session', () => `/api/reports/session/${some(samples.sessions)}`),
    list('payments', 'of a session', () => `sessionId=${some(samples.sessions)}`),
    list('payments', 'failed ones of the kiosk that asks', () => 'status=failed', {}),

    list('sessions', 'newest'),
    list('sessions', 'from anywhere on', () => `cursor=${some(samples.sessions)}`),
    list('sessions', 'of a day', someDay),
    list('sessions', 'of a type, of a day', () => `type=diagnostics&${someDay()}`),
    list('sessions', 'active', () => 'status=active'),
    list('sessions', 'expired', () => 'status=expired'),
    list('sessions', 'failed', () => 'status=failed'),
    list('sessions', 'of a kiosk', () => 'kioskId=kiosk-3'),
    list('sessions', 'failed ones of a kiosk', () => 'kioskId=kiosk-3&status=failed'),
    list('sessions', 'active ones of a kiosk that is off', () => 'kioskId=kiosk-99&status=active'),
    list('payments', 'newest'),
    list('payments', 'from anywhere on', () => `cursor=${some(samples.intents)}`),
    list('payments', 'of a day', someDay),
    list('payments', 'pending', () => 'status=pending'),
    list('payments', 'expired', () => 'status=expired'),
    list('payments', 'failed ones of a day', () => `status=failed&${someDay()}`),
    list('deliveries', 'newest'),
    list('deliveries', 'of a day', someDay),
    list('deliveries', 'given up', () => 'status=dead'),
    list('deliveries', 'delivered', () => 'status=delivered'),
    list('deliveries', 'waiting', () => 'status=queued'),
    list('deliveries', 'by SMS, given up', () => 'status=dead&channel=sms'),
    list('deliveries', 'of a report', () => `reportId=${some(samples.reports)}`),
    list('audit', 'newest'),
    list('audit', 'of a session', () => `entityId=${some(samples.sessions)}`),
    list('audit', 'of a type', () => 'type=session.expired'),
    list('audit', 'of a type that there is none of', () => 'type=session.erased'),
    list('audit', 'of an hour', () => {
      const from = Math.min(someTime(), samples.to - hourMs);
      return `from=${time(from)}&to=${time(from + hourMs)}`;
    }),
    list('audit', 'of a session and type', () => `entityId=${some(samples.sessions)}&type=session.created`),
    { name: 'anomalies', run: async () => void await payments.listAnomalies({ limit: 50 }) },
    { name: 'reconcile a day', isLong: true, run: async () => {
      const { differences, pspPayments } = await payments.reconcile({ day: new Date(history.now - 2 * dayMs).toISOString().slice(0, 10) });
      if (pspPayments < 500) throw new Error(`a day of ${pspPayments} payments and ${differences.length} differences`);
    } },
    ...storeNames.map((store): GrowthCall => ({ name: `metrics of ${store}`, isLong: true, run: async () => {
      const answer = await fetch(`http://127.0.0.1:${metricsPorts[store]}/metrics`);
      if (!answer.ok) throw new Error(`the metrics of ${store} answered ${answer.status}`);
      await answer.text();
    } })),
  ];
}

export type Slice = { p50Ms: number; p99Ms: number; calls: number };

/** Makes the call again and again, a few at once. Gives the latency of each in ms, sorted. */
export async function latenciesOf({ run }: GrowthCall, { connections, forMs, most }: { connections: readonly HttpConnection[]; forMs: number; most: number }): Promise<number[]> {
  const latenciesMs: number[] = [];
  const until = performance.now() + forMs;
  let begun = 0;
  await Promise.all(connections.map(async (connection) => {
    while (performance.now() < until && begun < most) {
      begun += 1;
      const sentAt = performance.now();
      await run(connection);
      latenciesMs.push(performance.now() - sentAt);
      // The loops of both sides take a turn.
      if (latenciesMs.length % 64 === 0) await setTimeout(0);
    }
  }));
  return latenciesMs.sort((a, b) => a - b);
}

function ok({ status, body }: Answer, expected: number): string {
  if (status !== expected) throw new Error(`expected ${expected}, got ${status}: ${body.slice(0, 500)}`);
  return body;
}

function time(at: number): string {
  return new Date(at).toISOString();
}
