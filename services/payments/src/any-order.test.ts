/** The whole service under any sequence of customers, janitor, time, sessions and PSP moods: what the code decides, the database never has to refuse. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import fc from 'fast-check';
import { standInPsp, type Failing, type StandInPsp } from './testing-psp.ts';
import { cancel, create, startClock, startTestPayments, type TestPayments } from './testing.ts';

let payments: TestPayments;
let psp: StandInPsp;

beforeAll(async () => {
  const clock = startClock();
  psp = standInPsp(clock);
  payments = await startTestPayments({ clock, psp });
});
afterAll(async () => payments[Symbol.asyncDispose]());

type Visit = { sessionId: string; intents: string[] };
type Step = { does: string; run: (visit: Visit) => unknown };

/** A refusal is an answer like any other; an internal error is not. */
async function refusable(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof Fault) || error.kind === 'internal') throw error;
  }
}

const latest = ({ intents }: Visit): string | undefined => intents.at(-1);
const atPsp = (visit: Visit, pick: number): string[] => visit.intents.filter((id) => psp.payments.has(id)).slice(pick).slice(0, 1);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ key: fc.constantFrom('', 'a', 'b'), amountMinor: fc.constantFrom(48_000, 32_000) }).map(({ key, amountMinor }) => ({
    does: `create ${amountMinor} by key "${key}"`,
    run: (visit: Visit) => refusable(create(payments.client, { sessionId: visit.sessionId, idempotencyKey: key && `${visit.sessionId} ${key}`, amountMinor })
      .then(({ id }) => visit.intents.includes(id) || visit.intents.push(id))),
  })),
  fc.constant({ does: 'cancel', run: (visit: Visit) => latest(visit) && refusable(cancel(payments.client, latest(visit)!)) }),
  { weight: 3, arbitrary: fc.constant({ does: 'work', run: () => payments.work() }) },
  { weight: 3, arbitrary: fc.constantFrom(1000, 30_000, 600_000, 3 * 3_600_000, 21 * 3_600_000).map((ms) => ({ does: `wait ${ms} ms`, run: () => payments.clock.advance(ms) })) },
  fc.constantFrom<Failing>(undefined, undefined, 'unknown', 'lost', 'refused', 'throttled', 'misconfigured', 'not_found').map((how) => ({ does: `the PSP is ${how ?? 'well'}`, run: () => psp.fail(how) })),
  { weight: 2, arbitrary: fc.nat(2).map((pick) => ({ does: `money for number ${pick}`, run: (visit: Visit) => atPsp(visit, pick).forEach(psp.pay) })) },
  fc.record({ pick: fc.nat(2), said: fc.constantFrom({ status: 'canceled' as const }, { status: 'waiting_for_capture' as const }, { amountMinor: 1 }, { test: true }, { shopId: 'shop-2' }, { status: 'pending' as const, paid: false }) })
    .map(({ pick, said }) => ({ does: `the PSP says ${JSON.stringify(said)} of number ${pick}`, run: (visit: Visit) => atPsp(visit, pick).forEach((id) => psp.say(id, said)) })),
  fc.nat(2).map((pick) => ({
    does: `a notification about number ${pick}`,
    run: (visit: Visit) => Promise.all(atPsp(visit, pick).map((id) => payments.client.receiveNotification({
      body: Buffer.from(JSON.stringify({ type: 'notification', event: 'payment.succeeded', object: { id: psp.payments.get(id)!.id } })), sourceIp: '185.71.76.1',
    }))),
  })),
  fc.constant({ does: 'the visit ends', run: (visit: Visit) => payments.sessions.complete(visit.sessionId) }),
).map((made): Step => ({ ...made, toString: () => made.does }) as Step);

const order = ['intent.created', 'intent.failed', 'intent.expired', 'intent.confirmed'];

async function check({ sessionId, intents }: Visit): Promise<void> {
  const rows = await payments.rows.selectFrom('intents').selectAll().where('session_id', '=', sessionId).execute();
  expect(rows.map(({ id }) => id).sort()).toEqual(intents.toSorted());
  expect(rows.filter(({ status }) => status === 'confirmed').length).toBeLessThanOrEqual(1);
  expect(rows.filter(({ status }) => status === 'pending').length).toBeLessThanOrEqual(1);
  for (const { id, status, amount_minor: amountMinor } of rows) {
    const audit = await payments.rows.selectFrom('audit_logs').select('event').where('entity_id', '=', id).orderBy('id').execute();
    const moves = audit.map(({ event }) => order.indexOf(event)).filter((index) => index >= 0);
    expect(moves).toEqual(moves.toSorted((a, b) => a - b));
    const back = await payments.rows.selectFrom('refunds').select('amount_minor').where('intent_id', '=', id).where('status', '<>', 'canceled').execute();
    expect(back.reduce((sum, refund) => sum + refund.amount_minor, 0)).toBeLessThanOrEqual(amountMinor);
    // P9: what was paid and known of is either what confirmed the intent or on its way back, never nothing.
    const paid = await payments.rows.selectFrom('psp_observations').select('id').where('intent_id', '=', id).where('verdict', '=', 'paid').executeTakeFirst();
    expect(paid === undefined ? 'unpaid' : status === 'confirmed' || back.length > 0).not.toBe(false);
  }
}

test('P5 P7 P8 P9 R1 no sequence ends in an internal error, two payments, a step back, or money that nobody owns up to', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
    const visit: Visit = { sessionId: payments.sessions.open(), intents: [] };
    psp.fail(undefined);
    for (const { run } of steps) await run(visit);
    await check(visit);
    psp.fail(undefined);
    payments.clock.advance(60_000);
    await payments.work();
    await check(visit);
    expect(payments.mishaps()).toEqual([]);
  }), { numRuns: 300 });
});
