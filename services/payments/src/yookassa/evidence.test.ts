/** P7: what the PSP's word must say before anything is confirmed, told over HTTP by a PSP that says it wrongly. */
import { describe, expect, test } from '@jest/globals';
import type { FaultKind } from '@kiosk/psp';
import { create, read } from '../testing.ts';
import { endSession, minuteMs, openShop, operator, type Shop, type ShopOptions } from './shop.fixture.ts';
import { notificationOf } from './webhook.fixture.ts';

const prod: ShopOptions = { settings: { AGENT_ENV: 'PROD', YOOKASSA_SECRET_KEY: 'live_secret' }, psp: { secretKey: 'live_secret', test: false } };

type Wrong = { name: string; fault: FaultKind; anomaly: string; options: ShopOptions };
const wrongs: Wrong[] = [
  { name: 'another amount', fault: 'wrong_amount', anomaly: 'mismatch_amount', options: {} },
  { name: 'another currency', fault: 'wrong_currency', anomaly: 'mismatch_currency', options: {} },
  { name: 'another shop', fault: 'wrong_shop', anomaly: 'mismatch_shop', options: {} },
  { name: 'another intent', fault: 'wrong_metadata', anomaly: 'mismatch_intent', options: {} },
  { name: 'pretend money in PROD', fault: 'wrong_test', anomaly: 'mismatch_test', options: prod },
];

async function anomalies(shop: Shop): Promise<string[]> {
  return (await shop.payments.rows.selectFrom('anomalies').select('kind').orderBy('kind').execute()).map(({ kind }) => kind);
}

async function expectUnconfirmed(shop: Shop, intentId: string): Promise<void> {
  expect((await read(shop.payments.client, intentId)).status).not.toBe('confirmed');
  expect(await shop.payments.rows.selectFrom('psp_observations').select('id').where('verdict', '=', 'paid').execute()).toEqual([]);
  expect(await shop.payments.rows.selectFrom('audit_logs').select('id').where('event', '=', 'intent.confirmed').execute()).toEqual([]);
  expect(await shop.payments.metric('payments_confirmed_total')).toBe(0);
  expect(shop.psp.refunds()).toEqual([]);
}

describe.each(wrongs)('P7 succeeded, with $name', ({ fault, anomaly, options }) => {
  test('asked about by polling: an anomaly that is alarmed once, never a confirmation', async () => {
    await using shop = await openShop(options);
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    const { id: paymentId } = shop.paymentsOf(id)[0]!;
    shop.psp.pay(paymentId);
    shop.psp.faults.add({ call: 'get', kind: fault, times: 'always' });
    await shop.pass({ ms: 12 * minuteMs, everyMs: minuteMs });
    await expectUnconfirmed(shop, id);
    expect(await anomalies(shop)).toEqual([anomaly]);
    expect(await shop.payments.metric('payments_anomalies_total', { kind: anomaly })).toBe(1);
    expect(shop.payments.logged.filter(({ event }) => event === 'anomaly')).toMatchObject([{ level: 'error', anomaly, intentId: id, pspPaymentId: paymentId }]);
    const { anomalies: listed } = await shop.payments.client.listAnomalies({ limit: 10 }, operator);
    expect(listed).toMatchObject([{ kind: anomaly, objectId: paymentId, intentId: id, detailsJson: expect.stringContaining('"expected"') }]);
  });

  test('asked about because of a notification, and as late money: the same', async () => {
    await using shop = await openShop(options);
    const sessionId = shop.sessions.open();
    const { id } = await create(shop.payments.client, { sessionId });
    await shop.payments.client.cancelIntent({ intentId: id });
    const paid = shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    shop.psp.faults.add({ call: 'get', kind: fault, times: 'always' });
    shop.clock.advance(5000);
    await shop.deliver();
    await endSession(shop, sessionId, 'failed');
    await shop.payments.client.receiveNotification({ ...notificationOf('payment.succeeded', paid) });
    await shop.pass({ ms: 2 * minuteMs, everyMs: 10_000 });
    await expectUnconfirmed(shop, id);
    expect(await anomalies(shop)).toEqual([anomaly]);
  });

  test('told by the list of the day: the same, and the day does not add up', async () => {
    await using shop = await openShop(options);
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    shop.psp.faults.add({ call: 'list', kind: fault, times: 'always' });
    const { differences } = await shop.payments.client.reconcile({ day: '2026-11-20' }, operator);
    await expectUnconfirmed(shop, id);
    expect(await anomalies(shop)).toContain(anomaly);
    expect(differences.length).toBeGreaterThan(0);
  });

  test('told by the answer to the creation: an anomaly at once; the true word that follows confirms', async () => {
    await using shop = await openShop(options);
    shop.psp.faults.add({ call: 'create', kind: fault });
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    expect(await anomalies(shop)).toEqual([anomaly]);
    shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    await shop.pass({ ms: minuteMs, everyMs: 5000 });
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'confirmed' });
  });

  test.each(['the day’s list', 'a notification'])('once, and rightly afterwards: the true word is heard by %s, and confirms', async (by) => {
    await using shop = await openShop(options);
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    shop.psp.faults.add({ call: 'get', kind: fault });
    await shop.pass({ ms: 5000, everyMs: 5000 });
    expect(await anomalies(shop)).toEqual([anomaly]);
    if (by === 'a notification') await shop.deliver();
    if (by === 'a notification') await shop.pass({ ms: minuteMs, everyMs: 5000 });
    else expect(await shop.payments.client.reconcile({ day: '2026-11-20' }, operator)).toMatchObject({ repaired: 1, differences: [] });
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'confirmed' });
    expect(await shop.payments.client.reconcile({ day: '2026-11-20' }, operator)).toMatchObject({ pspPayments: 1, ourPayments: 1, differences: [] });
  });
});

