/**
 * The fault matrix: each call to the PSP fails in each way that it can, again and again, and then no more. While it lasts no customer's payment is failed
 * for it and the PSP is called within a budget; afterwards everything ends as if nothing had been.
 */
import { describe, expect, test } from '@jest/globals';
import type { FaultInput, FaultKind, JournalEntry } from '@kiosk/psp';
import { create, failure, read } from '../testing.ts';
import { brokenPromises } from './books.fixture.ts';
import { minuteMs, openShop, operator, type Shop } from './shop.fixture.ts';

/** The most calls about one object in any minute. */
const budgetPerMinute = { create: 3, get: 15, refund: 3, getRefund: 6 } as const;
/** The most after the first minute. */
const laterPerMinute = { create: 1, get: 4, refund: 1, getRefund: 6 } as const;
/** The most where the PSP itself asks us to slow down, or does not know us. */
const pausedPerMinute = 1;

const kinds: FaultKind[] = [
  'hang', 'hang_after', 'reset_before', 'reset_after', 'error_500_before', 'error_500_after', 'too_many', 'unauthorized', 'forbidden', 'garbage', 'html', 'slow_body',
];
const alarming: readonly FaultKind[] = ['unauthorized', 'forbidden'];
const pausing: readonly FaultKind[] = [...alarming, 'too_many'];

const everyMs = 5000;
const troubleMs = 3 * minuteMs;

/** With these nothing comes until the service has waited long enough. */
const silent: readonly FaultKind[] = ['hang', 'hang_after', 'slow_body'];

const patience = { settings: { YOOKASSA_TIMEOUT_MS: '10000' } };
const impatience = { YOOKASSA_TIMEOUT_MS: '100' };

/** From here on the PSP fails at a call. Where that means silence, the service waits for an answer less long. */
async function trouble(shop: Shop, call: FaultInput['call'], kind: FaultKind): Promise<void> {
  // A body that dribbles for longer than anybody waits.
  shop.psp.faults.add({ call, kind, times: 'always', delayMs: kind === 'slow_body' ? 60_000 : undefined });
  if (silent.includes(kind)) await shop.restart({ settings: impatience });
}

/** The PSP is well again, and `ms` pass. A busy machine can be slower than an impatient service waits: then it asks once more, as long after. */
async function recover(shop: Shop, { kind, ms = 65_000 }: { kind: FaultKind; ms?: number }, recovered: () => Promise<boolean>): Promise<void> {
  shop.psp.faults.clear();
  for (let windows = silent.includes(kind) ? 3 : 1; windows > 0; windows--) {
    await shop.pass({ ms, everyMs });
    if (await recovered()) return;
  }
}

function expectBudget(shop: Shop, call: keyof typeof budgetPerMinute, { kind, since }: { kind: FaultKind; since: number }): void {
  const calls = shop.psp.journal.filter((entry) => entry.call === call && entry.atMs >= since);
  expect(calls.length).toBeGreaterThan(1);
  for (const { atMs } of calls) {
    const inMinute = calls.filter((entry) => entry.atMs >= atMs && entry.atMs < atMs + minuteMs).length;
    const most = pausing.includes(kind) ? pausedPerMinute : atMs < since + minuteMs ? budgetPerMinute[call] : laterPerMinute[call];
    expect(inMinute).toBeLessThanOrEqual(most);
  }
}

async function expectAnomalies(shop: Shop, kind: FaultKind): Promise<void> {
  const found = await shop.payments.rows.selectFrom('anomalies').select(['kind', 'object_id']).execute();
  expect(found).toEqual(alarming.includes(kind) ? [{ kind: 'psp_misconfigured', object_id: 'yookassa' }] : []);
  expect(await shop.payments.metric('payments_anomalies_total')).toBe(found.length);
}

async function expectBooks(shop: Shop): Promise<void> {
  await shop.drain({ leastMs: 10 * minuteMs });
  expect(await brokenPromises({ payments: shop.payments, psp: shop.psp, now: shop.clock.now(), settled: true })).toEqual([]);
  expect(shop.payments.mishaps()).toEqual([]);
}

