/** What this service promises, verb by verb. */
import { newId } from '@kiosk/database';
import { Fault, conflict, invalid } from '@kiosk/fault';
import type { Changes } from '@kiosk/service';
import { createHash } from 'node:crypto';
import type { Price } from './config.ts';
import { checkTerms, isFinal, leaseMs, parseMetadata, type Intent } from './intent.ts';
import type { DevPsp } from './psp-dev.ts';
import type { Psp, ReceiptCustomer } from './psp.ts';
import type { Settlement } from './settlement.ts';
import type { RefundStore } from './refund-store.ts';
import type { Refund } from './refund.ts';
import { refundedAmount } from './refund.ts';
import type { ListFilter, Scope, Store } from './store.ts';
import type { Key, Origin } from './tables.ts';
import { within } from './within.ts';

/** What payments needs to know of a session. */
export type SessionView = {
  id: string;
  type: 'thickness' | 'diagnostics';
  /** How it ended; absent while it is active. */
  ended?: 'completed' | 'expired' | 'failed';
  updatedAt: number;
  kioskId?: string;
  contact: ReceiptCustomer;
};

/** An intent with the money that goes back. */
export type IntentWithRefunds = { intent: Intent; refunds: readonly Refund[] };

export type CreateIntent = {
  idempotencyKey: string; sessionId: string; amountMinor: number; currency: string; description?: string; metadataJson: string;
};

/** Who asks, until when. */
type Watch = Origin & { signal: AbortSignal };

export type Payments = ReturnType<typeof createPayments>;

const pageLimit = { most: 200, usual: 50 };

export function createPayments({ store, refundStore, changes, psp, devPsp, settlement, getSession, prices, priceList, ttlMs, submitWaitMs, now }: {
  store: Store;
  refundStore: RefundStore;
  /** By the session's id. */
  changes: Changes;
  psp: Psp;
  /** Present where `psp` is the development PSP. */
  devPsp?: DevPsp;
  settlement: Settlement;
  /** Fails with `session_not_found`. */
  getSession: (id: string, origin: Origin) => Promise<SessionView>;
  /** Enforced. */
  prices: readonly Price[];
  /** Names what is sold, enforced or not. */
  priceList: readonly Price[];
  ttlMs: number;
  submitWaitMs: number;
  now: () => number;
}) {
  return {
    async create(request: CreateIntent, origin: Origin): Promise<IntentWithRefunds & { created: boolean }> {
      const currency = checkTerms(request);
      const metadata = parseMetadata(request.metadataJson);
      const key = keyOf(request, metadata, origin);
      const known = key && await store.replay(key, now());
      if (known) return answer(known, origin);
      const session = await getSession(request.sessionId, origin);
      if (session.ended) throw conflict('session_final', 'The session has ended: it takes no payment.');
      checkPrice(prices, session, request);
      const at = now();
      const terms = {
        id: newId('pay', at), sessionId: session.id, kioskId: session.kioskId, amountMinor: request.amountMinor, currency,
        description: request.description, metadata,
      };
      const pspRequest = psp.freezePayment({ ...terms, receipt: { item: itemOf(priceList, session, request), customer: session.contact } });
      const fresh: Intent = {
        ...terms, status: 'pending', provider: psp.name, submission: 'created', pspRequest,
        qrCodeData: '', attempts: 0, nextActionAt: at, createdAt: at, updatedAt: at, expiresAt: at + ttlMs,
      };
      const opening = store.open(fresh, { key, origin, now: at, leaseMs });
      settlement.sendWhenOpen(fresh.id, opening, origin);
      return answer(await opening, origin);
    },

    /** The little that a screen polls for: one indexed read. */
    status: (id: string, origin: Origin): Promise<Intent> => store.get(id, scopeOf(origin), now()),

    /** The same now, and again after each change, until the signal aborts. */
    async *watchStatus(id: string, { signal, ...origin }: Watch): AsyncGenerator<Intent, void> {
      const { sessionId } = await store.get(id, scopeOf(origin), now());
      yield* changes.watch(sessionId, { read: () => store.get(id, undefined, now()), signal });
    },

    /** The session's intents, oldest first, now and again after each change, until the signal aborts. */
    watchSession: (sessionId: string, { signal, ...origin }: Watch): AsyncIterable<IntentWithRefunds[]> => changes.watch(sessionId, {
      signal,
      read: async () => allWithRefunds(await store.listOfSession(sessionId, scopeOf(origin), now())),
    }),

    get: async (id: string, origin: Origin): Promise<IntentWithRefunds> => withRefunds(await store.get(id, scopeOf(origin), now())),

    async list(filter: Omit<ListFilter, 'limit' | 'after'> & { limit: number; cursor: string }, origin: Origin): Promise<{ intents: IntentWithRefunds[]; nextCursor: string }> {
      const { limit, cursor, ...rest } = filter;
      if (limit < 0 || limit > pageLimit.most) throw invalid('invalid_limit', `limit must be from 1 to ${pageLimit.most}.`, 'limit');
      if (cursor !== '' && !/^pay_[0-9a-z]{26}$/.test(cursor)) throw invalid('invalid_cursor', 'cursor must be the nextCursor of the page before.', 'cursor');
      const size = limit || pageLimit.usual;
      const page = await store.list({ ...rest, kioskId: scopeOf(origin), limit: size + 1, after: cursor || undefined }, now());
      const intents = page.slice(0, size);
      return {
        intents: await allWithRefunds(intents),
        nextCursor: page.length > size ? intents.at(-1)!.id : '',
      };
    },

    cancel: async (id: string, origin: Origin): Promise<IntentWithRefunds> => withRefunds(await store.cancel(id, { scope: scopeOf(origin), now: now(), origin })),

    /** Pays by hand, with pretend money only (X1). */
    async confirm(id: string, origin: Origin): Promise<IntentWithRefunds> {
      if (!devPsp) throw new Fault({ kind: 'forbidden', reason: 'dev_only', message: 'Only the development PSP is paid by hand.' });
      const intent = await store.get(id, scopeOf(origin), now());
      if (intent.status === 'confirmed') return withRefunds(intent);
      if (isFinal(intent)) throw conflict('intent_final', `The payment is ${intent.status} and can no longer be confirmed.`);
      await settlement.submit(id, origin);
      const { pspPaymentId } = await store.get(id, undefined, now());
      if (pspPaymentId === undefined) throw new Fault({ kind: 'unavailable', reason: 'psp_unavailable', message: 'The PSP does not know the payment yet.', retryAfterMs: 1000 });
      await devPsp.pay(pspPaymentId);
      return withRefunds(await settlement.settle(id, await psp.getPayment(pspPaymentId), { source: 'confirm', origin }));
    },

    async checkSessionPaid(sessionId: string): Promise<{ paid: boolean; intentId?: string }> {
      const intent = await store.findConfirmed(sessionId);
      if (!intent) return { paid: false };
      const { refunds } = await withRefunds(intent);
      return refundedAmount(refunds) < intent.amountMinor ? { paid: true, intentId: intent.id } : { paid: false };
    },
  };

  async function withRefunds(intent: Intent): Promise<IntentWithRefunds> {
    const [only] = await allWithRefunds([intent]);
    return only!;
  }

  async function allWithRefunds(intents: readonly Intent[]): Promise<IntentWithRefunds[]> {
    // Nothing goes back of what never came (R3).
    const paid = intents.filter(({ pspStatus }) => pspStatus === 'succeeded');
    const refunds = await refundStore.listOf(paid.map(({ id }) => id));
    return intents.map((intent) => ({ intent, refunds: refunds.get(intent.id) ?? [] }));
  }

  /** The customer waits for a QR, but not for long: a slow PSP's answer is read by status or by asking again. */
  async function answer({ intent, made }: { intent: Intent; made: boolean }, origin: Origin): Promise<IntentWithRefunds & { created: boolean }> {
    if (isFinal(intent) || intent.submission === 'attached') return { ...await withRefunds(intent), created: made };
    const sent = await within(submitWaitMs, settlement.submit(intent.id, origin));
    return { ...await withRefunds(sent ?? await store.get(intent.id, undefined, now())), created: made };
  }
}

