/**
 * What can happen, as commands for fast-check: customers, whole visits, operators, the PSP's hands and its faults, notifications true and forged, time,
 * sessions, restarts and deaths.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '@kiosk/fault';
import type { FaultInput, NotificationFaultInput, RefundCancelReason } from '@kiosk/psp';
import fc from 'fast-check';
import { create } from '../testing.ts';
import { endSession, hourMs, minuteMs, operator } from './shop.fixture.ts';
import type { When } from './steps.fixture.ts';
import { notificationOf } from './webhook.fixture.ts';
import { allowing, ask, command, giveBack, isActive, payNewest, refund, visit } from './world.fixture.ts';

const index = fc.nat({ max: 7 });
const amountsMinor = [32_000, 35_000, 48_000] as const;
const waitsMs = [1000, 3000, 10_000, minuteMs, 5 * minuteMs, 11 * minuteMs, hourMs, 6 * hourMs, 21 * hourMs] as const;

function pick<T>(items: readonly T[], at: number): T | undefined {
  return items[at % Math.max(items.length, 1)];
}

const asking = fc.tuple(index, fc.constantFrom(...amountsMinor)).map(([at, amountMinor]) =>
  command(`ask for ${amountMinor} in session ${at}`, (world) => visit(world, amountMinor, pick(world.sessionIds, at))));

const customers = [
  asking, asking,
  fc.constantFrom('thickness' as const, 'diagnostics' as const).map((type) => command(`open a ${type} session`, async ({ shop, sessionIds }) => {
    sessionIds.push(shop.sessions.open({ type }));
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
  fc.boolean().map((isDown) => command(`the sessions service is ${isDown ? 'down' : 'back'}`, async ({ shop }) => {
    shop.sessions.fail(isDown ? new Fault({ kind: 'unavailable', reason: 'sessions_down', message: 'down' }) : undefined);
  })),
];

const cancelReasons: RefundCancelReason[] = ['rejected_by_timeout', 'rejected_by_timeout', 'insufficient_funds'];

const paidLate = fc.tuple(fc.boolean(), fc.constantFrom(undefined, ...ends)).map(([isCanceled, how]) =>
  command(`a visit that is given up ${isCanceled ? 'by canceling' : 'by waiting'}, ${how ?? 'goes on'}, and is paid late`, async (world) => {
    const { sessionId, intentId } = await visit(world, 35_000);
    if (!isCanceled) world.shop.clock.advance(11 * minuteMs);
    else if (intentId) await world.shop.payments.client.cancelIntent({ intentId });
    if (how) await endSession(world.shop, sessionId, how);
    await payNewest(world, 0);
  }));

/** Each worth several commands, so that deep states are reached often. */
const visits = [
  paidLate, paidLate,
  fc.boolean().map((isHeard) => command(`a visit that is paid${isHeard ? '' : ', and nobody hears of it at once'}`, async (world) => {
    const { shop } = world;
    await visit(world, 48_000);
    if (!isHeard) shop.psp.notificationFaults.add({ kind: 'dropped' });
    if (!isHeard) shop.psp.faults.add({ call: 'get', kind: 'error_500_before' });
    await payNewest(world, 0);
    await shop.pass({ ms: 3000, everyMs: 3000 });
  })),
  fc.boolean().map((isBoth) => command(`a visit that changes its mind, and pays ${isBoth ? 'twice' : 'with the old QR'}`, async (world) => {
    const { sessionId } = await visit(world, 35_000);
    await visit(world, 32_000, sessionId);
    await payNewest(world, 1);
    if (isBoth) await payNewest(world, 0);
  })),
  fc.constantFrom(...cancelReasons, undefined).map((reason) => command(`a visit that is paid, and given back slowly in parts, the first ${reason ?? 'settled'}`, async (world) => {
    const { shop } = world;
    const { intentId } = await visit(world, 48_000);
    await payNewest(world, 0);
    await shop.pass({ ms: 3000, everyMs: 3000 });
    shop.psp.settings.refundsByHand = true;
    if (!intentId) return;
    for (const amountMinor of [30_000, 18_001, 10_000]) await giveBack(world, intentId, amountMinor);
    const pending = shop.psp.refunds().find(({ status }) => status === 'pending');
    if (pending && reason) shop.psp.cancelRefund(pending.id, reason);
    else if (pending) shop.psp.settleRefund(pending.id);
  })),
  fc.constant(command('a visit whose creation is never answered', async (world) => {
    world.shop.psp.faults.add({ call: 'create', kind: 'error_500_after', times: 50 });
    await visit(world, 48_000);
  })),
];

