/**
 * P1 P9 P12 R1: a random process is killed every 0.2–2 s while kiosks, customers and an operator go on. An oracle outside writes down what was
 * acknowledged; in the end it must all be there, once. Seconds and seed come from KIOSK_CHAOS_SECONDS and KIOSK_CHAOS_SEED.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startPsp, type Psp } from '@kiosk/psp';
import { startProcesses, type Processes, type ServiceName } from '@kiosk/stack';
import { randomUUID } from 'node:crypto';
import { kioskAt, prices, type Intent, type Kiosk, type Report, type Session } from './kiosk.ts';
import { until } from './until.ts';

const seconds = Number(process.env['KIOSK_CHAOS_SECONDS'] ?? 60);
const seed = Number(process.env['KIOSK_CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const credentials = { shopId: '100500', secretKey: 'test_chaos' };
/** A kiosk gives up nothing: it comes back until it has an answer, if need be when nobody is killed any more. Those who are, are started again after 5 s at most. */
const patience = { withinMs: seconds * 1000 + 60_000, everyMs: 100 };

type FullIntent = Intent & { refundedAmount: number; refunds: { refundId: string; amount: number; status: string; reason: string }[] };
type Refund = { refundId: string; amount: number };

let psp: Psp;
let processes: Processes;
let kiosk: Kiosk;

beforeAll(async () => {
  let webhookUrl: string | undefined;
  psp = await startPsp({ ...credentials, webhookUrl: () => webhookUrl, deliverEveryMs: 200, notificationTimeoutMs: 2000 });
  processes = await startProcesses({
    settings: {
      PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: credentials.shopId, YOOKASSA_SECRET_KEY: credentials.secretKey, YOOKASSA_API_URL: psp.url,
      PAYMENT_POLL_INTERVAL_MS: '100', PAYMENT_SUBMIT_WAIT_MS: '2000',
    },
  });
  webhookUrl = `${processes.url}/api/payments/webhook`;
  kiosk = kioskAt(processes.url);
});

afterAll(async () => {
  await processes[Symbol.asyncDispose]();
  await psp[Symbol.asyncDispose]();
});

/** mulberry32: enough to choose by. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const acknowledged = {
  sessions: [] as Session[],
  completed: new Set<string>(),
  intents: [] as { key: string; intentId: string; sessionId: string }[],
  canceled: new Set<string>(),
  refunds: [] as (Refund & { key: string; intentId: string })[],
  reports: [] as Report[],
};

/** One customer's visit, which may end anywhere. */
async function visit(random: () => number): Promise<void> {
  const session = await ask(() => kiosk.post<Session>('/api/sessions', { type: 'thickness', metadata: { visit: randomUUID() } }));
  acknowledged.sessions.push(session);
  const key = randomUUID();
  const request = () => ask(() => kiosk.requestIntent(session, prices.thickness, key));
  for (const intent of await Promise.all([request(), request()])) acknowledged.intents.push({ key, intentId: intent.intentId, sessionId: session.id });
  const { intentId } = acknowledged.intents.at(-1)!;
  const turn = random();
  if (turn < 0.15) {
    const canceled = await settled(() => kiosk.post<FullIntent>(`/api/payments/cancel/${intentId}`));
    if (canceled.status === 200) acknowledged.canceled.add(intentId);
  }
  const payment = await until(() => psp.payments().find(({ metadata }) => metadata['intent_id'] === intentId), (found) => found !== undefined || turn < 0.15, patience);
  if (!payment) return;
  if (turn < 0.3) return void (payment.status === 'pending' && psp.decline(payment.id, 'insufficient_funds'));
  psp.pay(payment.id);
  if (turn < 0.5) return;
  await until(() => status(intentId), (now) => now !== 'pending', patience);
  if (turn < 0.75) {
    const refundKey = randomUUID();
    const give = () => settled(() => kiosk.post<Refund>(`/api/payments/refund/${intentId}`, { amount: 10_000, reason: 'half of it' }, { 'idempotency-key': refundKey }));
    for (const answer of await Promise.all([give(), give()])) if (answer.status === 201) acknowledged.refunds.push({ ...answer.body, key: refundKey, intentId });
    return;
  }
  acknowledged.reports.push(await ask(() => kiosk.requestReport(session, 'thickness-solaris', { email: 'owner@example.com' })));
  await ask(() => kiosk.post<Session>(`/api/sessions/${session.id}/complete`));
  acknowledged.completed.add(session.id);
}

type Asking<Body> = () => Promise<{ status: number; headers: Headers; body: Body }>;