function scopeOf({ caller }: Origin): Scope {
  return caller.role === 'kiosk' ? caller.name : undefined;
}

/** P6: where the price list names the session's service, exactly one of its prices. */
function checkPrice(prices: readonly Price[], session: SessionView, { amountMinor, currency }: CreateIntent): void {
  const listed = prices.filter(({ service }) => service === session.type);
  if (listed.length === 0 || listed.some((price) => price.amountMinor === amountMinor && price.currency === currency)) return;
  throw invalid('amount_not_listed', `amount must be a price of the ${session.type} service.`, 'amount');
}

/** The receipt's line: the price list's name for what was bought, or the service's own. */
function itemOf(prices: readonly Price[], session: SessionView, { amountMinor, currency, description }: CreateIntent): string {
  const listed = prices.find((price) => price.service === session.type && price.amountMinor === amountMinor && price.currency === currency);
  return (listed?.title ?? description) || (session.type === 'thickness' ? 'Измерение толщины лакокрасочного покрытия' : 'Компьютерная диагностика автомобиля');
}

/** P2: the same request whatever the order of its keys and its white space. */
function keyOf({ idempotencyKey, sessionId, amountMinor, currency, description }: CreateIntent, metadata: object, { caller }: Origin): Key | undefined {
  if (idempotencyKey === '') return undefined;
  if (idempotencyKey.length > 255) throw invalid('invalid_idempotency_key', 'Idempotency-Key must be at most 255 characters.');
  const body = JSON.stringify([sessionId, amountMinor, currency, description ?? null, Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))]);
  return { caller: `${caller.role}:${caller.name}`, key: idempotencyKey, bodySha256: createHash('sha256').update(body).digest('hex') };
}
