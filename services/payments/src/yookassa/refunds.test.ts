/** Money on its way back: within what came, once per row, by an operator's hand or by itself, and followed to its end. */
import { describe, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { RefundStatus } from '@kiosk/contracts/payments/v1/payments';
import type { RefundCancelReason } from '@kiosk/psp';
import { create, failure, read } from '../testing.ts';
import { brokenPromises } from './books.fixture.ts';
import { endSession, hourMs, minuteMs, openShop, operator, type Shop, type ShopOptions } from './shop.fixture.ts';
import { notificationOf } from './webhook.fixture.ts';

async function confirmed(shop: Shop): Promise<{ intentId: string; sessionId: string; paymentId: string }> {
  const sessionId = shop.sessions.open();
  const { id: intentId } = await create(shop.payments.client, { sessionId });
  const { id: paymentId } = shop.psp.pay(shop.paymentsOf(intentId)[0]!.id);
  await shop.pass({ ms: 5000, everyMs: 5000 });
  expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed' });
  return { intentId, sessionId, paymentId };
}

function refund(shop: Shop, over: { intentId: string; amountMinor?: number; idempotencyKey?: string; reason?: string }) {
  return shop.payments.client.refundIntent({ idempotencyKey: crypto.randomUUID(), reason: 'Замер не удался', ...over }, operator);
}

async function rows(shop: Shop) {
  return shop.payments.rows.selectFrom('refunds').select(['id', 'status', 'submission', 'origin', 'reason', 'amount_minor', 'cancel_reason', 'retry_of'])
    .orderBy('created_at').orderBy('id').execute();
}

async function anomalies(shop: Shop): Promise<string[]> {
  return (await shop.payments.rows.selectFrom('anomalies').select('kind').orderBy('id').execute()).map(({ kind }) => kind);
}

async function expectBooks(shop: Shop): Promise<void> {
  await shop.drain({ leastMs: 10 * minuteMs });
  expect(await brokenPromises({ payments: shop.payments, psp: shop.psp, now: shop.clock.now(), settled: true })).toEqual([]);
  expect(shop.payments.mishaps()).toEqual([]);
}

describe('R1 never more than came', () => {
  test('twenty at once of 50 ₽ each out of 480 ₽: nine happen, eleven are refused', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => refund(shop, { intentId, amountMinor: 5000 })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(9);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ kind: 'conflict', reason: 'refund_exceeds_payment' });
    expect(shop.psp.refunds()).toHaveLength(9);
    expect(await read(shop.payments.client, intentId)).toMatchObject({ refundedAmountMinor: 45_000 });
    expect(await failure(refund(shop, { intentId, amountMinor: 3001 }))).toMatchObject({ reason: 'refund_exceeds_payment' });
    await refund(shop, { intentId });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ refundedAmountMinor: 48_000 });
    expect(await failure(refund(shop, { intentId }))).toMatchObject({ reason: 'refund_exceeds_payment' });
    expect(await shop.payments.client.checkSessionPaid({ sessionId: (await read(shop.payments.client, intentId)).sessionId })).toEqual({ paid: false });
    await expectBooks(shop);
  });

  test('one whose outcome is unknown counts as given back, one that was canceled does not', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    shop.psp.faults.add({ call: 'refund', kind: 'error_500_before', times: 'always' });
    await refund(shop, { intentId, amountMinor: 40_000 });
    expect(await failure(refund(shop, { intentId, amountMinor: 8001 }))).toMatchObject({ reason: 'refund_exceeds_payment' });
    shop.psp.faults.clear();
    shop.psp.settings.refundsByHand = true;
    await shop.pass({ ms: minuteMs, everyMs: 5000 });
    shop.psp.cancelRefund(shop.psp.refunds()[0]!.id, 'rejected_by_payee');
    await shop.pass({ ms: 5 * minuteMs, everyMs: 5000 });
    await refund(shop, { intentId, amountMinor: 48_000 });
    expect((await rows(shop)).map(({ status, amount_minor }) => [status, amount_minor])).toEqual([['canceled', 40_000], ['pending', 48_000]]);
    await expectBooks(shop);
  });

  test('nothing, less than nothing, and more than all are refused, and nothing is asked of the PSP', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    for (const amountMinor of [0, -1]) expect(await failure(refund(shop, { intentId, amountMinor }))).toEqual({ kind: 'invalid', reason: 'invalid_amount' });
    for (const amountMinor of [48_001, Number.MAX_SAFE_INTEGER]) expect(await failure(refund(shop, { intentId, amountMinor }))).toMatchObject({ reason: 'refund_exceeds_payment' });
    expect([await rows(shop), shop.psp.refunds()]).toEqual([[], []]);
  });
});

