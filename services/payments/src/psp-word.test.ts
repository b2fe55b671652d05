/** What the PSP says, and what becomes of it: evidence, differences, late money. */
import { describe, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { setTimeout as delay } from 'node:timers/promises';
import type { PspPayment } from './psp.ts';
import { standInPsp, type StandInPsp } from './testing-psp.ts';
import { cancel, create, failure, read, startClock, startTestPayments, type SeenIntent, type TestPayments } from './testing.ts';

const minuteMs = 60_000;

async function startWithPsp(): Promise<TestPayments & { psp: StandInPsp }> {
  const clock = startClock();
  const psp = standInPsp(clock);
  return Object.assign(await startTestPayments({ clock, psp }), { psp });
}

/** Long enough for every open payment to be asked about once. */
async function askAll({ clock, work }: TestPayments): Promise<void> {
  clock.advance(minuteMs);
  await work();
}

async function anomalies({ rows }: TestPayments): Promise<string[]> {
  return (await rows.selectFrom('anomalies').select('kind').orderBy('kind').execute()).map(({ kind }) => kind);
}

describe('P7 a payment that succeeded, but', () => {
  test.each<[string, Partial<PspPayment>, string[]]>([
    ['for less', { amountMinor: 47_999 }, ['mismatch_amount']],
    ['in another currency', { currency: 'USD' }, ['mismatch_currency']],
    ['at another shop', { shopId: 'shop-2' }, ['mismatch_shop']],
    ['for somebody else’s intent', { intentId: 'pay_other' }, ['mismatch_intent']],
    ['for no intent', { intentId: undefined }, ['mismatch_intent']],
    ['with pretend money', { test: true }, ['mismatch_test']],
    ['wrong in every way', { amountMinor: 1, currency: 'EUR', shopId: undefined, intentId: 'pay_x', test: true }, ['mismatch_amount', 'mismatch_currency', 'mismatch_intent', 'mismatch_shop', 'mismatch_test']],
    ['not paid', { paid: false }, []],
  ])('%s, confirms nothing; each difference is recorded and alarmed', async (_, said, kinds) => {
    await using payments = await startWithPsp();
    const { client, psp } = payments;
    const made = await create(client, { sessionId: payments.sessions.open() });
    psp.say(made.id, { status: 'succeeded', paid: true, ...said });
    await askAll(payments);
    expect(await read(client, made.id)).toMatchObject({ status: 'pending' });
    expect(await anomalies(payments)).toEqual(kinds);
    for (const kind of kinds) expect(await payments.metric('payments_anomalies_total', { kind, env: 'DEV' })).toBe(1);
    payments.clock.advance(15 * minuteMs);
    await payments.work();
    expect(await read(client, made.id)).toMatchObject({ status: 'expired' });
    const verdicts = await payments.rows.selectFrom('psp_observations').select('verdict').where('intent_id', '=', made.id).execute();
    expect(verdicts.map(({ verdict }) => verdict)).not.toContain('paid');
    expect(await payments.metric('payments_confirmed_total')).toBe(0);
    expect(payments.mishaps()).toEqual([]);
  });

  test('is put right later, confirms then', async () => {
    await using payments = await startWithPsp();
    const { client, psp } = payments;
    const made = await create(client, { sessionId: payments.sessions.open() });
    psp.say(made.id, { amountMinor: 1 });
    await askAll(payments);
    psp.say(made.id, { amountMinor: 48_000 });
    psp.pay(made.id);
    await askAll(payments);
    expect(await read(client, made.id)).toMatchObject({ status: 'confirmed' });
  });
});

test('P7 money that is held and not captured is no money', async () => {
  await using payments = await startWithPsp();
  const made = await create(payments.client, { sessionId: payments.sessions.open() });
  payments.psp.say(made.id, { status: 'waiting_for_capture', paid: true });
  await askAll(payments);
  expect(await read(payments.client, made.id)).toMatchObject({ status: 'pending' });
});

test('a payment that the PSP cancels fails with the PSP’s reason, and the session can pay again', async () => {
  await using payments = await startWithPsp();
  const { client, psp, sessions } = payments;
  const made = await create(client, { sessionId: sessions.open() });
  psp.say(made.id, { status: 'canceled', cancellationReason: 'insufficient_funds' });
  await askAll(payments);
  expect(await read(client, made.id)).toMatchObject({ status: 'failed', failureReason: 'insufficient_funds' });
  const asked = psp.asks.length;
  await askAll(payments);
  expect(psp.asks).toHaveLength(asked);
  expect(await create(client, { sessionId: made.sessionId })).toMatchObject({ status: 'pending', created: true });
});

describe('P8 late money', () => {
  /** Ends an intent by our own hand: the customer, a newer request, or time. */
  const endings: [string, (payments: TestPayments, made: SeenIntent) => Promise<unknown>][] = [
    ['canceled', ({ client }, { id }) => cancel(client, id)],
    ['superseded', ({ client }, { sessionId }) => create(client, { sessionId, amountMinor: 32_000 })],
    ['expired', async ({ clock }) => clock.advance(10 * minuteMs)],
  ];

  test.each(endings)('for one that was %s confirms it while its session is active', async (_, end) => {
    await using payments = await startWithPsp();
    const { client, psp } = payments;
    const made = await create(client, { sessionId: payments.sessions.open() });
    await end(payments, made);
    expect(['failed', 'expired']).toContain((await read(client, made.id)).status);
    psp.pay(made.id);
    await askAll(payments);
    expect(await read(client, made.id)).toMatchObject({ status: 'confirmed', failureReason: undefined });
    expect(await client.checkSessionPaid({ sessionId: made.sessionId })).toEqual({ paid: true, intentId: made.id });
    expect(payments.mishaps()).toEqual([]);
  });

  test.each(endings.flatMap(([how, end]) => [[how, 'has ended', end] as const, [how, 'was erased', end] as const]))('for one that was %s whose session %s confirms nothing', async (_, gone, end) => {
    await using payments = await startWithPsp();
    const { client, psp, sessions } = payments;
    const made = await create(client, { sessionId: sessions.open() });
    await end(payments, made);
    const { status } = await read(client, made.id);
    if (gone === 'has ended') sessions.complete(made.sessionId);
    else sessions.erase(made.sessionId);
    psp.pay(made.id);
    await askAll(payments);
    expect(await read(client, made.id)).toMatchObject({ status });
    expect(await client.checkSessionPaid({ sessionId: made.sessionId })).toEqual({ paid: false });
    expect(payments.mishaps()).toEqual([]);
  });

  test('waits while nobody can say whether the session is there', async () => {
    await using payments = await startWithPsp();
    const { client, clock, psp, sessions } = payments;
    const made = await create(client, { sessionId: sessions.open() });
    await cancel(client, made.id);
    psp.pay(made.id);
    sessions.fail(new Fault({ kind: 'unavailable', reason: 'sessions_unavailable', message: 'away' }));
    await askAll(payments);
    expect(await read(client, made.id)).toMatchObject({ status: 'failed' });
    sessions.fail(undefined);
    clock.advance(5000);
    await payments.work();
    expect(await read(client, made.id)).toMatchObject({ status: 'confirmed' });
  });

  test('with the old QR makes the newer intent give way; the newer one cannot be paid a second time', async () => {
    await using payments = await startWithPsp();
    const { client, psp, sessions } = payments;
    const old = await create(client, { sessionId: sessions.open() });
    const newer = await create(client, { sessionId: old.sessionId, amountMinor: 32_000 });
    psp.pay(old.id);
    await askAll(payments);
    expect(await read(client, old.id)).toMatchObject({ status: 'confirmed' });
    expect(await read(client, newer.id)).toMatchObject({ status: 'failed', failureReason: 'superseded' });
    psp.pay(newer.id);
    await askAll(payments);
    expect(await read(client, newer.id)).toMatchObject({ status: 'failed', failureReason: 'superseded' });
    expect(await client.checkSessionPaid({ sessionId: old.sessionId })).toEqual({ paid: true, intentId: old.id });
    expect(payments.mishaps()).toEqual([]);
  });

  test('with the old QR confirms even in the moment in which the newer intent’s time is over', async () => {
    await using payments = await startWithPsp();
    const { client, clock, psp, sessions } = payments;
    const old = await create(client, { sessionId: sessions.open() });
    const newer = await create(client, { sessionId: old.sessionId, amountMinor: 32_000 });
    psp.pay(old.id);
    clock.advance(10 * minuteMs - 1);
    const { promise: oldIsPaid, resolve } = Promise.withResolvers<void>();
    psp.meanwhile((intentId) => (intentId === old.id ? clock.advance(1) : oldIsPaid));
    const work = payments.work();
    while ((await read(client, old.id)).status !== 'confirmed') await delay(5);
    resolve();
    await work;
    expect(await read(client, newer.id)).toMatchObject({ status: 'expired' });
    expect(await payments.rows.selectFrom('intents').select('status').where('id', '=', newer.id).executeTakeFirst()).toEqual({ status: 'expired' });
  });

  test('does not confirm what the PSP itself had declined', async () => {
    await using payments = await startWithPsp();
    const { client, psp } = payments;
    const made = await create(client, { sessionId: payments.sessions.open() });
    psp.say(made.id, { status: 'canceled', cancellationReason: 'insufficient_funds' });
    await askAll(payments);
    psp.pay(made.id);
    const body = Buffer.from(JSON.stringify({ type: 'notification', event: 'payment.succeeded', object: { id: psp.payments.get(made.id)!.id } }));
    await client.receiveNotification({ body, sourceIp: '185.71.76.1' });
    await askAll(payments);
    expect(psp.asks).toHaveLength(2);
    expect(await read(client, made.id)).toMatchObject({ status: 'failed', failureReason: 'insufficient_funds' });
    const goingBack = await payments.rows.selectFrom('refunds').select(['intent_id', 'origin', 'amount_minor']).execute();
    expect(goingBack).toEqual([{ intent_id: made.id, origin: 'late_money', amount_minor: 48_000 }]);
    expect(payments.mishaps()).toEqual([]);
  });

  test('that comes before the newer intent is asked for answers already_paid', async () => {
    await using payments = await startWithPsp();
    const { client, psp } = payments;
    const made = await create(client, { sessionId: payments.sessions.open() });
    await cancel(client, made.id);
    psp.pay(made.id);
    await askAll(payments);
    expect(await failure(create(client, { sessionId: made.sessionId }))).toEqual({ kind: 'conflict', reason: 'already_paid' });
  });
});