function deeds(shop: Shop, did: 'created', object: 'payment' | 'refund'): JournalEntry[] {
  return shop.psp.journal.filter(({ deed }) => deed?.did === did && deed.object === object);
}

async function confirmed(shop: Shop): Promise<string> {
  const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
  shop.psp.pay(shop.paymentsOf(id)[0]!.id);
  shop.clock.advance(everyMs);
  await shop.payments.work();
  expect(await read(shop.payments.client, id)).toMatchObject({ status: 'confirmed' });
  return id;
}

describe('P1 P10 create', () => {
  test.each(kinds)('%s: the intent waits, the same bytes go out again within the budget, one payment comes of it', async (kind) => {
    await using shop = await openShop(patience);
    await trouble(shop, 'create', kind);
    const since = shop.clock.now();
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    await shop.pass({ ms: troubleMs, everyMs });
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'pending', qrCodeData: '' });
    expectBudget(shop, 'create', { kind, since });
    await expectAnomalies(shop, kind);

    await recover(shop, { kind }, async () => (await read(shop.payments.client, id)).qrCodeData !== '');
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'pending', qrCodeData: expect.stringContaining('/pay/') });
    expect(deeds(shop, 'created', 'payment')).toHaveLength(1);
    shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    await recover(shop, { kind, ms: minuteMs }, async () => (await read(shop.payments.client, id)).status === 'confirmed');
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'confirmed' });
    await expectBooks(shop);
  });
});

describe('P10 P11 get', () => {
  test.each(kinds)('%s: the paid intent stays pending, is asked about within the budget, and is confirmed within a minute after', async (kind) => {
    await using shop = await openShop(patience);
    const since = shop.clock.now();
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    await trouble(shop, 'get', kind);
    await shop.pass({ ms: troubleMs, everyMs });
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'pending' });
    expectBudget(shop, 'get', { kind, since });
    await expectAnomalies(shop, kind);

    await recover(shop, { kind, ms: minuteMs }, async () => (await read(shop.payments.client, id)).status === 'confirmed');
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'confirmed' });
    await expectBooks(shop);
  });
});

describe('R2 P10 refund', () => {
  test.each(kinds)('%s: the refund waits, goes out again within the budget, and happens once', async (kind) => {
    await using shop = await openShop(patience);
    const intentId = await confirmed(shop);
    await trouble(shop, 'refund', kind);
    const since = shop.clock.now();
    await shop.payments.client.refundIntent({ idempotencyKey: 'r', intentId, amountMinor: 10_000, reason: 'Отказ' }, operator);
    await shop.pass({ ms: troubleMs, everyMs });
    expect(await refunds(shop)).toEqual([{ status: 'pending', submission: 'submitting' }]);
    expectBudget(shop, 'refund', { kind, since });
    await expectAnomalies(shop, kind);
    // Nothing more can go back than what is left, though nobody knows yet how this one ends.
    expect(await failure(shop.payments.client.refundIntent({ idempotencyKey: 's', intentId, amountMinor: 38_001, reason: 'Отказ' }, operator)))
      .toEqual({ kind: 'conflict', reason: 'refund_exceeds_payment' });

    await recover(shop, { kind }, async () => (await refunds(shop))[0]!.status === 'succeeded');
    expect(await refunds(shop)).toEqual([{ status: 'succeeded', submission: 'attached' }]);
    expect(deeds(shop, 'created', 'refund')).toHaveLength(1);
    await expectBooks(shop);
  });

  test.each(kinds)('R4 asking about one: %s: it stays pending, is asked about within the budget, and its end is noticed after', async (kind) => {
    await using shop = await openShop(patience);
    const intentId = await confirmed(shop);
    shop.psp.settings.refundsByHand = true;
    const since = shop.clock.now();
    await shop.payments.client.refundIntent({ idempotencyKey: 'r', intentId, reason: 'Отказ' }, operator);
    shop.psp.settleRefund(shop.psp.refunds()[0]!.id);
    await trouble(shop, 'getRefund', kind);
    await shop.pass({ ms: troubleMs, everyMs });
    expect(await refunds(shop)).toEqual([{ status: 'pending', submission: 'attached' }]);
    expectBudget(shop, 'getRefund', { kind, since });
    await expectAnomalies(shop, kind);
    await recover(shop, { kind }, async () => (await refunds(shop))[0]!.status === 'succeeded');
    expect(await refunds(shop)).toEqual([{ status: 'succeeded', submission: 'attached' }]);
    await expectBooks(shop);
  });
});