describe('R2 one row, one refund at the PSP', () => {
  test('the same key twenty times at once makes one; another body under it is refused', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    const answers = await Promise.all(Array.from({ length: 20 }, () => refund(shop, { intentId, amountMinor: 5000, idempotencyKey: 'k' })));
    expect(new Set(answers.map((answer) => answer.refund!.id)).size).toBe(1);
    expect(shop.psp.refunds()).toHaveLength(1);
    expect(await failure(refund(shop, { intentId, amountMinor: 5001, idempotencyKey: 'k' }))).toEqual({ kind: 'invalid', reason: 'idempotency_key_reused' });
    expect(await failure(refund(shop, { intentId, amountMinor: 5000, idempotencyKey: 'k', reason: 'Другая' }))).toMatchObject({ reason: 'idempotency_key_reused' });
    await expectBooks(shop);
  });

  test('an answer that was lost is asked for again with the same key and bytes, and not after 20 h: then the operator is told', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    shop.psp.faults.add({ call: 'refund', kind: 'reset_after', times: 'always' });
    const since = shop.clock.now();
    await refund(shop, { intentId, amountMinor: 5000 });
    await shop.pass({ ms: 24 * hourMs, everyMs: 30 * minuteMs });
    const sent = shop.psp.journal.filter(({ call }) => call === 'refund');
    expect(sent.length).toBeGreaterThan(30);
    expect(sent.at(-1)!.atMs - since).toBeLessThan(20 * hourMs);
    expect(new Set(sent.map(({ idempotenceKey, bodySha256 }) => `${idempotenceKey} ${bodySha256}`)).size).toBe(1);
    expect(shop.psp.refunds()).toHaveLength(1);
    expect(await rows(shop)).toMatchObject([{ status: 'pending', submission: 'abandoned' }]);
    expect(await anomalies(shop)).toEqual(['refund_unknown']);
    // It may have happened: what it would take is not given back a second time.
    expect(await failure(refund(shop, { intentId, amountMinor: 43_001 }))).toMatchObject({ reason: 'refund_exceeds_payment' });
    // Once no request can be on its way any more it is looked up, and found.
    await shop.pass({ ms: 2 * hourMs, everyMs: 30 * minuteMs });
    expect(await rows(shop)).toMatchObject([{ status: 'succeeded', submission: 'attached' }]);
    expect(shop.psp.refunds()).toHaveLength(1);
    await expectBooks(shop);
  });

  test('R4 one that was given up and never made is ended once the PSP lists none, and its money may be given back anew', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    shop.psp.faults.add({ call: 'refund', kind: 'error_500_before', times: 'always' });
    shop.psp.faults.add({ call: 'listRefunds', kind: 'error_500_before', times: 'always' });
    await refund(shop, { intentId });
    await shop.pass({ ms: 26 * hourMs, everyMs: 30 * minuteMs });
    // Nobody can say yet.
    expect(await rows(shop)).toMatchObject([{ status: 'pending', submission: 'abandoned' }]);
    shop.psp.faults.clear();
    await shop.pass({ ms: 2 * hourMs, everyMs: 30 * minuteMs });
    expect(await rows(shop)).toMatchObject([{ status: 'canceled', cancel_reason: 'never_made' }]);
    expect(await anomalies(shop)).toEqual(['refund_unknown', 'refund_canceled']);
    await refund(shop, { intentId });
    expect(shop.psp.refunds()).toMatchObject([{ status: 'succeeded', amount: { value: '480.00' } }]);
    await expectBooks(shop);
  });

  test('P9 money that goes back by itself goes back although our credentials were wrong for three days', async () => {
    await using shop = await openShop();
    const sessionId = shop.sessions.open();
    const { id: intentId } = await create(shop.payments.client, { sessionId });
    await shop.payments.client.cancelIntent({ intentId });
    await endSession(shop, sessionId, 'expired');
    shop.psp.faults.add({ call: 'refund', kind: 'unauthorized', times: 'always' });
    shop.psp.pay(shop.paymentsOf(intentId)[0]!.id);
    await shop.pass({ ms: 72 * hourMs, everyMs: 30 * minuteMs });
    expect(shop.psp.refunds()).toEqual([]);
    shop.psp.faults.clear();
    await shop.pass({ ms: 26 * hourMs, everyMs: 30 * minuteMs });
    expect(shop.psp.refunds()).toMatchObject([{ status: 'succeeded', amount: { value: '480.00' } }]);
    expect((await rows(shop)).filter(({ status }) => status !== 'canceled')).toMatchObject([{ origin: 'late_money', status: 'succeeded' }]);
    await expectBooks(shop);
  });

  test('a refund whose answer was lost is known from its notification, too', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    shop.psp.faults.add({ call: 'refund', kind: 'reset_after', times: 'always' });
    await refund(shop, { intentId, amountMinor: 5000 });
    await shop.pass({ ms: 21 * hourMs, everyMs: 30 * minuteMs });
    expect(await rows(shop)).toMatchObject([{ status: 'pending', submission: 'abandoned' }]);
    await shop.payments.client.receiveNotification(notificationOf('refund.succeeded', shop.psp.refunds()[0]!));
    await shop.pass({ ms: minuteMs, everyMs: 5000 });
    expect(await rows(shop)).toMatchObject([{ status: 'succeeded', submission: 'attached' }]);
  });

  test('a service that was down when the 20 h were over gives up as well, and tells of each; the other refunds go on', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    const other = await confirmed(shop);
    shop.psp.faults.add({ call: 'refund', kind: 'reset_before', times: 'always' });
    // More than the janitor takes at a time.
    for (let i = 0; i < 12; i++) await refund(shop, { intentId, amountMinor: 1000 });
    await shop.stop();
    shop.psp.faults.clear();
    shop.clock.advance(30 * hourMs);
    await shop.restart();
    await refund(shop, { intentId: other.intentId });
    await shop.pass({ ms: 5 * minuteMs, everyMs: minuteMs });
    expect((await rows(shop)).map(({ submission }) => submission)).toEqual([...Array.from({ length: 12 }, () => 'abandoned'), 'attached']);
    // And that none of them was made is known at once: a day has passed.
    expect((await anomalies(shop)).toSorted()).toEqual([...Array.from({ length: 12 }, () => 'refund_canceled'), ...Array.from({ length: 12 }, () => 'refund_unknown')]);
    expect(shop.psp.refunds()).toHaveLength(1);
  });

  test('one that a restored backup takes for never sent is not sent after 20 h, when the PSP may have forgotten its key', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    // The backup was made between the refund's row and its first attempt.
    shop.steps.arm({ when: 'before', at: ({ label }) => label.startsWith('commit') && label.includes('claimSubmission') });
    await refund(shop, { intentId, amountMinor: 5000 }).catch(() => {});
    shop.clock.advance(21 * hourMs);
    await shop.restart();
    await shop.pass({ ms: 5 * minuteMs, everyMs: minuteMs });
    expect(await rows(shop)).toMatchObject([{ status: 'pending', submission: 'abandoned' }]);
    expect(await anomalies(shop)).toEqual(['refund_unknown']);
    expect(shop.psp.refunds()).toHaveLength(0);
  });
});

