/** P14: the PSP's day against ours, over HTTP. */
import { describe, expect, test } from '@jest/globals';
import { openDatabase } from '@kiosk/database';
import { sql } from 'kysely';
import { join } from 'node:path';
import { create, failure, migrations, read } from '../testing.ts';
import { brokenPromises } from './books.fixture.ts';
import { elsewhere, endSession, hourMs, minuteMs, openShop, operator, type Shop } from './shop.fixture.ts';

const day = '2026-11-20';
const dayMs = 24 * hourMs;

function reconcile(shop: Shop, of = day) {
  return shop.payments.client.reconcile({ day: of }, operator);
}

async function paid(shop: Shop, { noticed }: { noticed: boolean }): Promise<{ intentId: string; paymentId: string; sessionId: string }> {
  const sessionId = shop.sessions.open();
  const { id: intentId } = await create(shop.payments.client, { sessionId });
  const { id: paymentId } = shop.psp.pay(shop.paymentsOf(intentId)[0]!.id);
  if (noticed) await shop.pass({ ms: 5000, everyMs: 5000 });
  return { intentId, paymentId, sessionId };
}

const foreignPayment = { amount: { value: '100.00', currency: 'RUB' }, capture: true, confirmation: { type: 'qr' } };

async function anomalies(shop: Shop): Promise<string[]> {
  return (await shop.payments.rows.selectFrom('anomalies').select('kind').orderBy('kind').execute()).map(({ kind }) => kind);
}

describe('what agrees', () => {
  test('a day with nothing in it, and one with payments, refunds and failures', async () => {
    await using shop = await openShop();
    expect(await reconcile(shop)).toEqual({ day, pspPayments: 0, ourPayments: 0, pspRefunds: 0, ourRefunds: 0, repaired: 0, differences: [] });
    const { intentId } = await paid(shop, { noticed: true });
    await paid(shop, { noticed: true });
    const declined = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    shop.psp.decline(shop.paymentsOf(declined.id)[0]!.id, 'fraud_suspected');
    await create(shop.payments.client, { sessionId: shop.sessions.open() });
    await shop.payments.client.refundIntent({ idempotencyKey: 'r', intentId, amountMinor: 100, reason: 'Скидка' }, operator);
    expect(await reconcile(shop)).toEqual({ day, pspPayments: 2, ourPayments: 2, pspRefunds: 1, ourRefunds: 1, repaired: 0, differences: [] });
    expect(await anomalies(shop)).toEqual([]);
    expect(await shop.payments.metric('payments_reconciliation_differences')).toBe(0);
    expect(await shop.payments.metric('payments_reconciled_timestamp_seconds')).toBe(shop.clock.now() / 1000);
    expect(await shop.payments.rows.selectFrom('reconciliations').selectAll().execute()).toMatchObject([{ day, psp_payments: 2, differences: '[]' }]);
  });

  test('more than a page of them, by cursor', async () => {
    await using shop = await openShop();
    const { rows, client } = shop.payments;
    for (let batch = 0; batch < 5; batch++) await Promise.all(Array.from({ length: 50 }, () => create(client, { sessionId: shop.sessions.open() })));
    for (const { id } of shop.psp.payments()) shop.psp.pay(id);
    expect(await reconcile(shop)).toMatchObject({ pspPayments: 250, ourPayments: 250, repaired: 250, differences: [] });
    const lists = shop.psp.journal.filter(({ call }) => call === 'list').map(({ path }) => new URL(path, 'http://psp').searchParams);
    expect(lists.map((query) => [query.get('limit'), query.has('cursor')])).toEqual([['100', false], ['100', true], ['100', true]]);
    const { n } = await rows.selectFrom('intents').select((all) => all.fn.countAll<number>().as('n')).where('status', '=', 'confirmed').executeTakeFirstOrThrow();
    expect(n).toBe(250);
  });
});

