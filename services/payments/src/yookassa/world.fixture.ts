/**
 * What can happen to the service, as commands for fast-check: customers, operators, the PSP's hands and its faults, notifications true and forged, time,
 * sessions, restarts and deaths. Each command says what it may be answered; whatever else comes is a finding.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionStatus } from '@kiosk/contracts/sessions/v1/sessions';
import { Fault } from '@kiosk/fault';
import type { FaultInput, NotificationFaultInput, RefundCancelReason } from '@kiosk/psp';
import fc from 'fast-check';
import { create } from '../testing.ts';
import { brokenPromises } from './books.fixture.ts';
import { endSession, hourMs, minuteMs, notificationOf, operator, type Shop } from './shop.fixture.ts';
import type { When } from './steps.fixture.ts';

export type World = {
  shop: Shop;
  sessionIds: string[];
  /** What was asked for under which key, and the intent that was answered first; absent while no answer came. */
  requests: { sessionId: string; amountMinor: number; idempotencyKey: string; intentId?: string }[];
  refundRequests: { intentId: string; amountMinor: number; idempotencyKey: string; refundId?: string }[];
};

export function newWorld(shop: Shop): World {
  return { shop, sessionIds: [], requests: [], refundRequests: [] };
}

/** Nobody stays for ever. */
export async function endAllSessions({ shop, sessionIds }: World): Promise<void> {
  for (const sessionId of sessionIds) if (await isActive(shop, sessionId)) await endSession(shop, sessionId, 'expired');
}

async function isActive(shop: Shop, sessionId: string): Promise<boolean> {
  const session = await shop.sessionOf(sessionId).catch(() => undefined);
  return session?.status === SessionStatus.SESSION_STATUS_ACTIVE;
}

type Model = Record<string, never>;
export type Command = fc.AsyncCommand<Model, World>;

/** `run` does nothing where there is nothing to do it to. */
function command(words: string, run: (world: World) => Promise<unknown>): Command {
  return {
    check: () => true,
    async run(_, world) {
      const { shop } = world;
      if (shop.steps.killedAt) await shop.restart();
      const before = await readVisits(world);
      try {
        await run(world);
      } catch (error) {
        // The answer died with the service.
        if (!shop.steps.killedAt) throw new Error(`${words}: ${(error as Error).message}`, { cause: error });
      }
      await shop.steps.quiet();
      if (shop.steps.killedAt) return;
      const broken = await brokenPromises({ payments: shop.payments, psp: shop.psp, now: shop.clock.now(), settled: false });
      broken.push(...lateMoneyGoneWrong(before, await readVisits(world)));
      if (broken.length > 0) throw new Error(`after ${words}: ${broken.join('; ')}`);
      // What the service itself did not expect. The daily reconciliation says so while the PSP cannot be asked.
      const mishap = shop.payments.mishaps().find((line) => line['job'] !== 'reconciliation' && !JSON.stringify(line).includes('sessions_down'));
      if (mishap) throw new Error(`after ${words}: ${JSON.stringify(mishap)}`);
    },
    toString: () => words,
  };
}

type Visits = { active: ReadonlySet<string>; intents: { id: string; sessionId: string; status: string; isLate: boolean; isReturned: boolean }[] };

async function readVisits({ shop, sessionIds }: World): Promise<Visits> {
  const intents = await shop.payments.rows.selectFrom('intents').select(['id', 'session_id', 'status', 'confirmed_at', 'expires_at']).execute();
  const returned = new Set((await shop.payments.rows.selectFrom('refunds').select('intent_id').where('reason', '=', 'late_money_session_ended').execute()).map(({ intent_id }) => intent_id));
  const active = new Set<string>();
  for (const id of sessionIds) if (await isActive(shop, id)) active.add(id);
  return {
    active,
    intents: intents.map((row) => ({
      id: row.id, sessionId: row.session_id, status: row.status, isLate: row.confirmed_at !== null && row.confirmed_at >= row.expires_at, isReturned: returned.has(row.id),
    })),
  };
}