describe('R3 who, of what, why', () => {
  test.each(['kiosk', 'psp', 'service'] as const)('not by a caller of the role %s', async (role) => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    const call = { caller: { role, name: 'kiosk-7' } };
    expect(await failure(shop.payments.client.refundIntent({ idempotencyKey: 'k', intentId, reason: 'x' }, call))).toEqual({ kind: 'forbidden', reason: 'operator_only' });
    expect(shop.psp.refunds()).toEqual([]);
  });

  test('not of a payment that is pending, failed or expired, nor of none', async () => {
    await using shop = await openShop();
    const { id: pending } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    const { id: failed } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    await shop.payments.client.cancelIntent({ intentId: failed });
    for (const intentId of [pending, failed]) expect(await failure(refund(shop, { intentId }))).toEqual({ kind: 'conflict', reason: 'intent_not_confirmed' });
    await shop.pass({ ms: 11 * minuteMs, everyMs: 11 * minuteMs });
    expect(await failure(refund(shop, { intentId: pending }))).toEqual({ kind: 'conflict', reason: 'intent_not_confirmed' });
    expect(await failure(refund(shop, { intentId: 'pay_nobody' }))).toEqual({ kind: 'not_found', reason: 'intent_not_found' });
    expect(shop.psp.journal.filter(({ call }) => call === 'refund')).toEqual([]);
  });

  test('not without a reason, nor with one that is blank, too long, of two lines, or with NUL', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    for (const reason of ['', '   ', 'x'.repeat(201), 'a\nb', 'a\u0000']) {
      expect([reason, await failure(refund(shop, { intentId, reason }))]).toEqual([reason, { kind: 'invalid', reason: 'invalid_reason' }]);
    }
  });

  test('the audit says who gave back how much of what, and why, and how it ended', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    const { refund: made } = await refund(shop, { intentId, amountMinor: 12_300, reason: 'Аппарат не напечатал отчёт' });
    const audit = await shop.payments.rows.selectFrom('audit_logs').select(['event', 'entity_id', 'caller', 'details'])
      .where('event', 'like', 'refund.%').orderBy('id').execute();
    expect(audit.map(({ details, ...line }) => ({ ...line, details: JSON.parse(details) as object }))).toEqual([
      {
        event: 'refund.created', entity_id: made!.id, caller: 'operator:anna',
        details: { intentId, amountMinor: 12_300, by: 'operator', reason: 'Аппарат не напечатал отчёт' },
      },
      { event: 'refund.succeeded', entity_id: made!.id, caller: 'operator:anna', details: { intentId, amountMinor: 12_300, pspRefundId: shop.psp.refunds()[0]!.id } },
    ]);
  });
});