test('P7 pretend money confirms in DEV, and is looked at nowhere else', async () => {
  await using shop = await openShop();
  const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
  expect(shop.psp.pay(shop.paymentsOf(id)[0]!.id)).toMatchObject({ test: true });
  await shop.pass({ ms: 5000, everyMs: 5000 });
  expect(await read(shop.payments.client, id)).toMatchObject({ status: 'confirmed' });
  expect(await anomalies(shop)).toEqual([]);
});

test('P7 a shop in test mode in PROD: its payments are alarmed as they are made, and its money confirms nothing', async () => {
  await using shop = await openShop({ ...prod, psp: { ...prod.psp, test: true } });
  const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
  expect(await anomalies(shop)).toEqual(['mismatch_test']);
  shop.psp.pay(shop.paymentsOf(id)[0]!.id);
  await shop.pass({ ms: 12 * minuteMs, everyMs: minuteMs });
  await expectUnconfirmed(shop, id);
});

test('P7 money that is held and not taken (waiting_for_capture) confirms nothing', async () => {
  await using shop = await openShop();
  const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
  const payment = shop.paymentsOf(id)[0]!;
  await shop.payments.client.receiveNotification(notificationOf('payment.waiting_for_capture', { ...payment, status: 'waiting_for_capture', paid: true }));
  await shop.pass({ ms: 10_000, everyMs: 2000 });
  await expectUnconfirmed(shop, id);
});

test('P7 every confirmation has its evidence: what the PSP said, when, and how we came to ask', async () => {
  await using shop = await openShop();
  const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
  const { id: paymentId } = shop.psp.pay(shop.paymentsOf(id)[0]!.id);
  await shop.pass({ ms: 5000, everyMs: 5000 });
  const seen = await shop.payments.rows.selectFrom('psp_observations').select(['intent_id', 'psp_payment_id', 'psp_status', 'source', 'verdict', 'at']).orderBy('id').execute();
  expect(seen).toEqual([
    { intent_id: id, psp_payment_id: paymentId, psp_status: 'pending', source: 'submit', verdict: 'open', at: shop.clock.now() - 5000 },
    { intent_id: id, psp_payment_id: paymentId, psp_status: 'succeeded', source: 'poll', verdict: 'paid', at: shop.clock.now() },
  ]);
  expect(shop.psp.journal.filter(({ call, answer }) => call === 'get' && answer?.status === 200)).toHaveLength(1);
});
