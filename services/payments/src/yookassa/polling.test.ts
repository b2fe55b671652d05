/** P11: money is noticed without any notification, and one slow answer keeps nobody else waiting. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { create, read } from '../testing.ts';
import { hourMs, minuteMs, openShop, type Shop } from './shop.fixture.ts';

function askedAt(shop: Shop): number[] {
  return shop.psp.journal.filter(({ call }) => call === 'get').map(({ atMs }) => atMs);
}

describe('P11 an open payment is asked about', () => {
  test.each([['ten minutes', 10 * minuteMs], ['an hour, the longest that it can be', hourMs]])('within a minute for as long as it is on the screen (%s)', async (_, ttlMs) => {
    await using shop = await openShop({ settings: { PAYMENT_TTL_MS: String(ttlMs) } });
    const since = shop.clock.now();
    await create(shop.payments.client, { sessionId: shop.sessions.open() });
    await shop.pass({ ms: ttlMs - 1000, everyMs: 1000 });
    const times = [since, ...askedAt(shop), shop.clock.now()];
    for (const [index, at] of times.slice(1).entries()) expect(at - times[index]!).toBeLessThanOrEqual(minuteMs);
    // The first seconds count most: somebody stands there with a phone.
    expect(times.filter((at) => at > since && at <= since + 10_000).length).toBeGreaterThanOrEqual(4);
    // And the PSP is not asked for nothing.
    expect(times.length).toBeLessThanOrEqual(20 + ttlMs / 40_000);
  });

  test('more seldom after that, until the PSP says how it ended', async () => {
    await using shop = await openShop();
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    await shop.pass({ ms: 59 * minuteMs, everyMs: 10_000 });
    const inTheHour = askedAt(shop).length;
    expect(inTheHour).toBeLessThanOrEqual(70);
    await shop.pass({ ms: 30 * minuteMs, everyMs: 10_000 });
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'expired' });
    const asked = askedAt(shop).length;
    await shop.pass({ ms: 24 * hourMs, everyMs: hourMs });
    expect(askedAt(shop)).toHaveLength(asked);
  });
});

describe('one call that hangs', () => {
  test('P11 keeps no other payment waiting', async () => {
    // The job itself does the work here, at its own pace.
    await using shop = await openShop({ settings: { PAYMENT_POLL_INTERVAL_MS: '50', YOOKASSA_TIMEOUT_MS: '40000' } });
    const { client } = shop.payments;
    const stuck = await create(client, { sessionId: shop.sessions.open() });
    shop.psp.faults.add({ call: 'get', kind: 'hang', times: 'always', paymentId: shop.paymentsOf(stuck.id)[0]!.id });
    shop.clock.advance(3000);
    await until(() => askedAt(shop).length > 0);
    for (let i = 0; i < 10; i++) {
      const { id } = await create(client, { sessionId: shop.sessions.open() });
      shop.psp.pay(shop.paymentsOf(id)[0]!.id);
      shop.clock.advance(2000);
      await until(async () => (await read(client, id)).status === 'confirmed');
    }
    // Ten customers came and went while the one answer was still awaited.
    expect(await read(client, stuck.id)).toMatchObject({ status: 'pending' });
  });

  test('R4 keeps no payment waiting where it is about a refund, nor a refund where it is about a payment', async () => {
    await using shop = await openShop({ settings: { PAYMENT_POLL_INTERVAL_MS: '50', YOOKASSA_TIMEOUT_MS: '40000' } });
    const { client } = shop.payments;
    const first = await create(client, { sessionId: shop.sessions.open() });
    shop.psp.pay(shop.paymentsOf(first.id)[0]!.id);
    shop.clock.advance(2000);
    await until(async () => (await read(client, first.id)).status === 'confirmed');
    shop.psp.settings.refundsByHand = true;
    await client.refundIntent({ idempotencyKey: 'r', intentId: first.id, reason: 'Отказ' }, { caller: { role: 'operator', name: 'anna' } });
    shop.psp.faults.add({ call: 'getRefund', kind: 'hang', times: 'always' });
    shop.clock.advance(11_000);
    await until(() => shop.psp.journal.some(({ call }) => call === 'getRefund'));
    const { id } = await create(client, { sessionId: shop.sessions.open() });
    shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    shop.clock.advance(2000);
    await until(async () => (await read(client, id)).status === 'confirmed');
    expect(shop.psp.journal.filter(({ call }) => call === 'getRefund')).toHaveLength(1);
  });
});

test('P11 payments on screens are asked about while those that nobody can make keep the PSP busy', async () => {
  await using shop = await openShop({ settings: { PAYMENT_POLL_INTERVAL_MS: '50', YOOKASSA_TIMEOUT_MS: '40000', PAYMENT_SUBMIT_WAIT_MS: '50' } });
  const { client } = shop.payments;
  shop.psp.faults.add({ call: 'create', kind: 'hang', times: 10 });
  for (let i = 0; i < 10; i++) await create(client, { sessionId: shop.sessions.open() });
  // Their time has come again, before that of the next customer.
  shop.clock.advance(46_000);
  const { id } = await create(client, { sessionId: shop.sessions.open() });
  await until(() => shop.paymentsOf(id).length > 0);
  shop.psp.pay(shop.paymentsOf(id)[0]!.id);
  shop.clock.advance(2000);
  await until(async () => (await read(client, id)).status === 'confirmed');
  expect(shop.psp.payments()).toHaveLength(1);
});

test('P11 a PSP that hangs altogether is asked eight things at a time at most', async () => {
  await using shop = await openShop({ settings: { YOOKASSA_TIMEOUT_MS: '3000' } });
  for (let i = 0; i < 20; i++) await create(shop.payments.client, { sessionId: shop.sessions.open() });
  shop.psp.faults.add({ call: 'get', kind: 'hang', times: 'always' });
  shop.clock.advance(3000);
  const working = shop.payments.work();
  await until(() => askedAt(shop).length >= 8);
  await sleep(100);
  expect(askedAt(shop)).toHaveLength(8);
  await working;
  expect(askedAt(shop)).toHaveLength(20);
});

test('a stop while the PSP hangs does not wait for it; what it was at is taken up at the next start', async () => {
  await using shop = await openShop({ settings: { YOOKASSA_TIMEOUT_MS: '30000', PAYMENT_SUBMIT_WAIT_MS: '50' } });
  shop.psp.faults.add({ call: 'any', kind: 'hang', times: 3 });
  const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
  const startedAt = performance.now();
  await shop.stop();
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  shop.psp.faults.clear();
  await shop.restart();
  await shop.payments.work();
  expect(await read(shop.payments.client, id)).toMatchObject({ status: 'pending', qrCodeData: expect.stringContaining('/pay/') });
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const limit = performance.now() + 10_000; !await holds();) {
    if (performance.now() > limit) throw new Error('it never came');
    await sleep(5);
  }
}