/** P8, P9: a session that is gone stays gone, so what happened to late money since `before` can be judged. */
function lateMoneyGoneWrong(before: Visits, after: Visits): string[] {
  const was = new Map(before.intents.map((intent) => [intent.id, intent]));
  return after.intents.flatMap(({ id, sessionId, status, isLate, isReturned }) => {
    const earlier = was.get(id);
    const confirmedLate = status === 'confirmed' && earlier?.status !== 'confirmed' && (isLate || earlier?.status === 'failed');
    if (confirmedLate && !before.active.has(sessionId) && !after.active.has(sessionId)) return [`P9 late money confirmed ${id}, and its session was gone`];
    if (isReturned && !earlier?.isReturned && after.active.has(sessionId)) return [`P8 late money for ${id} goes back as if its session were gone`];
    return [];
  });
}

/** The answer, or nothing where it is one of the faults that the rules allow. */
async function allowing<T>(reasons: readonly string[], promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Fault && reasons.includes(error.reason)) return undefined;
    throw error;
  }
}

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(items.length, 1)];
}

const createFaults = ['session_final', 'session_not_found', 'already_paid', 'sessions_down'];
const amountsMinor = [32_000, 35_000, 48_000] as const;
const index = fc.nat({ max: 7 });

async function ask(world: World, request: World['requests'][number]): Promise<void> {
  const made = await allowing(createFaults, create(world.shop.payments.client, request));
  if (!made) {
    if (request.intentId !== undefined) throw new Error('P1 a key that was answered before is answered no longer');
    return;
  }
  if (request.intentId !== undefined && made.id !== request.intentId) throw new Error(`P1 the key was answered with ${request.intentId} and is answered with ${made.id}`);
  if (made.sessionId !== request.sessionId || made.amountMinor !== request.amountMinor) throw new Error('P1 another intent than the one that was asked for');
  request.intentId = made.id;
}

async function refund(world: World, request: World['refundRequests'][number]): Promise<void> {
  const answer = await allowing(['intent_not_confirmed', 'refund_exceeds_payment'], world.shop.payments.client.refundIntent({ ...request, reason: 'Отказ' }, operator));
  if (request.refundId !== undefined && answer?.refund?.id !== request.refundId) throw new Error(`R2 the key was answered with ${request.refundId} and is answered with ${answer?.refund?.id}`);
  request.refundId = answer?.refund?.id;
}

const customers = [
  fc.constantFrom('thickness', 'diagnostics').map((type) => command(`open a ${type} session`, async ({ shop, sessionIds }) => {
    sessionIds.push(shop.sessions.open({ type: type as 'thickness' | 'diagnostics' }));
  })),
  fc.tuple(index, fc.constantFrom(...amountsMinor)).map(([at, amountMinor]) => command(`ask for ${amountMinor} in session ${at}`, async (world) => {
    await visit(world, amountMinor, pick(world.sessionIds, at));
  })),
  index.map((at) => command(`repeat request ${at}, three at once`, async (world) => {
    const request = pick(world.requests, at);
    if (request) await Promise.all([ask(world, request), ask(world, request), ask(world, request)]);
  })),
  index.map((at) => command(`use the key of request ${at} for another amount`, async (world) => {
    const request = pick(world.requests.filter(({ intentId }) => intentId !== undefined), at);
    if (!request) return;
    const answer = await allowing(['idempotency_key_reused'], create(world.shop.payments.client, { ...request, amountMinor: request.amountMinor + 1 }));
    if (answer) throw new Error('P2 the same key with another body was answered');
  })),
  index.map((at) => command(`cancel request ${at}`, async (world) => {
    const request = pick(world.requests, at);
    if (request?.intentId) await allowing(['intent_final'], world.shop.payments.client.cancelIntent({ intentId: request.intentId }));
  })),
];

const ends = ['completed', 'expired', 'failed'] as const;
const sessions = [
  fc.tuple(index, fc.constantFrom(...ends)).map(([at, how]) => command(`session ${at} is ${how}`, async ({ shop, sessionIds }) => {
    const sessionId = pick(sessionIds, at);
    if (sessionId && await isActive(shop, sessionId)) await endSession(shop, sessionId, how);
  })),
  index.map((at) => command(`session ${at} is erased`, async ({ shop, sessionIds }) => {
    const sessionId = pick(sessionIds, at);
    if (sessionId) shop.sessions.erase(sessionId);
  })),
  index.map((at) => command(`session ${at} gets its report`, async ({ shop, sessionIds }) => {
    const sessionId = pick(sessionIds, at);
    if (sessionId) await shop.payments.client.recordService({ sessionId, reportId: 'rep_1' });
  })),
  fc.boolean().map((down) => command(`the sessions service is ${down ? 'down' : 'back'}`, async ({ shop }) => {
    shop.sessions.fail(down ? new Fault({ kind: 'unavailable', reason: 'sessions_down', message: 'down' }) : undefined);
  })),
];

