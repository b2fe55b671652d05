/**
 * A small world for the model test: the shop, the visits in it, and what was asked for under which key. A command is judged here: it says which answers
 * the rules allow; any other is a finding, and so is every promise that does not hold after it.
 */
import { SessionStatus } from '@kiosk/contracts/sessions/v1/sessions';
import { Fault } from '@kiosk/fault';
import type { AsyncCommand } from 'fast-check';
import { create } from '../testing.ts';
import { brokenPromises } from './books.fixture.ts';
import { endSession, operator, type Shop } from './shop.fixture.ts';

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

export async function isActive(shop: Shop, sessionId: string): Promise<boolean> {
  const session = await shop.sessionOf(sessionId).catch(() => undefined);
  return session?.status === SessionStatus.SESSION_STATUS_ACTIVE;
}

export type Command = AsyncCommand<Record<string, never>, World>;

/** `run` does nothing where there is nothing to do it to. */
export function command(words: string, run: (world: World) => Promise<unknown>): Command {
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
      broken.push(...lateMoneyGoneWrong(before, await readVisits(world)), ...unexpected(shop));
      if (broken.length > 0) throw new Error(`after ${words}: ${broken.join('; ')}`);
    },
    toString: () => words,
  };
}

/** What the service itself did not expect. That a job cannot be done while the PSP or the sessions service is down, it may say. */
function unexpected({ payments }: Shop): string[] {
  return payments.mishaps().filter((line) => line['job'] !== 'reconciliation').map((line) => JSON.stringify(line)).filter((line) => !line.includes('sessions_down'));
}

type Visits = { active: ReadonlySet<string>; intents: { id: string; sessionId: string; status: string; isLate: boolean; isReturned: boolean }[] };

async function readVisits({ shop, sessionIds }: World): Promise<Visits> {
  const { rows } = shop.payments;
  const intents = await rows.selectFrom('intents').select(['id', 'session_id', 'status', 'confirmed_at', 'expires_at']).execute();
  const refunds = await rows.selectFrom('refunds').select('intent_id').where('reason', '=', 'late_money_session_ended').execute();
  const active = new Set<string>();
  for (const id of sessionIds) if (await isActive(shop, id)) active.add(id);
  return {
    active,
    intents: intents.map((row) => ({
      id: row.id, sessionId: row.session_id, status: row.status,
      isLate: row.confirmed_at !== null && row.confirmed_at >= row.expires_at,
      isReturned: refunds.some(({ intent_id }) => intent_id === row.id),
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
export async function allowing<T>(reasons: readonly string[], promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Fault && reasons.includes(error.reason)) return undefined;
    throw error;
  }
}

const createFaults = ['session_final', 'session_not_found', 'already_paid', 'sessions_down'];

/** P1: a key that was answered once is answered the same for ever. */
export async function ask(world: World, request: World['requests'][number]): Promise<void> {
  const made = await allowing(createFaults, create(world.shop.payments.client, request));
  if (request.intentId !== undefined && made?.id !== request.intentId) {
    throw new Error(`P1 the key was answered with ${request.intentId} and is answered with ${made?.id ?? 'a fault'}`);
  }
  if (made && (made.sessionId !== request.sessionId || made.amountMinor !== request.amountMinor)) throw new Error('P1 another intent than the one that was asked for');
  request.intentId = made?.id;
}

/** Asks for an intent under a new key. */
export async function visit(world: World, amountMinor: number, sessionId = world.shop.sessions.open()): Promise<World['requests'][number]> {
  if (!world.sessionIds.includes(sessionId)) world.sessionIds.push(sessionId);
  const request: World['requests'][number] = { sessionId, amountMinor, idempotencyKey: `k${world.requests.length}` };
  world.requests.push(request);
  await ask(world, request);
  return request;
}

/** R2: as for intents. */
export async function refund(world: World, request: World['refundRequests'][number]): Promise<void> {
  const { client } = world.shop.payments;
  const answer = await allowing(['intent_not_confirmed', 'refund_exceeds_payment'], client.refundIntent({ ...request, reason: 'Отказ' }, operator));
  const refundId = answer?.refund?.id;
  if (request.refundId !== undefined && refundId !== request.refundId) throw new Error(`R2 the key was answered with ${request.refundId} and is answered with ${refundId}`);
  request.refundId = refundId;
}

export async function giveBack(world: World, intentId: string, amountMinor: number): Promise<void> {
  const request = { intentId, amountMinor, idempotencyKey: `r${world.refundRequests.length}` };
  world.refundRequests.push(request);
  await refund(world, request);
}

/** The customer with the newest QR but so many pays. */
export async function payNewest({ shop }: World, but: number): Promise<void> {
  const payment = shop.psp.payments().filter(({ status }) => status === 'pending').at(-1 - but);
  if (payment) shop.psp.pay(payment.id);
}