describe('R4 to the end', () => {
  test('a pending one is asked about, more and more seldom, until it is final, though it takes a week', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    shop.psp.settings.refundsByHand = true;
    const { refund: made } = await refund(shop, { intentId });
    expect(made).toMatchObject({ status: RefundStatus.REFUND_STATUS_PENDING });
    await shop.pass({ ms: 7 * 24 * hourMs, everyMs: 30 * minuteMs });
    const asked = shop.psp.journal.filter(({ call }) => call === 'getRefund').map(({ atMs }) => atMs);
    expect(asked.length).toBeGreaterThan(100);
    for (const [index, at] of asked.slice(1).entries()) expect(at - asked[index]!).toBeLessThanOrEqual(90 * minuteMs);
    shop.psp.settleRefund(shop.psp.refunds()[0]!.id);
    await shop.pass({ ms: 90 * minuteMs, everyMs: 30 * minuteMs });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ refunds: [{ status: RefundStatus.REFUND_STATUS_SUCCEEDED }] });
    await expectBooks(shop);
  });

  const final: RefundCancelReason[] = ['general_decline', 'insufficient_funds', 'rejected_by_payee', 'yoo_money_account_closed', 'payment_expired'];
  test.each(final)('canceled (%s): shown on the intent and to the operator, and not tried again', async (reason) => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    shop.psp.settings.refundsByHand = true;
    const { refund: made } = await refund(shop, { intentId });
    shop.psp.cancelRefund(shop.psp.refunds()[0]!.id, reason);
    await shop.pass({ ms: hourMs, everyMs: 5 * minuteMs });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ refundedAmountMinor: 0, refunds: [{ id: made!.id, status: RefundStatus.REFUND_STATUS_CANCELED }] });
    const { anomalies: listed } = await shop.payments.client.listAnomalies({ limit: 10 }, operator);
    expect(listed).toMatchObject([{ kind: 'refund_canceled', objectId: made!.id, intentId, detailsJson: JSON.stringify({ reason, amountMinor: 48_000 }) }]);
    expect(shop.psp.refunds()).toHaveLength(1);
    await expectBooks(shop);
  });

  test('rejected_by_timeout: tried again with a new key at growing intervals, ten times, then it is the operator’s', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    shop.psp.settings.refundsByHand = true;
    await refund(shop, { intentId, amountMinor: 20_000 });
    for (let rejected = 1; rejected <= 11; rejected++) {
      // At no time is more than the rest to be had.
      expect(await failure(refund(shop, { intentId, amountMinor: 28_001 }))).toMatchObject({ reason: 'refund_exceeds_payment' });
      shop.psp.cancelRefund(shop.psp.refunds().at(-1)!.id, 'rejected_by_timeout');
      for (let waited = 0; shop.psp.refunds().length === rejected && waited < 12 * 12; waited++) await shop.pass({ ms: 5 * minuteMs, everyMs: 5 * minuteMs });
    }
    const made = shop.psp.journal.filter(({ deed }) => deed?.did === 'created' && deed.object === 'refund');
    expect(made).toHaveLength(11);
    expect(new Set(made.map(({ idempotenceKey }) => idempotenceKey)).size).toBe(11);
    const waitsMinutes = made.slice(1).map(({ atMs }, index) => (atMs - made[index]!.atMs) / minuteMs);
    for (const [index, wait] of waitsMinutes.entries()) {
      const planned = Math.min(5 * 2 ** index, 360);
      expect(wait).toBeGreaterThanOrEqual(planned);
      expect(wait).toBeLessThanOrEqual(planned + 10);
    }
    expect((await rows(shop)).map(({ status }) => status)).toEqual(Array.from({ length: 11 }, () => 'canceled'));
    expect(await anomalies(shop)).toEqual(['refund_canceled']);
    expect(await read(shop.payments.client, intentId)).toMatchObject({ refundedAmountMinor: 0 });
    await expectBooks(shop);
  });

  test('one that the PSP no longer knows: the operator is told, and it is asked for more and more seldom', async () => {
    await using shop = await openShop();
    const { intentId } = await confirmed(shop);
    shop.psp.settings.refundsByHand = true;
    await refund(shop, { intentId });
    shop.psp.forget(shop.psp.refunds()[0]!.id);
    await shop.pass({ ms: 24 * hourMs, everyMs: minuteMs });
    expect(await anomalies(shop)).toEqual(['refund_not_found']);
    expect(await rows(shop)).toMatchObject([{ status: 'pending' }]);
    const asked = shop.psp.journal.filter(({ call, atMs }) => call === 'getRefund' && atMs > shop.clock.now() - 12 * hourMs);
    expect(asked.length).toBeLessThanOrEqual(13);
  });

  test('one that the PSP refuses outright is canceled with its code, and the operator’s', async () => {
    await using shop = await openShop();
    const { intentId, paymentId } = await confirmed(shop);
    shop.psp.forget(paymentId);
    const { refund: made } = await refund(shop, { intentId });
    expect(made).toMatchObject({ status: RefundStatus.REFUND_STATUS_CANCELED });
    expect(await rows(shop)).toMatchObject([{ status: 'canceled', submission: 'refused', cancel_reason: 'invalid_request' }]);
    expect(await anomalies(shop)).toEqual(['refund_canceled']);
  });
});