const operators = [
  fc.tuple(index, fc.constantFrom(1000, 20_000, 48_000)).map(([at, amountMinor]) => command(`give back ${amountMinor} of request ${at}`, async (world) => {
    const intentId = pick(world.requests, at)?.intentId;
    if (!intentId) return;
    const request = { intentId, amountMinor, idempotencyKey: `r${world.refundRequests.length}` };
    world.refundRequests.push(request);
    await refund(world, request);
  })),
  index.map((at) => command(`repeat refund ${at}, twice at once`, async (world) => {
    const request = pick(world.refundRequests.filter(({ refundId }) => refundId !== undefined), at);
    if (request) await Promise.all([refund(world, request), refund(world, request)]);
  })),
  fc.constant(command('reconcile today', async ({ shop }) => {
    const day = new Date(shop.clock.now() + 3 * hourMs).toISOString().slice(0, 10);
    await allowing(['psp_unavailable', 'sessions_down'], shop.payments.client.reconcile({ day }, operator));
  })),
];

const cancelReasons: RefundCancelReason[] = ['rejected_by_timeout', 'rejected_by_timeout', 'insufficient_funds'];
const psp = [
  index.map((at) => command(`payment ${at} is paid`, async ({ shop }) => {
    const payment = pick(shop.psp.payments().filter(({ status }) => status === 'pending'), at);
    if (payment) shop.psp.pay(payment.id);
  })),
  index.map((at) => command(`the newest payment but ${at} is paid`, async ({ shop }) => {
    const payment = pick(shop.psp.payments().filter(({ status }) => status === 'pending').toReversed(), at);
    if (payment) shop.psp.pay(payment.id);
  })),
  index.map((at) => command(`payment ${at} is declined`, async ({ shop }) => {
    const payment = pick(shop.psp.payments().filter(({ status }) => status === 'pending'), at);
    if (payment) shop.psp.decline(payment.id, 'insufficient_funds');
  })),
  fc.boolean().map((byHand) => command(`refunds are ${byHand ? 'slow' : 'settled at once'}`, async ({ shop }) => {
    shop.psp.settings.refundsByHand = byHand;
  })),
  fc.tuple(index, fc.option(fc.constantFrom(...cancelReasons), { nil: undefined })).map(([at, reason]) => command(`refund ${at} is ${reason ?? 'settled'}`, async ({ shop }) => {
    const pending = pick(shop.psp.refunds().filter(({ status }) => status === 'pending'), at);
    if (pending && reason) shop.psp.cancelRefund(pending.id, reason);
    else if (pending) shop.psp.settleRefund(pending.id);
  })),
];

/** Turns a visit into several commands' worth, so that deep states are reached often. */
const visits = [
  fc.constant(command('a visit that is paid', async (world) => {
    await visit(world, 48_000);
    await payNewest(world, 0);
    await world.shop.pass({ ms: 3000, everyMs: 3000 });
  })),
  fc.tuple(fc.constantFrom(0, 11 * minuteMs), fc.constantFrom(undefined, ...ends)).map(([waitMs, how]) => command(`a visit that is given up ${waitMs ? 'by waiting' : 'by canceling'}, ${how ?? 'goes on'}, and is paid late`, async (world) => {
    const { sessionId, intentId } = await visit(world, 35_000);
    if (waitMs === 0 && intentId) await world.shop.payments.client.cancelIntent({ intentId });
    world.shop.clock.advance(waitMs);
    if (how) await endSession(world.shop, sessionId, how);
    await payNewest(world, 0);
  })),
  fc.boolean().map((both) => command(`a visit that changes its mind, and pays ${both ? 'twice' : 'with the old QR'}`, async (world) => {
    const { sessionId } = await visit(world, 35_000);
    await visit(world, 32_000, sessionId);
    await payNewest(world, 1);
    if (both) await payNewest(world, 0);
  })),
  fc.constant(command('a visit whose creation is never answered', async (world) => {
    world.shop.psp.faults.add({ call: 'create', kind: 'error_500_after', times: 50 });
    await visit(world, 48_000);
  })),
];

async function visit(world: World, amountMinor: number, sessionId = world.shop.sessions.open()): Promise<World['requests'][number]> {
  if (!world.sessionIds.includes(sessionId)) world.sessionIds.push(sessionId);
  const request: World['requests'][number] = { sessionId, amountMinor, idempotencyKey: `k${world.requests.length}` };
  world.requests.push(request);
  await ask(world, request);
  return request;
}

