/**
 * Killed at every step. Each commit and each PSP call of a journey is a step; the service is killed before it and after it, started again on what was on
 * the disk, and time passes until nothing is left to do. Then the books must agree with the PSP's own journal, whatever the step was. Each step twice as
 * well: the second death comes at the same step after the restart.
 * KIOSK_TORTURE_RUNS set: a second death at every step of the recovery, its start included.
 */
import { afterAll, expect, test } from '@jest/globals';
import { create } from '../testing.ts';
import { brokenPromises } from './books.fixture.ts';
import { endSession, hourMs, minuteMs, openShop, operator, type Shop, type ShopOptions } from './shop.fixture.ts';
import { notificationOf } from './webhook.fixture.ts';
import type { Kill, Step, When } from './steps.fixture.ts';

/** `act` is what the world does; it is done again after each death, until it goes through. `expectEnd` looks at the end of it all. */
type Journey = { name: string; options?: ShopOptions; prepare(shop: Shop): Promise<{ act(): Promise<void>; expectEnd(): Promise<void> }> };

const everyPair = process.env['KIOSK_TORTURE_RUNS'] !== undefined;

async function confirmed(shop: Shop): Promise<{ intentId: string; sessionId: string }> {
  const sessionId = shop.sessions.open();
  const { id: intentId } = await create(shop.payments.client, { sessionId });
  shop.psp.pay(shop.paymentsOf(intentId)[0]!.id);
  shop.clock.advance(5000);
  await shop.payments.work();
  return { intentId, sessionId };
}

async function statusOf(shop: Shop, intentId: string): Promise<{ status: string; failure_reason: string | null }> {
  return shop.payments.rows.selectFrom('intents').select(['status', 'failure_reason']).where('id', '=', intentId).executeTakeFirstOrThrow();
}

async function refundsOf(shop: Shop, intentId: string): Promise<{ origin: string; status: string; amount_minor: number }[]> {
  return shop.payments.rows.selectFrom('refunds').select(['origin', 'status', 'amount_minor']).where('intent_id', '=', intentId).orderBy('id').execute();
}

