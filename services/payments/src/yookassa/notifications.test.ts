/** Notifications: true, forged, too many, repeated, reordered, late or lost. Nothing in one is believed; it only makes us ask. */
import { describe, expect, test } from '@jest/globals';
import { openDatabase } from '@kiosk/database';
import type { NotificationFaultInput } from '@kiosk/psp';
import { sql } from 'kysely';
import { join } from 'node:path';
import { create, failure, migrations, read } from '../testing.ts';
import { brokenPromises } from './books.fixture.ts';
import { elsewhere, endSession, hourMs, minuteMs, openShop, operator, type Shop } from './shop.fixture.ts';
import { notificationOf, pspAddress } from './webhook.fixture.ts';

/** An id of the right form that the PSP does not know. */
function strangeId(number: number): string {
  return `2c8a3d5f-000f-5000-8000-${number.toString(16).padStart(12, '0')}`;
}

function gets(shop: Shop): number {
  return shop.psp.journal.filter(({ call }) => call === 'get' || call === 'getRefund').length;
}

async function count(shop: Shop, table: 'notifications' | 'strangers' | 'intents'): Promise<number> {
  const { n } = await shop.payments.rows.selectFrom(table).select((all) => all.fn.countAll<number>().as('n')).executeTakeFirstOrThrow();
  return n;
}

async function newIntent(shop: Shop): Promise<{ intentId: string; paymentId: string; sessionId: string }> {
  const sessionId = shop.sessions.open();
  const { id: intentId } = await create(shop.payments.client, { sessionId });
  return { intentId, paymentId: shop.paymentsOf(intentId)[0]!.id, sessionId };
}

describe('W1 W2 a forged notification', () => {
  test('of money that never came makes us ask once, and confirms nothing', async () => {
    await using shop = await openShop();
    const { intentId, paymentId } = await newIntent(shop);
    const real = shop.paymentsOf(intentId)[0]!;
    for (const object of [{ ...real, status: 'succeeded', paid: true }, { id: paymentId }, { ...real, status: 'succeeded', paid: true, amount: { value: '1.00', currency: 'RUB' } }]) {
      await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', object));
    }
    await shop.pass({ ms: 2000, everyMs: 500 });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'pending' });
    expect(gets(shop)).toBe(1);
    expect(await count(shop, 'notifications')).toBe(3);
  });

  test('of a decline that never was fails nothing', async () => {
    await using shop = await openShop();
    const { intentId } = await newIntent(shop);
    await shop.payments.client.receiveNotification(notificationOf('payment.canceled', { ...shop.paymentsOf(intentId)[0]!, status: 'canceled' }));
    await shop.pass({ ms: 5000, everyMs: 1000 });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'pending' });
  });

  test('of an unknown object is taken and recorded, asked about once however often it comes, and makes no row', async () => {
    await using shop = await openShop();
    for (let again = 0; again < 5; again++) {
      await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', { id: strangeId(1) }));
      await shop.payments.client.receiveNotification(notificationOf('refund.succeeded', { id: strangeId(2) }));
      await shop.pass({ ms: minuteMs, everyMs: 10_000 });
    }
    expect(gets(shop)).toBe(2);
    expect([await count(shop, 'notifications'), await count(shop, 'intents')]).toEqual([10, 0]);
    expect(shop.payments.mishaps()).toEqual([]);
  });

  test('with an id that does not look like one is taken and recorded, and reaches no URL', async () => {
    await using shop = await openShop();
    const ids = [
      '../refunds', '..%2frefunds', 'x', '', `${strangeId(1)}/capture`, `${strangeId(1)}?a=b`, "' OR 1=1 --", '\u0000', 'я'.repeat(5000), `http://evil.example/${strangeId(1)}`,
      strangeId(1).toUpperCase(),
    ];
    for (const id of ids) await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', { id }));
    await shop.pass({ ms: minuteMs, everyMs: 20_000 });
    expect(shop.psp.journal).toEqual([]);
    expect(await shop.payments.rows.selectFrom('notifications').select('object_id').execute()).toEqual(ids.map(() => ({ object_id: null })));
  });

  test('that is none is refused, counted and not kept', async () => {
    await using shop = await openShop();
    const bodies = [
      '', '{', 'null', '[]', '"x"', '{"type":"notification","event":"e"}', '{"type":"other","event":"payment.succeeded","object":{"id":"x"}}',
      '{"type":"notification","event":1,"object":{"id":"x"}}', '{"type":"notification","event":"e","object":{"id":7}}', '['.repeat(5000), '<notification/>', '\xff',
    ];
    for (const body of bodies) {
      const answer = await failure(shop.payments.client.receiveNotification({ body: Buffer.from(body, 'latin1'), sourceIp: pspAddress }));
      expect([body, answer]).toEqual([body, { kind: 'invalid', reason: 'invalid_notification' }]);
    }
    expect(await count(shop, 'notifications')).toBe(0);
    expect(await shop.payments.metric('payments_webhook_received_total', { status: 'invalid' })).toBe(bodies.length);
  });

  test('X2 keeps the digest of its body only: a true one can name the payer', async () => {
    await using shop = await openShop();
    await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', { id: strangeId(1), payment_method: { title: 'Bank card *4444', card: { first6: '220000' } } }));
    const [row] = await shop.payments.rows.selectFrom('notifications').selectAll().execute();
    expect(JSON.stringify(row)).not.toMatch(/4444|220000/);
    expect(row).toMatchObject({ event: 'payment.succeeded', object_id: strangeId(1), source_ip: pspAddress, body_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(JSON.stringify(shop.payments.logged)).not.toMatch(/4444|220000/);
  });
});