async function payNewest({ shop }: World, but: number): Promise<void> {
  const payment = shop.psp.payments().filter(({ status }) => status === 'pending').at(-1 - but);
  if (payment) shop.psp.pay(payment.id);
}

const notificationFaults: NotificationFaultInput[] = [{ kind: 'duplicate', copies: 3 }, { kind: 'dropped' }, { kind: 'late', delayMs: 5 * minuteMs }, { kind: 'reordered' }];
const forgeries = ['succeeded', 'canceled', 'stranger', 'path', 'refund', 'nonsense'] as const;
const notifications = [
  fc.constant(command('notifications arrive', ({ shop }) => shop.deliver())),
  fc.constant(command('notifications arrive', ({ shop }) => shop.deliver())),
  fc.constantFrom(...notificationFaults).map((fault) => command(`the next notification is ${fault.kind}`, async ({ shop }) => shop.psp.notificationFaults.add(fault))),
  fc.tuple(index, fc.constantFrom(...forgeries)).map(([at, kind]) => command(`a forged notification (${kind}) about payment ${at}`, async ({ shop }) => {
    const payment = pick(shop.psp.payments(), at);
    const object = {
      succeeded: { ...payment, id: payment?.id ?? 'none', status: 'succeeded', paid: true, amount: { value: '1.00', currency: 'RUB' } },
      canceled: { ...payment, id: payment?.id ?? 'none', status: 'canceled' },
      stranger: { id: `2c8a3d5f-000f-5000-8000-${String(at).padStart(12, '0')}` },
      path: { id: '../refunds' },
      refund: { id: pick(shop.psp.refunds(), at)?.id ?? 'none', status: 'succeeded' },
      nonsense: { id: 7 },
    }[kind];
    const event = kind === 'refund' ? 'refund.succeeded' : kind === 'canceled' ? 'payment.canceled' : 'payment.succeeded';
    await allowing(['invalid_notification'], shop.payments.client.receiveNotification(notificationOf(event, object)));
  })),
];

const faultKinds = [
  'error_500_before', 'error_500_after', 'reset_before', 'reset_after', 'too_many', 'unauthorized', 'garbage', 'html', 'hang_after', 'wrong_amount', 'wrong_metadata',
] as const satisfies FaultInput['kind'][];
const faultyCalls = ['create', 'get', 'refund', 'getRefund', 'list', 'any'] as const satisfies FaultInput['call'][];
const waitsMs = [1000, 3000, 10_000, minuteMs, 5 * minuteMs, 11 * minuteMs, hourMs, 6 * hourMs, 21 * hourMs] as const;
const times: readonly When[] = ['before', 'after'];
const world = [
  fc.tuple(fc.constantFrom(...faultyCalls), fc.constantFrom(...faultKinds), fc.integer({ min: 1, max: 3 })).map(([call, kind, count]) => command(`the next ${count} ${call} fail (${kind})`, async ({ shop }) => {
    shop.psp.faults.add({ call, kind, times: kind === 'hang_after' ? 1 : count });
  })),
  fc.constant(command('the PSP is well again', async ({ shop }) => shop.psp.faults.clear())),
  fc.constantFrom(...waitsMs).map((ms) => command(`${ms / 1000} s pass`, async ({ shop }) => shop.clock.advance(ms))),
  fc.constantFrom(...waitsMs.slice(0, 6)).map((ms) => command(`${ms / 1000} s pass, and the service works`, ({ shop }) => shop.pass({ ms, everyMs: ms }))),
  fc.constant(command('the service works', ({ shop }) => shop.payments.work())),
  fc.constant(command('the service restarts', ({ shop }) => shop.restart())),
  fc.constant(command('the service dies', async ({ shop }) => {
    shop.kill();
    await sleep(0);
  })),
  fc.tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom(...times)).map(([step, when]) => command(`the service will die ${when} its step ${step}`, async ({ shop }) => {
    shop.steps.arm({ when, at: ({ index: at }) => at === step });
  })),
];

export const anyCommands = fc.commands([...customers, ...customers.slice(1, 2), ...sessions, ...operators, ...visits, ...visits.slice(1, 2), ...psp, ...notifications, ...world, ...world.slice(3, 5)], { maxCommands: 30, size: 'max' });