const journeys: Journey[] = [
  {
    name: 'P1 P12 an intent',
    async prepare(shop) {
      const sessionId = shop.sessions.open();
      const answered = new Set<string>();
      return {
        async act() {
          const intent = await create(shop.payments.client, { sessionId, idempotencyKey: 'one' });
          answered.add(intent.id);
        },
        async expectEnd() {
          expect(answered.size).toBe(1);
          expect(await shop.payments.rows.selectFrom('intents').select('id').execute()).toEqual([{ id: [...answered][0] }]);
          expect(shop.psp.payments()).toHaveLength(1);
        },
      };
    },
  },
  {
    name: 'P5 P13 an intent of another amount, which replaces the first',
    async prepare(shop) {
      const sessionId = shop.sessions.open();
      const first = await create(shop.payments.client, { sessionId, amountMinor: 35_000 });
      const second = new Set<string>();
      return {
        async act() {
          second.add((await create(shop.payments.client, { sessionId, idempotencyKey: 'another', amountMinor: 40_000 })).id);
        },
        async expectEnd() {
          expect(second.size).toBe(1);
          expect(await statusOf(shop, first.id)).toEqual({ status: 'failed', failure_reason: 'superseded' });
          expect(shop.psp.payments()).toHaveLength(2);
        },
      };
    },
  },
  {
    name: 'W3 P12 a notification, and the confirmation that follows',
    async prepare(shop) {
      const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
      const paid = shop.psp.pay(shop.paymentsOf(id)[0]!.id);
      shop.clock.advance(5000);
      let acknowledged = false;
      return {
        async act() {
          // What was answered 200 never comes again.
          if (!acknowledged) await shop.payments.client.receiveNotification(notificationOf('payment.succeeded', paid));
          acknowledged = true;
          await shop.payments.work();
        },
        async expectEnd() {
          expect(await statusOf(shop, id)).toMatchObject({ status: 'confirmed' });
          expect(await shop.payments.rows.selectFrom('notifications').select('object_id').execute()).toContainEqual({ object_id: paid.id });
        },
      };
    },
  },
  {
    name: 'R1 R2 P12 an operator’s refund',
    async prepare(shop) {
      const { intentId } = await confirmed(shop);
      const answered = new Set<string>();
      return {
        async act() {
          const { refund } = await shop.payments.client.refundIntent({ idempotencyKey: 'back', intentId, amountMinor: 20_000, reason: 'Замер не удался' }, operator);
          answered.add(refund!.id);
        },
        async expectEnd() {
          expect(answered.size).toBe(1);
          expect(await refundsOf(shop, intentId)).toEqual([{ origin: 'operator', status: 'succeeded', amount_minor: 20_000 }]);
        },
      };
    },
  },
  {
    name: 'P9 late money for a session that is gone',
    async prepare(shop) {
      const sessionId = shop.sessions.open();
      const { id } = await create(shop.payments.client, { sessionId });
      await shop.payments.client.cancelIntent({ intentId: id });
      await endSession(shop, sessionId, 'expired');
      shop.psp.pay(shop.paymentsOf(id)[0]!.id);
      shop.clock.advance(5 * minuteMs);
      return {
        act: () => shop.payments.work(),
        async expectEnd() {
          expect(await statusOf(shop, id)).toEqual({ status: 'failed', failure_reason: 'canceled_by_customer' });
          expect(await refundsOf(shop, id)).toEqual([{ origin: 'late_money', status: 'succeeded', amount_minor: 48_000 }]);
          expect(shop.psp.refunds()).toHaveLength(1);
        },
      };
    },
  },
  {
    name: 'P8 P13 late money for a session that still waits, with a newer intent on the screen',
    async prepare(shop) {
      const sessionId = shop.sessions.open();
      const first = await create(shop.payments.client, { sessionId, amountMinor: 35_000 });
      const second = await create(shop.payments.client, { sessionId, amountMinor: 40_000 });
      shop.psp.pay(shop.paymentsOf(first.id)[0]!.id);
      shop.clock.advance(5 * minuteMs);
      return {
        act: () => shop.payments.work(),
        async expectEnd() {
          expect(await statusOf(shop, first.id)).toMatchObject({ status: 'confirmed' });
          expect(await statusOf(shop, second.id)).toEqual({ status: 'failed', failure_reason: 'superseded' });
        },
      };
    },
  },
  {
    name: 'R2 R4 a refund rejected by timeout, and tried again',
    async prepare(shop) {
      const { intentId } = await confirmed(shop);
      shop.psp.settings.refundsByHand = true;
      await shop.payments.client.refundIntent({ idempotencyKey: 'back', intentId, reason: 'Замер не удался' }, operator);
      shop.psp.cancelRefund(shop.psp.refunds()[0]!.id, 'rejected_by_timeout');
      shop.psp.settings.refundsByHand = false;
      shop.clock.advance(minuteMs);
      return {
        async act() {
          await shop.payments.work();
          shop.clock.advance(5 * minuteMs);
          await shop.payments.work();
        },
        async expectEnd() {
          expect((await refundsOf(shop, intentId)).map(({ status }) => status)).toEqual(['canceled', 'succeeded']);
          expect(shop.psp.refunds().map(({ status }) => status)).toEqual(['canceled', 'succeeded']);
        },
      };
    },
  },
  {
    name: 'P9 P13 money for a visit that failed without a report',
    options: { settings: { REFUND_UNSERVED: 'true' } },
    async prepare(shop) {
      const { intentId, sessionId } = await confirmed(shop);
      await endSession(shop, sessionId, 'failed');
      shop.clock.advance(hourMs);
      return {
        async act() {
          await shop.payments.work();
          await shop.payments.work();
        },
        async expectEnd() {
          expect(await statusOf(shop, intentId)).toMatchObject({ status: 'confirmed' });
          expect(await refundsOf(shop, intentId)).toEqual([{ origin: 'unserved', status: 'succeeded', amount_minor: 48_000 }]);
        },
      };
    },
  },
  {
    name: 'P14 a reconciliation that repairs',
    async prepare(shop) {
      const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
      shop.psp.pay(shop.paymentsOf(id)[0]!.id);
      return {
        async act() {
          await shop.payments.client.reconcile({ day: '2026-11-20' }, operator);
        },
        async expectEnd() {
          expect(await statusOf(shop, id)).toMatchObject({ status: 'confirmed' });
          const runs = await shop.payments.rows.selectFrom('reconciliations').select(['psp_payments', 'our_payments', 'differences']).execute();
          expect(runs).toContainEqual({ psp_payments: 1, our_payments: 1, differences: '[]' });
        },
      };
    },
  },
];