describe('what the run repairs', () => {
  test('a payment that was never noticed is confirmed', async () => {
    await using shop = await openShop();
    const { intentId } = await paid(shop, { noticed: false });
    expect(await reconcile(shop)).toMatchObject({ pspPayments: 1, ourPayments: 1, repaired: 1, differences: [] });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed' });
    expect(await shop.payments.rows.selectFrom('psp_observations').select('source').where('verdict', '=', 'paid').execute()).toEqual([{ source: 'reconciliation' }]);
    expect(await reconcile(shop)).toMatchObject({ repaired: 0, differences: [] });
  });

  test('one whose creation was never answered, even after we gave up on it, is found by our id in it', async () => {
    await using shop = await openShop();
    shop.psp.faults.add({ call: 'create', kind: 'reset_after', times: 'always' });
    const { intentId } = await paid(shop, { noticed: false });
    await shop.pass({ ms: 21 * hourMs, everyMs: hourMs });
    expect(await anomalies(shop)).toEqual(['submission_unknown']);
    expect(await reconcile(shop)).toMatchObject({ pspPayments: 1, ourPayments: 1, repaired: 1, differences: [] });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed' });
  });

  test('late money for a session that is gone goes back', async () => {
    await using shop = await openShop();
    const { intentId, sessionId } = await paid(shop, { noticed: false });
    shop.clock.advance(11 * minuteMs);
    await endSession(shop, sessionId, 'expired');
    expect(await reconcile(shop)).toMatchObject({ repaired: 1, differences: [] });
    await shop.pass({ ms: minuteMs, everyMs: 10_000 });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'expired', refundedAmountMinor: 48_000 });
    await shop.drain();
    expect(await brokenPromises({ payments: shop.payments, psp: shop.psp, now: shop.clock.now(), settled: true })).toEqual([]);
  });

  test('a refund that we thought pending is taken as what it is', async () => {
    await using shop = await openShop();
    const { intentId } = await paid(shop, { noticed: true });
    shop.psp.settings.refundsByHand = true;
    await shop.payments.client.refundIntent({ idempotencyKey: 'a', intentId, amountMinor: 100, reason: 'Скидка' }, operator);
    shop.psp.settleRefund(shop.psp.refunds()[0]!.id);
    expect(await reconcile(shop)).toMatchObject({ pspRefunds: 1, ourRefunds: 1, repaired: 1, differences: [] });
    expect(await shop.payments.rows.selectFrom('refunds').select('status').execute()).toEqual([{ status: 'succeeded' }]);
    expect(await anomalies(shop)).toEqual([]);
  });
});