describe('P14 list', () => {
  const lists = ['list', 'listRefunds'] as const;
  test.each(lists.flatMap((call) => kinds.map((kind) => [call, kind] as const)))('%s %s: reconciling fails as unavailable, changes nothing, and works after', async (call, kind) => {
    await using shop = await openShop(patience);
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    await trouble(shop, call, kind);
    shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    expect(await failure(shop.payments.client.reconcile({ day: '2026-11-20' }, operator))).toEqual({ kind: 'unavailable', reason: 'psp_unavailable' });
    // The command's client asks an unavailable service four times at most.
    expect(shop.psp.journal.filter((entry) => entry.call === call).length).toBeLessThanOrEqual(4);
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'pending' });
    expect(await shop.payments.rows.selectFrom('reconciliations').selectAll().execute()).toEqual([]);
    await expectAnomalies(shop, kind);

    shop.psp.faults.clear();
    expect(await shop.payments.client.reconcile({ day: '2026-11-20' }, operator)).toMatchObject({ pspPayments: 1, ourPayments: 1, repaired: 1, differences: [] });
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'confirmed' });
    await expectBooks(shop);
  });
});

describe('slow, but in time', () => {
  test.each<FaultInput['call']>(['create', 'get', 'refund', 'list'])('%s: an answer that dribbles is an answer', async (call) => {
    await using shop = await openShop();
    const { client } = shop.payments;
    shop.psp.faults.add({ call, kind: 'slow_body', times: 1, delayMs: 100 });
    const intentId = await confirmed(shop);
    await client.refundIntent({ idempotencyKey: 'r', intentId, reason: 'Отказ' }, operator);
    expect(await refunds(shop)).toEqual([{ status: 'succeeded', submission: 'attached' }]);
    expect(await client.reconcile({ day: '2026-11-20' }, operator)).toMatchObject({ differences: [] });
    expect(shop.psp.journal.map((entry) => entry.call)).toEqual(['create', 'get', 'refund', 'list', 'listRefunds']);
  });
});

describe('one alarm for wrong credentials', () => {
  test('however many payments wait; when they are right again everything goes on by itself, and the next time it is alarmed again', async () => {
    await using shop = await openShop();
    const { client } = shop.payments;
    shop.psp.faults.add({ call: 'any', kind: 'unauthorized', times: 'always' });
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push((await create(client, { sessionId: shop.sessions.open() })).id);
    await shop.pass({ ms: 3 * minuteMs, everyMs });
    expect(await shop.payments.metric('payments_anomalies_total', { kind: 'psp_misconfigured' })).toBe(1);
    shop.psp.faults.clear();
    await shop.pass({ ms: 65_000, everyMs });
    for (const id of ids) expect(await read(client, id)).toMatchObject({ status: 'pending', qrCodeData: expect.stringContaining('/pay/') });

    shop.clock.advance(24 * 60 * minuteMs);
    await shop.payments.work();
    shop.psp.faults.add({ call: 'any', kind: 'forbidden', times: 'always' });
    await create(client, { sessionId: shop.sessions.open() });
    expect(await shop.payments.metric('payments_anomalies_total', { kind: 'psp_misconfigured' })).toBe(2);
    expect(shop.payments.logged.filter(({ anomaly }) => anomaly === 'psp_misconfigured')).toHaveLength(2);
    expect(await shop.payments.rows.selectFrom('anomalies').select('kind').execute()).toEqual([{ kind: 'psp_misconfigured' }]);
  });
});

async function refunds(shop: Shop): Promise<{ status: string; submission: string }[]> {
  return shop.payments.rows.selectFrom('refunds').select(['status', 'submission']).orderBy('id').execute();
}