describe('W7 the address that it comes from', () => {
  const enforced = { settings: { YOOKASSA_WEBHOOK_ADDRESS_CHECK: 'refuse' } };

  test('is YooKassa’s: taken', async () => {
    await using shop = await openShop(enforced);
    const addresses = [
      '185.71.76.0', '185.71.76.31', '185.71.77.1', '77.75.153.127', '77.75.154.255', '77.75.156.11', '77.75.156.35', '2a02:5180::1', '2a02:5180:ffff::', '::ffff:77.75.156.11',
    ];
    for (const sourceIp of addresses) await shop.payments.client.receiveNotification({ ...notificationOf('payment.succeeded', { id: strangeId(1) }), sourceIp });
    expect(await shop.payments.metric('payments_webhook_received_total', { status: 'accepted' })).toBe(addresses.length);
  });

  test('is not: refused, counted, nothing kept, nothing asked', async () => {
    await using shop = await openShop(enforced);
    const { paymentId, intentId } = await newIntent(shop);
    shop.psp.pay(paymentId);
    const addresses = [
      '185.71.76.32', '185.71.75.255', '77.75.153.128', '77.75.154.127', '77.75.156.12', '127.0.0.1', '2a02:5181::1', '::1', '::ffff:10.0.0.1', '', 'localhost', '185.71.76.1, 10.0.0.1',
    ];
    for (const sourceIp of addresses) {
      const answer = await failure(shop.payments.client.receiveNotification({ ...notificationOf('payment.succeeded', shop.paymentsOf(intentId)[0]!), sourceIp }));
      expect([sourceIp, answer]).toEqual([sourceIp, { kind: 'forbidden', reason: 'foreign_address' }]);
    }
    await shop.payments.work();
    expect([await count(shop, 'notifications'), gets(shop)]).toEqual([0, 0]);
    expect(await shop.payments.metric('payments_webhook_received_total', { status: 'refused' })).toBe(addresses.length);
  });

  test('the list is a setting, and so is taking them from anywhere', async () => {
    await using listed = await openShop({ settings: { YOOKASSA_WEBHOOK_ADDRESS_CHECK: 'refuse', YOOKASSA_WEBHOOK_ALLOWED_IPS: '10.1.0.0/16, fd00::/8' } });
    await listed.payments.client.receiveNotification({ ...notificationOf('e', { id: 'x' }), sourceIp: '10.1.2.3' });
    expect(await failure(listed.payments.client.receiveNotification({ ...notificationOf('e', { id: 'x' }), sourceIp: pspAddress }))).toMatchObject({ reason: 'foreign_address' });
    await using open = await openShop({ settings: { YOOKASSA_WEBHOOK_ADDRESS_CHECK: 'refetch' } });
    const { paymentId, intentId } = await newIntent(open);
    const paid = open.psp.pay(paymentId);
    await open.payments.client.receiveNotification({ ...notificationOf('payment.succeeded', paid), sourceIp: '203.0.113.9' });
    await open.pass({ ms: 2000, everyMs: 2000 });
    expect(await read(open.payments.client, intentId)).toMatchObject({ status: 'confirmed' });
  });
});