describe('what it lists for the operator', () => {
  test('missing here: made by somebody else with the same shop', async () => {
    await using shop = await openShop();
    const { paymentId } = await paid(shop, { noticed: true });
    const foreign = await elsewhere(shop, '/payments', { ...foreignPayment, metadata: { order: '17' } });
    shop.psp.pay(foreign);
    const unpaid = await elsewhere(shop, '/payments', foreignPayment);
    const refund = await elsewhere(shop, '/refunds', { payment_id: paymentId, amount: { value: '1.00', currency: 'RUB' } });
    const { differences, ...result } = await reconcile(shop);
    expect(result).toMatchObject({ pspPayments: 2, ourPayments: 1, pspRefunds: 1, ourRefunds: 0, repaired: 0 });
    expect(differences).toEqual([
      { kind: 'missing_here', object: 'payment', pspId: foreign, pspAmountMinor: 10_000 },
      { kind: 'missing_here', object: 'refund', pspId: refund, pspAmountMinor: 100 },
    ]);
    expect(JSON.stringify(differences)).not.toContain(unpaid);
    expect(await anomalies(shop)).toEqual(['reconciliation_missing_here', 'reconciliation_missing_here']);
    expect(await shop.payments.metric('payments_reconciliation_differences', { kind: 'missing_here' })).toBe(2);
    expect(await shop.payments.metric('payments_anomalies_total', { kind: 'reconciliation_missing_here' })).toBe(2);
    const { anomalies: listed } = await shop.payments.client.listAnomalies({ limit: 10 }, operator);
    expect(listed.map(({ objectId }) => objectId).toSorted()).toEqual([foreign, refund].toSorted());
  });

  test('missing here: a refund of somebody else’s that is on its way', async () => {
    await using shop = await openShop();
    const { paymentId } = await paid(shop, { noticed: true });
    shop.psp.settings.refundsByHand = true;
    const refund = await elsewhere(shop, '/refunds', { payment_id: paymentId, amount: { value: '1.00', currency: 'RUB' } });
    expect((await reconcile(shop)).differences).toEqual([{ kind: 'missing_here', object: 'refund', pspId: refund, pspAmountMinor: 100 }]);
  });

  test('missing there: the PSP does not list what it told us', async () => {
    await using shop = await openShop();
    const { intentId, paymentId } = await paid(shop, { noticed: true });
    await shop.payments.client.refundIntent({ idempotencyKey: 'a', intentId, amountMinor: 100, reason: 'Скидка' }, operator);
    const [refund] = shop.psp.refunds();
    shop.psp.forget(refund!.id);
    shop.psp.forget(paymentId);
    const { differences } = await reconcile(shop);
    const [row] = await shop.payments.rows.selectFrom('refunds').select('id').execute();
    expect(differences).toEqual([
      { kind: 'missing_there', object: 'payment', pspId: paymentId, ourId: intentId, ourAmountMinor: 48_000 },
      { kind: 'missing_there', object: 'refund', pspId: refund!.id, ourId: row!.id, ourAmountMinor: 100 },
    ]);
    expect(await anomalies(shop)).toEqual(['reconciliation_missing_there', 'reconciliation_missing_there']);
  });

  test('another amount, there and here', async () => {
    await using shop = await openShop();
    const { intentId, paymentId } = await paid(shop, { noticed: true });
    shop.psp.faults.add({ call: 'list', kind: 'wrong_amount' });
    expect((await reconcile(shop)).differences).toEqual([
      { kind: 'amount_differs', object: 'payment', pspId: paymentId, ourId: intentId, pspAmountMinor: 48_100, ourAmountMinor: 48_000 },
    ]);
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed', amountMinor: 48_000 });
    expect(await anomalies(shop)).toEqual(['reconciliation_amount_differs']);
    // Put right, the next run finds nothing, and the metric says so.
    expect((await reconcile(shop)).differences).toEqual([]);
    expect(await shop.payments.metric('payments_reconciliation_differences', { kind: 'amount_differs' })).toBe(0);
  });

  test('money that neither paid for anything nor goes back', async () => {
    await using shop = await openShop();
    const { intentId, paymentId, sessionId } = await paid(shop, { noticed: false });
    await shop.payments.client.cancelIntent({ intentId });
    await endSession(shop, sessionId, 'failed');
    shop.psp.settings.refundsByHand = true;
    await shop.pass({ ms: minuteMs, everyMs: 10_000 });
    expect((await reconcile(shop)).differences).toEqual([]);
    shop.psp.cancelRefund(shop.psp.refunds()[0]!.id, 'insufficient_funds');
    await shop.pass({ ms: 5 * minuteMs, everyMs: minuteMs });
    expect((await reconcile(shop)).differences).toEqual([
      { kind: 'status_differs', object: 'payment', pspId: paymentId, ourId: intentId, pspAmountMinor: 48_000, ourAmountMinor: 0 },
    ]);
  });

  test('the same difference on the next run is the same anomaly, not another alarm', async () => {
    await using shop = await openShop();
    shop.psp.pay(await elsewhere(shop, '/payments', foreignPayment));
    for (let run = 0; run < 3; run++) expect((await reconcile(shop)).differences).toHaveLength(1);
    expect(await shop.payments.rows.selectFrom('anomalies').select('seen').execute()).toEqual([{ seen: 3 }]);
    expect(await shop.payments.metric('payments_anomalies_total')).toBe(1);
  });

  test('O2 what a restored backup has forgotten', async () => {
    await using shop = await openShop();
    const { paymentId } = await paid(shop, { noticed: true });
    await shop.stop();
    const path = join(shop.folder, 'payments.sqlite');
    {
      // A backup from before the payment: without its rows.
      await using database = await openDatabase({ path, migrations, onFatal: () => {} });
      await database.transaction(async ({ db }) => {
        for (const trigger of ['intents_kept', 'audit_logs_pruned_only']) await sql.raw(`DROP TRIGGER ${trigger}`).execute(db);
        for (const table of ['psp_observations', 'idempotency_keys', 'audit_logs', 'intents']) await sql.raw(`DELETE FROM ${table}`).execute(db);
        await sql`DELETE FROM sqlite_sequence WHERE name = 'audit_logs'`.execute(db);
      });
    }
    await shop.restart();
    expect((await reconcile(shop)).differences).toEqual([{ kind: 'missing_here', object: 'payment', pspId: paymentId, pspAmountMinor: 48_000 }]);
  });
});

