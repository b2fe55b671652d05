/** Money that comes after we gave up on it: for a session that still waits it is its payment, otherwise it goes back, once. */
import { describe, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { create, read } from '../testing.ts';
import { brokenPromises } from './books.fixture.ts';
import { endSession, hourMs, minuteMs, openShop, operator, type Shop } from './shop.fixture.ts';
import { notificationOf } from './webhook.fixture.ts';

type Story = { sessionId: string; intentId: string; paymentId: string };

async function start(shop: Shop, amountMinor = 48_000, sessionId = shop.sessions.open()): Promise<Story> {
  const { id: intentId } = await create(shop.payments.client, { sessionId, amountMinor });
  return { sessionId, intentId, paymentId: shop.paymentsOf(intentId)[0]!.id };
}

/** How an intent ends before its money comes. */
const ends = {
  expired: (shop: Shop) => shop.pass({ ms: 11 * minuteMs, everyMs: minuteMs }),
  'expired, and nobody noticed': async (shop: Shop) => shop.clock.advance(11 * minuteMs),
  canceled_by_customer: async (shop: Shop, { intentId }: Story) => {
    await shop.payments.client.cancelIntent({ intentId });
  },
  superseded: async (shop: Shop, { sessionId }: Story) => {
    await start(shop, 35_000, sessionId);
  },
} as const;
const howEnded = Object.keys(ends) as (keyof typeof ends)[];

async function refundsOf(shop: Shop, intentId: string) {
  return shop.payments.rows.selectFrom('refunds').select(['origin', 'status', 'reason', 'amount_minor']).where('intent_id', '=', intentId).orderBy('id').execute();
}

async function expectBooks(shop: Shop): Promise<void> {
  await shop.drain({ leastMs: 10 * minuteMs });
  expect(await brokenPromises({ payments: shop.payments, psp: shop.psp, now: shop.clock.now(), settled: true })).toEqual([]);
  expect(shop.payments.mishaps()).toEqual([]);
}

describe('P8 the session is still active and nothing else was paid for it', () => {
  test.each(howEnded)('from %s: confirmed', async (how) => {
    await using shop = await openShop();
    const story = await start(shop);
    await ends[how](shop, story);
    shop.psp.pay(story.paymentId);
    await shop.pass({ ms: 5 * minuteMs, everyMs: minuteMs });
    const intent = await read(shop.payments.client, story.intentId);
    expect(intent).toMatchObject({ status: 'confirmed', confirmedAt: expect.any(Date), refundedAmountMinor: 0, refunds: [] });
    expect(intent.failureReason).toBeUndefined();
    expect(await shop.payments.client.checkSessionPaid({ sessionId: story.sessionId })).toEqual({ paid: true, intentId: story.intentId });
    expect(shop.psp.refunds()).toEqual([]);
    await expectBooks(shop);
  });

  test('from superseded: the newer intent on the screen gives way, and money that comes for it as well goes back', async () => {
    await using shop = await openShop();
    const first = await start(shop, 35_000);
    const second = await start(shop, 40_000, first.sessionId);
    shop.psp.pay(first.paymentId);
    await shop.pass({ ms: minuteMs, everyMs: 5000 });
    expect(await read(shop.payments.client, first.intentId)).toMatchObject({ status: 'confirmed' });
    expect(await read(shop.payments.client, second.intentId)).toMatchObject({ status: 'failed', failureReason: 'superseded' });
    shop.psp.pay(second.paymentId);
    await shop.pass({ ms: 2 * minuteMs, everyMs: 5000 });
    expect(await read(shop.payments.client, second.intentId)).toMatchObject({ status: 'failed', failureReason: 'superseded', refundedAmountMinor: 40_000 });
    expect(await refundsOf(shop, second.intentId)).toEqual([{ origin: 'late_money', status: 'succeeded', reason: 'late_money_paid_otherwise', amount_minor: 40_000 }]);
    await expectBooks(shop);
  });

  test('both were paid before anybody asked: one is confirmed, the other goes back, in whatever order they are asked about', async () => {
    await using shop = await openShop();
    const first = await start(shop, 35_000);
    const second = await start(shop, 40_000, first.sessionId);
    shop.psp.pay(first.paymentId);
    shop.psp.pay(second.paymentId);
    await shop.pass({ ms: 2 * minuteMs, everyMs: 5000 });
    const statuses = [(await read(shop.payments.client, first.intentId)).status, (await read(shop.payments.client, second.intentId)).status];
    expect(statuses.toSorted()).toEqual(['confirmed', 'failed']);
    expect(shop.psp.refunds()).toHaveLength(1);
    await expectBooks(shop);
  });
});

describe('P9 the session is gone', () => {
  const gone = {
    completed: (shop: Shop, { sessionId }: Story) => endSession(shop, sessionId, 'completed'),
    expired: (shop: Shop, { sessionId }: Story) => endSession(shop, sessionId, 'expired'),
    failed: (shop: Shop, { sessionId }: Story) => endSession(shop, sessionId, 'failed'),
    erased: async (shop: Shop, { sessionId }: Story) => shop.sessions.erase(sessionId),
  } as const;
  const cases = howEnded.filter((how) => how !== 'superseded').flatMap((how) => (Object.keys(gone) as (keyof typeof gone)[]).map((session) => ({ how, session })));

  test.each(cases)('$session, after the intent was $how: one refund of all, audited, counted, its reason on the intent; however often it is heard of', async ({ how, session }) => {
    await using shop = await openShop();
    const story = await start(shop);
    await ends[how](shop, story);
    await gone[session](shop, story);
    const paid = shop.psp.pay(story.paymentId);
    await shop.pass({ ms: 5 * minuteMs, everyMs: minuteMs });
    const intent = await read(shop.payments.client, story.intentId);
    expect(intent).toMatchObject({
      status: how === 'canceled_by_customer' ? 'failed' : 'expired', refundedAmountMinor: 48_000, refunds: [{ amountMinor: 48_000, reason: 'late_money_session_ended' }],
    });
    for (let again = 0; again < 5; again++) {
      await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', paid));
      await shop.pass({ ms: 2 * minuteMs, everyMs: 30_000 });
    }
    await shop.payments.client.reconcile({ day: '2026-11-20' }, operator);
    expect(await refundsOf(shop, story.intentId)).toEqual([{ origin: 'late_money', status: 'succeeded', reason: 'late_money_session_ended', amount_minor: 48_000 }]);
    expect(shop.psp.refunds()).toMatchObject([{ payment_id: story.paymentId, amount: { value: '480.00' }, status: 'succeeded' }]);
    expect(await shop.payments.metric('payments_refunds_total', { origin: 'late_money', status: 'succeeded' })).toBe(1);
    expect(await shop.payments.metric('payments_confirmed_total')).toBe(0);
    const audit = await shop.payments.rows.selectFrom('audit_logs').select('event').where('event', 'like', 'refund.%').execute();
    expect(audit.map(({ event }) => event)).toEqual(['refund.created', 'refund.succeeded']);
    await expectBooks(shop);
  });

  test('and nobody can say so for an hour, because the sessions service is down: the money waits, and goes back afterwards', async () => {
    await using shop = await openShop();
    const story = await start(shop);
    await shop.payments.client.cancelIntent({ intentId: story.intentId });
    await endSession(shop, story.sessionId, 'expired');
    shop.psp.pay(story.paymentId);
    shop.sessions.fail(new Fault({ kind: 'unavailable', reason: 'unavailable', message: 'down' }));
    await shop.pass({ ms: hourMs, everyMs: minuteMs });
    expect(await refundsOf(shop, story.intentId)).toEqual([]);
    expect(await read(shop.payments.client, story.intentId)).toMatchObject({ status: 'failed' });
    shop.sessions.fail(undefined);
    await shop.pass({ ms: minuteMs, everyMs: 5000 });
    expect(await refundsOf(shop, story.intentId)).toEqual([{ origin: 'late_money', status: 'succeeded', reason: 'late_money_session_ended', amount_minor: 48_000 }]);
    await expectBooks(shop);
  });

  test('a refund that the PSP canceled for good is the operator’s: hearing of the money again starts no other', async () => {
    await using shop = await openShop();
    shop.psp.settings.refundsByHand = true;
    const story = await start(shop);
    await shop.payments.client.cancelIntent({ intentId: story.intentId });
    await endSession(shop, story.sessionId, 'expired');
    const paid = shop.psp.pay(story.paymentId);
    await shop.pass({ ms: minuteMs, everyMs: 5000 });
    shop.psp.cancelRefund(shop.psp.refunds()[0]!.id, 'insufficient_funds');
    await shop.pass({ ms: 2 * minuteMs, everyMs: 5000 });
    for (let again = 0; again < 5; again++) {
      await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', paid));
      await shop.pass({ ms: 2 * minuteMs, everyMs: 30_000 });
    }
    expect(await refundsOf(shop, story.intentId)).toMatchObject([{ status: 'canceled' }]);
    expect(shop.psp.refunds()).toHaveLength(1);
    expect(await shop.payments.rows.selectFrom('anomalies').select(['kind', 'seen']).execute()).toEqual([{ kind: 'refund_canceled', seen: 1 }]);
    // It stays on the operator's list for as long as the money is neither here nor there.
    const { differences } = await shop.payments.client.reconcile({ day: '2026-11-20' }, operator);
    expect(differences).toMatchObject([{ kind: 'status_differs', object: 'payment', pspId: story.paymentId, ourId: story.intentId }]);
    // The shop's balance is topped up, and the operator gives it back.
    shop.psp.settings.refundsByHand = false;
    await shop.payments.client.refundIntent({ idempotencyKey: 'again', intentId: story.intentId, reason: 'Деньги пришли поздно' }, operator);
    expect(await refundsOf(shop, story.intentId)).toMatchObject([{ status: 'canceled' }, { origin: 'operator', status: 'succeeded', amount_minor: 48_000 }]);
    expect((await shop.payments.client.reconcile({ day: '2026-11-20' }, operator)).differences).toEqual([]);
  });

  test('R3 what was never paid cannot be given back, whoever asks', async () => {
    await using shop = await openShop();
    const story = await start(shop);
    await shop.payments.client.cancelIntent({ intentId: story.intentId });
    await expect(shop.payments.client.refundIntent({ idempotencyKey: 'a', intentId: story.intentId, reason: 'Отказ' }, operator)).rejects.toMatchObject({ reason: 'intent_not_confirmed' });
  });

  test('X4 a session that was erased while it was looked at: its late money goes back', async () => {
    await using shop = await openShop();
    const story = await start(shop);
    await shop.payments.client.cancelIntent({ intentId: story.intentId });
    shop.psp.pay(story.paymentId);
    // Erased here, and the sessions service still says that it is active.
    await shop.payments.client.eraseSession({ sessionId: story.sessionId }, operator);
    await shop.pass({ ms: minuteMs, everyMs: 5000 });
    expect(await read(shop.payments.client, story.intentId)).toMatchObject({ status: 'failed' });
    expect(await refundsOf(shop, story.intentId)).toMatchObject([{ origin: 'late_money', status: 'succeeded', amount_minor: 48_000 }]);
  });
});

describe('P9 the session was paid otherwise', () => {
  test.each(['canceled_by_customer', 'expired'] as const)('%s first, then paid anew, then the first money comes: it goes back, with that reason', async (how) => {
    await using shop = await openShop();
    const first = await start(shop);
    await ends[how](shop, first);
    const second = await start(shop, 48_000, first.sessionId);
    expect(second.intentId).not.toBe(first.intentId);
    shop.psp.pay(second.paymentId);
    await shop.pass({ ms: minuteMs, everyMs: 5000 });
    shop.psp.pay(first.paymentId);
    await shop.pass({ ms: 5 * minuteMs, everyMs: minuteMs });
    expect(await read(shop.payments.client, second.intentId)).toMatchObject({ status: 'confirmed', refunds: [] });
    expect(await refundsOf(shop, first.intentId)).toEqual([{ origin: 'late_money', status: 'succeeded', reason: 'late_money_paid_otherwise', amount_minor: 48_000 }]);
    expect(shop.psp.refunds()).toMatchObject([{ payment_id: first.paymentId }]);
    await expectBooks(shop);
  });
});

test('P9 money that comes for an intent whose creation was never answered is noticed and goes back as well', async () => {
  await using shop = await openShop();
  shop.psp.faults.add({ call: 'create', kind: 'reset_after', times: 'always' });
  const sessionId = shop.sessions.open();
  const { id } = await create(shop.payments.client, { sessionId });
  shop.psp.pay(shop.paymentsOf(id)[0]!.id);
  await shop.pass({ ms: 15 * minuteMs, everyMs: minuteMs });
  await endSession(shop, sessionId, 'expired');
  shop.psp.faults.clear();
  await shop.pass({ ms: 5 * minuteMs, everyMs: minuteMs });
  expect(await read(shop.payments.client, id)).toMatchObject({ status: 'expired', refundedAmountMinor: 48_000, refunds: [{ reason: 'late_money_session_ended' }] });
  await expectBooks(shop);
});