describe('W3 W5 the answer', () => {
  test('comes although the PSP hangs, and the payment is confirmed once it is back', async () => {
    await using shop = await openShop({ settings: { YOOKASSA_TIMEOUT_MS: '8000' } });
    const { paymentId, intentId } = await newIntent(shop);
    const paid = shop.psp.pay(paymentId);
    shop.psp.faults.add({ call: 'any', kind: 'hang', times: 'always' });
    shop.clock.advance(5000);
    const startedAt = performance.now();
    for (let again = 0; again < 10; again++) await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', paid));
    await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', { id: strangeId(1) }));
    // Eleven answers in less than the time that a single call to the PSP takes.
    expect(performance.now() - startedAt).toBeLessThan(8000);
    expect(await count(shop, 'notifications')).toBe(11);
    await shop.steps.quiet();
    shop.psp.faults.clear();
    await shop.pass({ ms: 30_000, everyMs: 2000 });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed' });
  });

  test('is no, where it cannot be stored: the PSP sends it again', async () => {
    await using shop = await openShop();
    const { paymentId, intentId } = await newIntent(shop);
    const path = join(shop.folder, 'payments.sqlite');
    await using database = await openDatabase({ path, migrations, onFatal: () => {} });
    await database.transaction(({ db }) => sql`CREATE TRIGGER full BEFORE INSERT ON notifications BEGIN SELECT RAISE(ABORT, 'no room'); END`.execute(db));
    shop.psp.pay(paymentId);
    shop.clock.advance(1000);
    await shop.psp.deliverNotifications();
    expect(shop.psp.notifications()).toMatchObject([{ state: 'waiting', attempts: [{ status: 503 }] }]);
    await database.transaction(({ db }) => sql`DROP TRIGGER full`.execute(db));
    shop.clock.advance(10_000);
    await shop.deliver();
    expect(shop.psp.notifications()).toMatchObject([{ state: 'received' }]);
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed' });
  });
});

describe('W4 the same end as by polling alone', () => {
  type End = { intents: object[]; refunds: object[]; confirmedAudits: number };

  /** One paid, one declined, one paid after its visit, one given back in part: in whatever order and number their notifications come. */
  async function story(fault: NotificationFaultInput | undefined): Promise<End> {
    await using shop = await openShop();
    const { client } = shop.payments;
    if (fault) shop.psp.notificationFaults.add({ times: 'always', ...fault });
    const [paid, declined, late, returned] = [await newIntent(shop), await newIntent(shop), await newIntent(shop), await newIntent(shop)];
    shop.psp.pay(returned.paymentId);
    shop.psp.pay(paid.paymentId);
    await shop.deliver();
    await shop.pass({ ms: 20_000, everyMs: 1000 });
    await shop.deliver();
    shop.psp.decline(declined.paymentId, 'insufficient_funds');
    await client.cancelIntent({ intentId: late.intentId });
    await endSession(shop, late.sessionId, 'failed');
    shop.psp.pay(late.paymentId);
    await client.refundIntent({ idempotencyKey: 'r', intentId: returned.intentId, amountMinor: 1000, reason: 'Скидка' }, operator);
    await shop.deliver();
    // What is late is late by a minute, what was reordered is held for a minute at most.
    await shop.pass({ ms: 3 * minuteMs, everyMs: 5000 });
    await shop.deliver();
    await shop.drain({ leastMs: 10 * minuteMs });
    expect(await brokenPromises({ payments: shop.payments, psp: shop.psp, now: shop.clock.now(), settled: true })).toEqual([]);
    const ids = [paid, declined, late, returned].map(({ intentId }) => intentId);
    const rows = await shop.payments.rows.selectFrom('intents').select(['id', 'status', 'failure_reason', 'submission', 'psp_status', 'next_action_at']).execute();
    const back = await shop.payments.rows.selectFrom('refunds').select(['intent_id', 'status', 'origin', 'reason', 'amount_minor']).execute();
    const audits = await shop.payments.rows.selectFrom('audit_logs').select('id').where('event', '=', 'intent.confirmed').execute();
    return {
      intents: ids.map((id) => ({ ...rows.find((row) => row.id === id)!, id: undefined })),
      refunds: back.map((refund) => ({ ...refund, intent_id: ids.indexOf(refund.intent_id) })).toSorted((a, b) => a.intent_id - b.intent_id),
      confirmedAudits: audits.length,
    };
  }

  const alone: Promise<End> = story({ kind: 'dropped' });

  test('by polling alone', async () => {
    expect(await alone).toMatchObject({
      intents: [
        { status: 'confirmed' }, { status: 'failed', failure_reason: 'insufficient_funds' }, { status: 'failed', failure_reason: 'canceled_by_customer' }, { status: 'confirmed' },
      ],
      refunds: [
        { intent_id: 2, status: 'succeeded', origin: 'late_money', reason: 'late_money_session_ended', amount_minor: 48_000 },
        { intent_id: 3, status: 'succeeded', origin: 'operator', amount_minor: 1000 },
      ],
      confirmedAudits: 2,
    });
  });

  test.each<[string, NotificationFaultInput | undefined]>([
    ['each of them once', undefined],
    ['each of them twenty times', { kind: 'duplicate', copies: 19 }],
    ['each overtaken by the next', { kind: 'reordered' }],
    ['each a minute late', { kind: 'late', delayMs: minuteMs }],
    ['each a day late', { kind: 'late', delayMs: 23 * 60 * minuteMs }],
  ])('%s', async (_, fault) => {
    expect(await story(fault)).toEqual(await alone);
  });
});