const operators = [
  fc.tuple(index, fc.constantFrom(1000, 20_000, 48_000)).map(([at, amountMinor]) => command(`give back ${amountMinor} of request ${at}`, async (world) => {
    const intentId = pick(world.requests, at)?.intentId;
    if (intentId) await giveBack(world, intentId, amountMinor);
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

const psp = [
  index.map((at) => command(`open payment ${at} is paid`, async ({ shop }) => {
    const payment = pick(shop.psp.payments().filter(({ status }) => status === 'pending'), at);
    if (payment) shop.psp.pay(payment.id);
  })),
  index.map((but) => command(`the newest open payment but ${but} is paid`, (world) => payNewest(world, but))),
  index.map((at) => command(`open payment ${at} is declined`, async ({ shop }) => {
    const payment = pick(shop.psp.payments().filter(({ status }) => status === 'pending'), at);
    if (payment) shop.psp.decline(payment.id, 'insufficient_funds');
  })),
  fc.boolean().map((byHand) => command(`refunds are ${byHand ? 'slow' : 'settled at once'}`, async ({ shop }) => {
    shop.psp.settings.refundsByHand = byHand;
  })),
  fc.tuple(index, fc.constantFrom(...cancelReasons, undefined)).map(([at, reason]) => command(`open refund ${at} is ${reason ?? 'settled'}`, async ({ shop }) => {
    const pending = pick(shop.psp.refunds().filter(({ status }) => status === 'pending'), at);
    if (pending && reason) shop.psp.cancelRefund(pending.id, reason);
    else if (pending) shop.psp.settleRefund(pending.id);
  })),
];

const notificationFaults: NotificationFaultInput[] = [
  { kind: 'duplicate', copies: 3 }, { kind: 'dropped' }, { kind: 'late', delayMs: 5 * minuteMs }, { kind: 'reordered' },
];
const forgeries = ['succeeded', 'canceled', 'stranger', 'path', 'refund', 'nonsense'] as const;
const arriving = fc.constant(command('notifications arrive', ({ shop }) => shop.deliver()));
const notifications = [
  arriving, arriving,
  fc.constantFrom(...notificationFaults).map((fault) => command(`the next notification is ${fault.kind}`, async ({ shop }) => {
    shop.psp.notificationFaults.add(fault);
  })),
  fc.tuple(index, fc.constantFrom(...forgeries)).map(([at, kind]) => command(`a forged notification (${kind}) about payment ${at}`, async ({ shop }) => {
    const payment = pick(shop.psp.payments(), at) ?? { id: 'none' };
    const object = {
      succeeded: { ...payment, status: 'succeeded', paid: true, amount: { value: '1.00', currency: 'RUB' } },
      canceled: { ...payment, status: 'canceled' },
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
  'error_500_before', 'error_500_after', 'reset_before', 'reset_after', 'too_many', 'unauthorized', 'garbage', 'html', 'hang_after',
  'wrong_amount', 'wrong_metadata',
] as const satisfies FaultInput['kind'][];
const faultyCalls = ['create', 'get', 'refund', 'getRefund', 'list', 'any'] as const satisfies FaultInput['call'][];
const faults = [
  fc.tuple(fc.constantFrom(...faultyCalls), fc.constantFrom(...faultKinds), fc.integer({ min: 1, max: 3 })).map(([call, kind, count]) =>
    command(`the next ${count} ${call} fail (${kind})`, async ({ shop }) => {
      shop.psp.faults.add({ call, kind, times: kind === 'hang_after' ? 1 : count });
    })),
  fc.constant(command('the PSP is well again', async ({ shop }) => shop.psp.faults.clear())),
];

const working = fc.constant(command('the service works', ({ shop }) => shop.payments.work()));
const workingAfter = fc.constantFrom(...waitsMs.slice(0, 6)).map((ms) => command(`${ms / 1000} s pass, and the service works`, ({ shop }) => shop.pass({ ms, everyMs: ms })));
const time = [
  workingAfter, workingAfter, working, working,
  fc.constantFrom(...waitsMs).map((ms) => command(`${ms / 1000} s pass`, async ({ shop }) => shop.clock.advance(ms))),
];

const moments: readonly When[] = ['before', 'after'];
const deaths = [
  fc.constant(command('the service restarts', ({ shop }) => shop.restart())),
  fc.constant(command('the service dies', async ({ shop }) => {
    shop.kill();
    await sleep(0);
  })),
  fc.tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom(...moments)).map(([step, when]) => command(`the service will die ${when} its step ${step}`, async ({ shop }) => {
    shop.steps.arm({ when, at: ({ index: at }) => at === step });
  })),
];

export const anyCommands = fc.commands(
  [...customers, ...sessions, ...visits, ...operators, ...psp, ...notifications, ...faults, ...time, ...deaths],
  { maxCommands: 30, size: 'max' },
);