/** Comes back after a broken connection and after every 5xx: with its key, or because the call is safe to repeat. */
async function settled<Body>(asking: Asking<Body>): Promise<{ status: number; body: Body }> {
  const answer = await until(() => asking().catch(() => undefined), (each) => each !== undefined && each.status < 500 && !each.headers.has('retry-after'), patience);
  return answer!;
}

async function ask<Body>(asking: Asking<Body>): Promise<Body> {
  const { status: is, body } = await settled(asking);
  expect({ status: is === 200 ? 201 : is, body }).toEqual({ status: 201, body: expect.anything() });
  return body;
}

async function status(intentId: string): Promise<string | undefined> {
  return (await kiosk.get<{ status: string }>(`/api/payments/status/${intentId}`).catch(() => undefined))?.body.status;
}

test(`what was acknowledged under ${seconds} s of kill -9 is there, and nothing is there twice (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  const until_ = performance.now() + seconds * 1000;
  const customers = Array.from({ length: 4 }, async () => {
    while (performance.now() < until_) await visit(random);
  });
  const names: readonly ServiceName[] = ['payments', 'payments', 'sessions', 'reporting', 'gateway'];
  let kills = 0;
  while (performance.now() < until_) {
    await new Promise((resolve) => {
      setTimeout(resolve, 200 + random() * 1800);
    });
    const name = names[Math.floor(random() * names.length)]!;
    await processes.up(name);
    await processes.kill(name, 'SIGKILL');
    kills++;
  }
  await Promise.all(customers);
  for (const name of ['sessions', 'payments', 'reporting', 'gateway'] as const) await processes.up(name);
  const { sessions, completed, intents, canceled, refunds, reports } = acknowledged;
  console.info(`seed ${seed}: ${kills} kills; acknowledged ${sessions.length} sessions, ${intents.length} intents, ${canceled.size} cancels, ${refunds.length} refunds, ${reports.length} reports`);

  const lost: string[] = [];
  const doubled: string[] = [];
  for (const session of sessions) {
    const { status: is, body } = await settled(() => kiosk.get<Session>(`/api/sessions/${session.id}`));
    if (is !== 200 || body.metadata['visit'] !== session.metadata['visit'] || (completed.has(session.id) && body.status !== 'completed')) lost.push(session.id);
  }
  const byKey = Map.groupBy(intents, ({ key }) => key);
  for (const [key, answers] of byKey) if (new Set(answers.map(({ intentId }) => intentId)).size !== 1) doubled.push(`key ${key}`);
  for (const answers of Map.groupBy(refunds, ({ key }) => key).values()) if (new Set(answers.map(({ refundId }) => refundId)).size !== 1) doubled.push(answers[0]!.refundId);
  for (const [intentId, made] of Map.groupBy(psp.payments(), ({ metadata }) => metadata['intent_id'])) if (made.length > 1) doubled.push(`PSP payments of ${intentId}`);

  for (const intentId of new Set(intents.map((intent) => intent.intentId))) {
    const payment = psp.payments().find(({ metadata }) => metadata['intent_id'] === intentId);
    const paid = payment?.status === 'succeeded';
    // Money that came has confirmed its intent or is back; what was declined or never paid has confirmed nothing.
    const intent = await until(
      async () => (await settled(() => kiosk.get<FullIntent>(`/api/payments/intent/${intentId}`))).body,
      ({ status: is, refundedAmount, refunds: back }) => (paid ? is === 'confirmed' || refundedAmount === prices.thickness : is !== 'confirmed') && back.every((refund) => refund.status !== 'pending'),
      patience,
    );
    if (canceled.has(intentId) && intent.status === 'pending') lost.push(`cancel of ${intentId}`);
    for (const { refundId } of refunds.filter((refund) => refund.intentId === intentId)) if (!intent.refunds.some((refund) => refund.refundId === refundId)) lost.push(refundId);
    const pspRefunds = psp.refunds().filter((refund) => refund.payment_id === payment?.id);
    if (pspRefunds.length !== intent.refunds.length) doubled.push(`refunds of ${intentId}: ${pspRefunds.length} at the PSP, ${intent.refunds.length} here`);
  }
  for (const { reportId, sha256 } of reports) {
    const { status: is, body } = await settled(() => kiosk.get<Report>(`/api/reports/${reportId}`));
    if (is !== 200 || body.sha256 !== sha256 || body.deliveries.length !== 1) lost.push(reportId);
    else await kiosk.untilSent(reportId);
  }
  expect({ lost, doubled }).toEqual({ lost: [], doubled: [] });
  expect(kills).toBeGreaterThanOrEqual(Math.floor(seconds / 6));
  // However slow the machine: without visits nothing would have been put at risk.
  expect(intents.length).toBeGreaterThanOrEqual(Math.floor(seconds / 10));
}, (seconds + 240) * 1000);
