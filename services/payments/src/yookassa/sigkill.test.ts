/**
 * The same with real processes and SIGKILL: killed before and after every step of an intent and of a refund, and at the same step again where the second
 * life comes to it; then the books must agree.
 */
import { afterAll, expect, test } from '@jest/globals';
import { create, request } from '../testing.ts';
import { brokenPromises } from './books.fixture.ts';
import { startChild, type Child, type ChildOptions } from './process.fixture.ts';
import { minuteMs, openShop, operator, secretKey, shopId, type Shop } from './shop.fixture.ts';
import type { When } from './steps.fixture.ts';

type Client = Child['client'];
type Journey = {
  name: string;
  labels: readonly string[];
  prepare(shop: Shop): Promise<{ sessionId: string; act(client: Client): Promise<string>; rows: 'intents' | 'refunds' }>;
};

const journeys: Journey[] = [
  {
    name: 'P1 P12 an intent',
    labels: ['commit Store.open', 'psp create', 'commit Store.settle'],
    async prepare(shop) {
      const sessionId = shop.sessions.open();
      return {
        sessionId, rows: 'intents',
        act: async (client) => (await client.createIntent(request({ sessionId, idempotencyKey: 'one' }))).intent!.id,
      };
    },
  },
  {
    name: 'R1 R2 P12 an operator’s refund',
    labels: ['commit RefundStore.open', 'commit RefundStore.claimSubmission', 'psp refund', 'commit RefundStore.settle'],
    async prepare(shop) {
      const sessionId = shop.sessions.open();
      const { id: intentId } = await create(shop.payments.client, { sessionId });
      shop.psp.pay(shop.paymentsOf(intentId)[0]!.id);
      shop.clock.advance(5000);
      await shop.payments.work();
      return {
        sessionId, rows: 'refunds',
        act: async (client) => (await client.refundIntent({ idempotencyKey: 'back', intentId, amountMinor: 20_000, reason: 'Замер не удался' }, operator)).refund!.id,
      };
    },
  },
];

let deaths = 0;
afterAll(() => console.info(`${deaths} deaths by SIGKILL`));

const moments: readonly When[] = ['before', 'after'];
const cases = journeys.flatMap((journey) => journey.labels.flatMap((label) => moments.map((when) => ({ journey, label, when }))));

test.each(cases)('$journey.name: SIGKILL $when $label, and again', async ({ journey, label, when }) => {
  await using shop = await openShop();
  const { sessionId, act, rows } = await journey.prepare(shop);
  const options: ChildOptions = {
    now: shop.clock.now(), sessionIds: [sessionId], kill: { when, label },
    settings: {
      STORAGE_PATH: shop.folder, PRICES: '[]', PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: shopId, YOOKASSA_SECRET_KEY: secretKey, YOOKASSA_API_URL: shop.psp.url,
    },
  };
  await shop.stop();
  const acknowledged: string[] = [];
  for (const life of [1, 2]) {
    await using child = await startChild(options);
    await act(child.client).then((id) => acknowledged.push(id), () => {});
    const died = await child.died();
    // The first always reaches the step; the second may find it done.
    if (life === 1) expect(died).toBe(true);
    if (died) expect(child.signal()).toBe('SIGKILL');
    if (died) deaths++;
  }
  await shop.restart();
  acknowledged.push(await act(shop.payments.client));
  await shop.drain({ leastMs: 10 * minuteMs });
  expect(await brokenPromises({ payments: shop.payments, psp: shop.psp, now: shop.clock.now(), settled: true })).toEqual([]);
  expect(new Set(acknowledged).size).toBe(1);
  expect(await shop.payments.rows.selectFrom(rows).select('id').execute()).toEqual([{ id: acknowledged[0] }]);
  expect(rows === 'intents' ? shop.psp.payments() : shop.psp.refunds()).toHaveLength(1);
});
