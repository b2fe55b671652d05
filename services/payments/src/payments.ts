/** What this service promises, verb by verb. */
import { newId } from '@kiosk/database';
import { Fault, conflict, invalid } from '@kiosk/fault';
import { createHash } from 'node:crypto';
import type { Price } from './config.ts';
import { checkTerms, isFinal, parseMetadata, type Intent } from './intent.ts';
import type { DevPsp } from './psp-dev.ts';
import type { Psp } from './psp.ts';
import type { Settlement } from './settlement.ts';
import type { Key, ListFilter, Origin, Scope, Store } from './store.ts';

/** What payments needs to know of a session. */
export type SessionView = { id: string; type: 'thickness' | 'diagnostics'; active: boolean; kioskId?: string };

export type CreateIntent = {
  idempotencyKey: string; sessionId: string; amountMinor: number; currency: string; description?: string; metadataJson: string;
};

export type Payments = ReturnType<typeof createPayments>;

const pageLimit = { most: 200, usual: 50 };

export function createPayments({ store, psp, devPsp, settlement, getSession, prices, ttlMs, submitWaitMs, now }: {
  store: Store;
  psp: Psp;
  /** Present where `psp` is the development PSP. */
  devPsp?: DevPsp;
  settlement: Settlement;
  /** Fails with `session_not_found`. */
  getSession: (id: string, origin: Origin) => Promise<SessionView>;
  prices: readonly Price[];
  ttlMs: number;
  submitWaitMs: number;
  now: () => number;
}) {
  return {
    async create(request: CreateIntent, origin: Origin): Promise<{ intent: Intent; created: boolean }> {
      const currency = checkTerms(request);
      const metadata = parseMetadata(request.metadataJson);
      const key = keyOf(request, metadata, origin);
      const known = key && await store.replay(key, now());
      if (known) return answer(known, origin);
      const session = await getSession(request.sessionId, origin);
      if (!session.active) throw conflict('session_final', 'The session has ended: it takes no payment.');
      checkPrice(prices, session, request);
      const at = now();
      const terms = {
        id: newId('pay', at), sessionId: session.id, amountMinor: request.amountMinor, currency, description: request.description, metadata,
      };
      const fresh: Intent = {
        ...terms, kioskId: session.kioskId, status: 'pending', provider: psp.name, submission: 'created', pspRequest: psp.freeze(terms),
        qrCodeData: '', attempts: 0, nextActionAt: at, createdAt: at, updatedAt: at, expiresAt: at + ttlMs,
      };
      return answer(await store.open(fresh, { key, origin, now: at }), origin);
    },

    get: (id: string, origin: Origin): Promise<Intent> => store.get(id, scopeOf(origin), now()),

    async list(filter: Omit<ListFilter, 'limit' | 'after'> & { limit: number; cursor: string }, origin: Origin): Promise<{ intents: Intent[]; nextCursor: string }> {
      const { limit, cursor, ...rest } = filter;
      if (limit < 0 || limit > pageLimit.most) throw invalid('invalid_limit', `limit must be from 1 to ${pageLimit.most}.`, 'limit');
      if (cursor !== '' && !/^pay_[0-9a-z]{26}$/.test(cursor)) throw invalid('invalid_cursor', 'cursor must be the nextCursor of the page before.', 'cursor');
      const size = limit || pageLimit.usual;
      const page = await store.list({ ...rest, kioskId: scopeOf(origin), limit: size + 1, after: cursor || undefined }, now());
      const intents = page.slice(0, size);
      return { intents, nextCursor: page.length > size ? intents.at(-1)!.id : '' };
    },

    cancel: (id: string, origin: Origin): Promise<Intent> => store.cancel(id, { scope: scopeOf(origin), now: now(), origin }),

    /** Pays by hand, with pretend money only (X1). */
    async confirm(id: string, origin: Origin): Promise<Intent> {
      if (!devPsp) throw new Fault({ kind: 'forbidden', reason: 'dev_only', message: 'Only the development PSP is paid by hand.' });
      const intent = await store.get(id, scopeOf(origin), now());
      if (intent.status === 'confirmed') return intent;
      if (isFinal(intent)) throw conflict('intent_final', `The payment is ${intent.status} and can no longer be confirmed.`);
      await settlement.submit(id, origin);
      const { pspPaymentId } = await store.get(id, undefined, now());
      if (pspPaymentId === undefined) throw new Fault({ kind: 'unavailable', reason: 'psp_unavailable', message: 'The PSP does not know the payment yet.', retryAfterMs: 1000 });
      await devPsp.pay(pspPaymentId);
      return settlement.settle(id, await psp.getPayment(pspPaymentId), { source: 'confirm', origin });
    },

    async checkSessionPaid(sessionId: string): Promise<{ paid: boolean; intentId?: string }> {
      const intent = await store.findConfirmed(sessionId);
      return { paid: intent !== undefined, intentId: intent?.id };
    },
  };

  /** The customer waits for a QR, but not for long: a slow PSP's answer is read by status or by asking again. */
  async function answer({ intent, made }: { intent: Intent; made: boolean }, origin: Origin): Promise<{ intent: Intent; created: boolean }> {
    if (isFinal(intent) || intent.submission === 'attached') return { intent, created: made };
    await within(submitWaitMs, settlement.submit(intent.id, origin));
    return { intent: await store.get(intent.id, undefined, now()), created: made };
  }
}

/** Waits for `work` or until the time is over. A failure later on is the janitor's: it is recorded where it happens. */
async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
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

/** P2: the same request whatever the order of its keys and its white space. */
function keyOf({ idempotencyKey, sessionId, amountMinor, currency, description }: CreateIntent, metadata: object, { caller }: Origin): Key | undefined {
  if (idempotencyKey === '') return undefined;
  if (idempotencyKey.length > 255) throw invalid('invalid_idempotency_key', 'Idempotency-Key must be at most 255 characters.');
  const body = JSON.stringify([sessionId, amountMinor, currency, description ?? null, Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))]);
  return { caller: `${caller.role}:${caller.name}`, key: idempotencyKey, bodySha256: createHash('sha256').update(body).digest('hex') };
}