describe('a day is one of Moscow time', () => {
  test('from midnight to midnight there, of the payment’s creation', async () => {
    await using shop = await openShop({ startAt: Date.UTC(2026, 10, 20, 20, 59, 59, 999) });
    const last = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    shop.clock.advance(1);
    const first = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    for (const { id } of [last, first]) shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    expect(await reconcile(shop, '2026-11-20')).toMatchObject({ pspPayments: 1, ourPayments: 1, repaired: 1, differences: [] });
    expect(await read(shop.payments.client, last.id)).toMatchObject({ status: 'confirmed' });
    expect(await read(shop.payments.client, first.id)).toMatchObject({ status: 'pending' });
    expect(await reconcile(shop, '2026-11-21')).toMatchObject({ pspPayments: 1, ourPayments: 1, repaired: 1, differences: [] });
  });

  test('yesterday, where none is named', async () => {
    await using shop = await openShop({ startAt: Date.UTC(2026, 10, 20, 21, 10) });
    expect(await reconcile(shop, '')).toMatchObject({ day: '2026-11-20' });
    shop.clock.advance(-20 * minuteMs);
    expect(await reconcile(shop, '')).toMatchObject({ day: '2026-11-19' });
  });

  test('what is none, or is to come, is refused before the PSP is asked', async () => {
    await using shop = await openShop();
    for (const named of ['2026-11-31', '2026-13-01', '2026-00-10', '20.11.2026', '2026-11-20T00:00:00Z', 'yesterday', '2026-11-21', '9999-12-31', "2026-11-2'"]) {
      expect([named, await failure(reconcile(shop, named))]).toEqual([named, { kind: 'invalid', reason: 'invalid_day' }]);
    }
    expect(shop.psp.journal).toEqual([]);
  });

  test('today may be reconciled while it lasts', async () => {
    await using shop = await openShop();
    expect(await reconcile(shop, day)).toMatchObject({ day });
  });
});

describe('by itself', () => {
  /** What the job does at a start; time does not pass for it otherwise. */
  async function reconciledDays(shop: Shop): Promise<string[]> {
    await shop.restart();
    return (await shop.payments.rows.selectFrom('reconciliations').select('day').orderBy('day').execute()).map((row) => row.day);
  }

  test('yesterday, after three in the night, once', async () => {
    await using shop = await openShop({ startAt: Date.UTC(2026, 10, 20, 23, 59) });
    expect(await reconciledDays(shop)).toEqual([]);
    shop.clock.advance(minuteMs);
    expect(await reconciledDays(shop)).toEqual(['2026-11-20']);
    const asked = shop.psp.journal.length;
    expect(await reconciledDays(shop)).toEqual(['2026-11-20']);
    expect(shop.psp.journal).toHaveLength(asked);
  });

  test('and the days that were missed while the machine was off', async () => {
    await using shop = await openShop({ startAt: Date.UTC(2026, 10, 20, 9) });
    expect(await reconciledDays(shop)).toEqual(['2026-11-19']);
    const { intentId } = await paid(shop, { noticed: false });
    shop.clock.advance(4 * dayMs);
    expect(await reconciledDays(shop)).toEqual(['2026-11-19', '2026-11-20', '2026-11-21', '2026-11-22', '2026-11-23']);
    expect((await read(shop.payments.client, intentId)).status).toBe('confirmed');
  });

  test('whichever day the PSP does not list: the others are not held up', async () => {
    await using shop = await openShop({ startAt: Date.UTC(2026, 10, 20, 9) });
    await reconciledDays(shop);
    shop.clock.advance(3 * dayMs);
    shop.psp.faults.add({ call: 'list', kind: 'garbage', times: 1 });
    expect(await reconciledDays(shop)).toEqual(['2026-11-19', '2026-11-21', '2026-11-22']);
    expect(await reconciledDays(shop)).toEqual(['2026-11-19', '2026-11-20', '2026-11-21', '2026-11-22']);
  });

  test('again, where somebody ran it while the day still went on', async () => {
    await using shop = await openShop({ startAt: Date.UTC(2026, 10, 20, 9) });
    await reconcile(shop);
    const { intentId } = await paid(shop, { noticed: false });
    shop.clock.advance(dayMs);
    await reconciledDays(shop);
    expect(await shop.payments.rows.selectFrom('reconciliations').select('psp_payments').where('day', '=', day).execute()).toEqual([{ psp_payments: 1 }]);
    expect((await read(shop.payments.client, intentId)).status).toBe('confirmed');
  });

  test('later, where the PSP cannot be asked now', async () => {
    await using shop = await openShop({ startAt: Date.UTC(2026, 10, 20, 23) });
    shop.clock.advance(2 * hourMs);
    shop.psp.faults.add({ call: 'list', kind: 'error_500_before', times: 'always' });
    expect(await reconciledDays(shop)).toEqual([]);
    shop.psp.faults.clear();
    expect(await reconciledDays(shop)).toEqual(['2026-11-20']);
  });
});

test('only an operator may run it, and read what wants the operator', async () => {
  await using shop = await openShop();
  const kiosk = { caller: { role: 'kiosk', name: 'kiosk-7' } } as const;
  expect(await failure(shop.payments.client.reconcile({ day }, kiosk))).toEqual({ kind: 'forbidden', reason: 'operator_only' });
  expect(await failure(shop.payments.client.listAnomalies({ limit: 1 }, kiosk))).toEqual({ kind: 'forbidden', reason: 'operator_only' });
  expect(shop.psp.journal).toEqual([]);
});