describe('W8 a storm', () => {
  test('of 10 000 unknown objects: each taken, thirty asked about in any minute, the rest waits; a true payment among them is confirmed within seconds', async () => {
    await using shop = await openShop({ settings: { YOOKASSA_TIMEOUT_MS: '30000' } });
    const { client } = shop.payments;
    const { paymentId, intentId } = await newIntent(shop);
    // Until polling alone would not come to it for a good while.
    const untilPoll = async () => (await shop.payments.rows.selectFrom('intents').select('next_action_at').executeTakeFirstOrThrow()).next_action_at! - shop.clock.now();
    while (await untilPoll() < 30_000) await shop.pass({ ms: 5000, everyMs: 5000 });
    const paid = shop.psp.pay(paymentId);
    const since = shop.clock.now();
    const storm = async (from: number, to: number): Promise<void> => {
      for (let base = from; base < to; base += 100) {
        await Promise.all(Array.from({ length: 100 }, (_, i) => client.receiveNotification(notificationOf('payment.succeeded', { id: strangeId(base + i) }))));
      }
    };
    await storm(0, 5000);
    await client.receiveNotification(notificationOf('payment.succeeded', paid));
    await storm(5000, 10_000);
    await shop.pass({ ms: 3000, everyMs: 500 });
    expect(await read(client, intentId)).toMatchObject({ status: 'confirmed' });
    await shop.pass({ ms: 2 * minuteMs, everyMs: 1000 });
    const asked = shop.psp.journal.filter(({ call, atMs, path }) => call === 'get' && atMs >= since && !path.endsWith(paymentId)).map(({ atMs }) => atMs);
    for (const at of asked) expect(asked.filter((other) => other >= at && other < at + minuteMs).length).toBeLessThanOrEqual(30);
    expect(asked.length).toBeGreaterThanOrEqual(60);
    expect([await count(shop, 'notifications'), await count(shop, 'strangers'), await count(shop, 'intents')]).toEqual([10_001, 10_000, 1]);
    const { n } = await shop.payments.rows.selectFrom('strangers').select((all) => all.fn.countAll<number>().as('n')).where('asked_at', 'is not', null).executeTakeFirstOrThrow();
    expect(n).toBe(asked.length);
    expect(shop.payments.mishaps()).toEqual([]);
  });

  test.each(['none', 'error_500_before', 'too_many', 'reset_before'] as const)('about one known payment (PSP fault: %s): asked about every two seconds at most', async (kind) => {
    await using shop = await openShop();
    const { client } = shop.payments;
    const { intentId } = await newIntent(shop);
    if (kind !== 'none') shop.psp.faults.add({ call: 'get', kind, times: 'always' });
    const forged = notificationOf('payment.succeeded', shop.paymentsOf(intentId)[0]!);
    const since = shop.clock.now();
    for (let passed = 0; passed < minuteMs; passed += 250) {
      await client.receiveNotification(forged);
      await shop.pass({ ms: 250, everyMs: 250 });
    }
    const asked = shop.psp.journal.filter(({ call }) => call === 'get').map(({ atMs }) => atMs - since);
    for (const [index, at] of asked.slice(1).entries()) expect(at - asked[index]!).toBeGreaterThanOrEqual(2000);
    expect(asked.length).toBeGreaterThan(20);
    expect(await read(client, intentId)).toMatchObject({ status: 'pending' });
  });

  test('about a payment that is final: asked about once a minute at most', async () => {
    await using shop = await openShop();
    const { paymentId } = await newIntent(shop);
    const paid = shop.psp.pay(paymentId);
    await shop.pass({ ms: 5000, everyMs: 1000 });
    const before = gets(shop);
    for (let passed = 0; passed < 5 * minuteMs; passed += 2000) {
      await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', paid));
      await shop.pass({ ms: 2000, everyMs: 2000 });
    }
    expect(gets(shop) - before).toBeLessThanOrEqual(5);
    const evidence = await shop.payments.rows.selectFrom('psp_observations').select('id').where('verdict', '=', 'paid').execute();
    expect(evidence).toHaveLength(1);
  });

  test('about a refund: asked about every two seconds at most', async () => {
    await using shop = await openShop();
    const { paymentId, intentId } = await newIntent(shop);
    shop.psp.pay(paymentId);
    await shop.pass({ ms: 5000, everyMs: 1000 });
    shop.psp.settings.refundsByHand = true;
    await shop.payments.client.refundIntent({ idempotencyKey: 'r', intentId, reason: 'Отказ' }, operator);
    const refund = shop.psp.refunds()[0]!;
    const since = shop.clock.now();
    for (let passed = 0; passed < minuteMs; passed += 250) {
      await shop.payments.client.receiveNotification(notificationOf('refund.succeeded', refund));
      await shop.pass({ ms: 250, everyMs: 250 });
    }
    const asked = shop.psp.journal.filter(({ call, atMs }) => call === 'getRefund' && atMs >= since);
    expect(asked.length).toBeLessThanOrEqual(30);
    expect(asked.length).toBeGreaterThan(2);
  });

  test('a notification of a payment whose creation was never answered finds its intent', async () => {
    await using shop = await openShop();
    shop.psp.faults.add({ call: 'create', kind: 'reset_after', times: 'always' });
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    const paid = shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    shop.clock.advance(1000);
    await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', paid));
    await shop.steps.quiet();
    await shop.payments.work();
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'confirmed' });
    expect(gets(shop)).toBe(1);
  });

  test('a notification of another payment that names a known intent is told to the operator', async () => {
    await using shop = await openShop();
    const { intentId, paymentId } = await newIntent(shop);
    shop.psp.pay(paymentId);
    await shop.pass({ ms: 5000, everyMs: 1000 });
    const other = await elsewhere(shop, '/payments', { amount: { value: '480.00', currency: 'RUB' }, capture: true, confirmation: { type: 'qr' }, metadata: { intent_id: intentId } });
    await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', shop.psp.pay(other)));
    await shop.pass({ ms: 5000, everyMs: 1000 });
    expect(await shop.payments.rows.selectFrom('anomalies').select(['kind', 'object_id']).execute()).toEqual([{ kind: 'second_payment', object_id: other }]);
  });

  test('a clock that was set back delays no payment for as long as it was ahead', async () => {
    await using shop = await openShop();
    const { intentId, paymentId } = await newIntent(shop);
    await shop.pass({ ms: 5000, everyMs: 1000 });
    shop.clock.advance(-hourMs);
    await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', shop.psp.pay(paymentId)));
    await shop.pass({ ms: 5000, everyMs: 1000 });
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed' });
  });
});