/** Answers the steps of the first life, and whether it ended in death. */
async function live(journey: Journey, kills: readonly Kill[]): Promise<{ steps: readonly Step[]; deaths: Step[] }> {
  await using shop = await openShop(journey.options);
  const { act, expectEnd } = await journey.prepare(shop);
  await shop.steps.quiet();
  shop.steps.arm(kills[0]);
  let steps: readonly Step[] | undefined;
  const deaths: Step[] = [];
  let through = false;
  for (const next of [...kills.slice(1), undefined]) {
    // After a death in the start nobody is there to act.
    if (!shop.steps.killedAt) await act().catch((error: unknown) => {
      if (!shop.steps.killedAt) throw error;
    });
    await shop.steps.quiet();
    steps ??= shop.steps.taken;
    through = !shop.steps.killedAt;
    if (!shop.steps.killedAt) break;
    deaths.push(shop.steps.killedAt);
    await shop.restart({ kill: next });
  }
  shop.steps.arm();
  if (!through) await act();
  await shop.drain({ leastMs: 10 * minuteMs });
  const broken = await brokenPromises({ payments: shop.payments, psp: shop.psp, now: shop.clock.now(), settled: true });
  expect(broken).toEqual([]);
  await expectEnd();
  return { steps: steps ?? [], deaths };
}

let stepCount = 0;
let deathCount = 0;
const said: string[] = [];

afterAll(() => {
  console.info(`killed before and after each of ${stepCount} steps, ${deathCount} deaths\n${said.join('\n')}`);
});

const moments: readonly When[] = ['before', 'after'];

test.each(journeys)('$name: killed before and after every step, and twice', async (journey) => {
  const undisturbed = await live(journey, []);
  expect(undisturbed.deaths).toEqual([]);
  const labels = undisturbed.steps.map(({ label }) => label);
  expect(labels.length).toBeGreaterThan(0);
  stepCount += labels.length;
  let deaths = 0;
  for (let index = 1; ; index++) {
    let reached = false;
    for (const when of moments) {
      const kill: Kill = { when, at: (step) => step.index === index };
      const once = await attempt(journey, [kill], `killed ${when} step ${index} (${labels[index - 1] ?? 'more than usual'})`);
      reached ||= once.deaths.length > 0;
      deaths += once.deaths.length;
      const [died] = once.deaths;
      if (!died) continue;
      const same: Kill = { when, at: ({ label, nth }) => label === died.label && nth === died.nth };
      deaths += (await attempt(journey, [kill, same], `killed ${when} step ${index} (${died.label}), and again`)).deaths.length;
      for (let again = 1; everyPair; again++) {
        const run = await attempt(journey, [kill, { when, at: (step) => step.index === again }], `killed ${when} step ${index} (${died.label}), and at ${again} after it`);
        deaths += run.deaths.length;
        if (run.deaths.length < 2) break;
      }
    }
    if (!reached) break;
  }
  expect(deaths).toBeGreaterThanOrEqual(2 * labels.length);
  deathCount += deaths;
  said.push(`${journey.name}: ${labels.join(', ')}`);
}, everyPair ? 1_800_000 : 120_000);

async function attempt(journey: Journey, kills: readonly Kill[], how: string): ReturnType<typeof live> {
  try {
    return await live(journey, kills);
  } catch (cause) {
    throw new Error(`${how}: ${(cause as Error).message}`, { cause });
  }
}
