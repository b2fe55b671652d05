/**
 * Concurrent requests whose every commit, PSP call and look at the session is held back and let go in an order that fast-check chooses, so that races
 * which time alone would hardly show are explored. The requests come through the real client of the real service.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import fc from 'fast-check';
import type { Around } from './steps.ts';
import { cancel, confirm, create, standInSessions, startClock, startTestPayments, type SeenIntent, type TestPayments } from './testing.ts';

/** Enough turns of the event loop for whoever was let go to come to its next step, or to answer. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await new Promise(setImmediate);
}

const free: Around = (_, run) => run();
let around: Around = free;
let payments: TestPayments;

beforeAll(async () => {
  const clock = startClock();
  const sessions = standInSessions(clock);
  const { getSession } = sessions.rpc;
  sessions.rpc.getSession = (...asked) => around('session', () => getSession(...asked));
  payments = await startTestPayments({ clock, sessions, around: (step, run) => around(step, run) });
});
afterAll(async () => payments[Symbol.asyncDispose]());

/** Holds each step back before it begins and again before its end is known. */
function heldBy(scheduler: fc.Scheduler): Around {
  return async (step, run) => {
    await scheduler.schedule(Promise.resolve(), `${step} …`);
    try {
      return await run();
    } finally {
      if (around !== free) await scheduler.schedule(Promise.resolve(), `… ${step}`);
    }
  };
}

const inAnyOrder = fc.scheduler({
  act: async (letGo) => {
    await turns();
    await letGo();
  },
});

/** Runs these at once in the scheduler's order. Refusals are answers too; anything else fails. */
async function race<T>(scheduler: fc.Scheduler, racers: (() => Promise<T>)[]): Promise<(T | string)[]> {
  around = heldBy(scheduler);
  try {
    return await scheduler.waitFor(Promise.all(racers.map(async (run) => run().catch((error: unknown) => {
      if (error instanceof Fault && error.kind !== 'internal') return error.reason;
      throw error;
    }))));
  } finally {
    around = free;
    // The service's own jobs were held as well, and go on.
    await scheduler.waitAll();
  }
}

async function rowsOf(sessionId: string) {
  const intents = await payments.rows.selectFrom('intents').selectAll().where('session_id', '=', sessionId).orderBy('id').execute();
  const atPsp = await payments.rows.selectFrom('dev_psp_payments').select('idempotence_key').execute();
  return { intents, atPsp: intents.map(({ id }) => atPsp.filter(({ idempotence_key }) => idempotence_key === id).length) };
}

/** Leaves the next race nothing to do: after three days nobody asks about anything any more. */
async function finishAll(): Promise<void> {
  payments.clock.advance(80 * 3_600_000);
  await payments.work();
}

const isIntent = (answer: unknown): answer is SeenIntent => typeof answer === 'object';
const runs = { numRuns: 40 };

test('P1 P3 the same key and body: one intent, one PSP payment, one answer', async () => {
  await fc.assert(fc.asyncProperty(inAnyOrder, async (scheduler) => {
    const body = { sessionId: payments.sessions.open(), idempotencyKey: crypto.randomUUID() };
    const answers = await race(scheduler, Array.from({ length: 4 }, () => () => create(payments.client, body)));
    expect(answers).toEqual(answers.map(() => answers[0]));
    expect(answers[0]).toMatchObject({ status: 'pending', created: true, qrCodeData: expect.stringContaining('https://') });
    expect(await rowsOf(body.sessionId)).toMatchObject({ intents: [{ status: 'pending' }], atPsp: [1] });
  }).afterEach(finishAll), runs);
});

test('P2 P5 other keys and other amounts: each key keeps one answer, and one intent at most is pending', async () => {
  await fc.assert(fc.asyncProperty(inAnyOrder, async (scheduler) => {
    const sessionId = payments.sessions.open();
    const [a, b] = [crypto.randomUUID(), crypto.randomUUID()];
    const requests = [
      { idempotencyKey: a, amountMinor: 48_000 }, { idempotencyKey: a, amountMinor: 48_000 }, { idempotencyKey: a, amountMinor: 32_000 },
      { idempotencyKey: b, amountMinor: 32_000 }, { idempotencyKey: b, amountMinor: 32_000 },
    ];
    const answers = await race(scheduler, requests.map((body) => () => create(payments.client, { sessionId, ...body })));
    for (const key of [a, b]) {
      const ids = answers.flatMap((answer, index) => (isIntent(answer) && requests[index]!.idempotencyKey === key ? [answer.id] : []));
      expect(new Set(ids).size).toBe(1);
    }
    expect(answers.filter((answer) => !isIntent(answer) && answer !== 'idempotency_key_reused')).toEqual([]);
    const { intents, atPsp } = await rowsOf(sessionId);
    expect(intents.filter(({ status }) => status === 'pending')).toHaveLength(1);
    expect(intents.length).toBeLessThanOrEqual(2);
    for (const made of atPsp) expect(made).toBeLessThanOrEqual(1);
  }).afterEach(finishAll), runs);
});

test('P8 payment, cancel, a new request and the janitor at once: the session is paid once or not at all, and nothing moves back', async () => {
  await fc.assert(fc.asyncProperty(inAnyOrder, fc.boolean(), async (scheduler, due) => {
    const sessionId = payments.sessions.open();
    const first = await create(payments.client, { sessionId });
    if (due) payments.clock.advance(2000);
    const answers = await race<unknown>(scheduler, [
      () => confirm(payments.client, first.id),
      () => cancel(payments.client, first.id),
      () => create(payments.client, { sessionId, amountMinor: 32_000 }),
      () => payments.work(),
      () => payments.work(),
    ]);
    expect(answers.filter((answer) => typeof answer === 'string' && answer !== 'intent_final' && answer !== 'already_paid')).toEqual([]);
    const { intents, atPsp } = await rowsOf(sessionId);
    expect(intents.filter(({ status }) => status === 'confirmed').length).toBeLessThanOrEqual(1);
    expect(intents.filter(({ status }) => status === 'pending').length).toBeLessThanOrEqual(1);
    for (const made of atPsp) expect(made).toBeLessThanOrEqual(1);
    for (const { id } of intents) {
      const events = await payments.rows.selectFrom('audit_logs').select('event').where('entity_id', '=', id).orderBy('id').execute();
      expect(events.map(({ event }) => event).join(' ')).toMatch(/^intent\.created( intent\.failed)?( intent\.confirmed)?( refund.*)?$/);
    }
    expect(payments.mishaps()).toEqual([]);
  }).afterEach(finishAll), runs);
});

test('P7 P8 money and expiry at once: whichever comes first, the session that is there is paid', async () => {
  await fc.assert(fc.asyncProperty(inAnyOrder, async (scheduler) => {
    const sessionId = payments.sessions.open();
    await create(payments.client, { sessionId });
    payments.clock.advance(600_000);
    await race<unknown>(scheduler, [() => payments.work(), () => payments.work(), () => payments.client.checkSessionPaid({ sessionId })]);
    expect((await rowsOf(sessionId)).intents).toMatchObject([{ status: 'confirmed' }]);
  }).afterEach(finishAll), runs);
});