describe('unserved: paid, and then no report', () => {
  const on: ShopOptions = { settings: { REFUND_UNSERVED: 'true', REFUND_UNSERVED_AFTER_MS: String(15 * minuteMs) } };

  test.each(['failed', 'expired'] as const)('P9 the visit %s: the money goes back after the grace, once, with its reason', async (how) => {
    await using shop = await openShop(on);
    const { intentId, sessionId } = await confirmed(shop);
    await shop.pass({ ms: 30 * minuteMs, everyMs: minuteMs });
    expect(await rows(shop)).toEqual([]);
    await endSession(shop, sessionId, how);
    await shop.pass({ ms: 14 * minuteMs, everyMs: minuteMs });
    expect(await rows(shop)).toEqual([]);
    await shop.pass({ ms: 10 * minuteMs, everyMs: minuteMs });
    expect(await rows(shop)).toMatchObject([{ origin: 'unserved', reason: `session_${how}_without_report`, amount_minor: 48_000, status: 'succeeded' }]);
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed', refundedAmountMinor: 48_000 });
    await shop.pass({ ms: 24 * hourMs, everyMs: hourMs });
    expect(shop.psp.refunds()).toHaveLength(1);
    await expectBooks(shop);
  });

  test.each<[string, (shop: Shop, sessionId: string) => Promise<unknown>]>([
    ['the visit was completed', (shop, sessionId) => endSession(shop, sessionId, 'completed')],
    ['the report was made before the visit failed', async (shop, sessionId) => {
      await shop.payments.client.recordService({ sessionId, reportId: 'rep_1' });
      await endSession(shop, sessionId, 'failed');
    }],
    ['the report was made within the grace', async (shop, sessionId) => {
      await endSession(shop, sessionId, 'expired');
      await shop.pass({ ms: 14 * minuteMs, everyMs: minuteMs });
      await shop.payments.client.recordService({ sessionId, reportId: 'rep_1' });
      await shop.payments.client.recordService({ sessionId, reportId: 'rep_1' });
    }],
    ['the visit goes on', async () => {}],
  ])('%s: the money stays', async (_, happen) => {
    await using shop = await openShop(on);
    const { sessionId } = await confirmed(shop);
    await happen(shop, sessionId);
    await shop.pass({ ms: 3 * hourMs, everyMs: 5 * minuteMs });
    expect([await rows(shop), await anomalies(shop)]).toEqual([[], []]);
  });

  test('the report was made before the money was noticed: the money stays', async () => {
    await using shop = await openShop(on);
    const sessionId = shop.sessions.open();
    const { id } = await create(shop.payments.client, { sessionId });
    await shop.payments.client.recordService({ sessionId, reportId: 'rep_1' });
    shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    await shop.pass({ ms: minuteMs, everyMs: 5000 });
    await endSession(shop, sessionId, 'failed');
    await shop.pass({ ms: 2 * hourMs, everyMs: 5 * minuteMs });
    expect(await rows(shop)).toEqual([]);
  });

  test('what an operator gave back already is not given back again', async () => {
    await using shop = await openShop(on);
    const { intentId, sessionId } = await confirmed(shop);
    await refund(shop, { intentId, amountMinor: 30_000 });
    await endSession(shop, sessionId, 'failed');
    await shop.pass({ ms: hourMs, everyMs: 5 * minuteMs });
    expect((await rows(shop)).map(({ origin, amount_minor }) => [origin, amount_minor])).toEqual([['operator', 30_000], ['unserved', 18_000]]);
    await expectBooks(shop);
  });

  test('a session that is gone without a trace is a question for the operator, not a refund', async () => {
    await using shop = await openShop(on);
    const { sessionId } = await confirmed(shop);
    shop.sessions.erase(sessionId);
    await shop.pass({ ms: hourMs, everyMs: 5 * minuteMs });
    expect([await rows(shop), await anomalies(shop)]).toEqual([[], ['unserved_unknown']]);
  });

  test('a sessions service that is down delays it', async () => {
    await using shop = await openShop(on);
    const { sessionId } = await confirmed(shop);
    await endSession(shop, sessionId, 'failed');
    shop.sessions.fail(new Fault({ kind: 'unavailable', reason: 'unavailable', message: 'down' }));
    shop.clock.advance(hourMs);
    await shop.pass({ ms: 10 * minuteMs, everyMs: minuteMs });
    expect(await rows(shop)).toEqual([]);
    shop.sessions.fail(undefined);
    await shop.pass({ ms: 2 * minuteMs, everyMs: minuteMs });
    expect(await rows(shop)).toMatchObject([{ origin: 'unserved', status: 'succeeded' }]);
  });

  test('off, as it is by default, nothing goes back by itself', async () => {
    await using shop = await openShop();
    const { sessionId } = await confirmed(shop);
    await endSession(shop, sessionId, 'failed');
    await shop.pass({ ms: 24 * hourMs, everyMs: hourMs });
    expect(await rows(shop)).toEqual([]);
  });
});
