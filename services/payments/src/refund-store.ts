/** Every query on refunds. A method is one whole transaction. */
import { newId, statement, type Tx } from '@kiosk/database';
import { notFound } from '@kiosk/fault';
import type { Insertable, Selectable } from 'kysely';
import { pick, type Wanted } from './conversations.ts';
import type { Events } from './events.ts';
import { intentFromRow } from './intent-row.ts';
import type { Intent } from './intent.ts';
import type { Psp, PspRefund } from './psp.ts';
import {
  applyRefund, beginRefund, checkRefund, hourMs, isUnsubmitted, maySubmitRefund, refundNeverMade, refundRefused, refundUnknown, refundable, retryAfterMs,
  type Refund, type RefundOrigin,
} from './refund.ts';
import { sameBody, type Key, type Origin, type RefundRow, type Rows, type Tables } from './tables.ts';

const refundOperation = 'refund_intent';
/** How far the PSP's clock and ours may be apart. */
export const clockSkewMs = 5 * 60_000;

const refundsOfIntent = statement<Tables, { intentId: string }>()((db, param) => db.selectFrom('refunds').selectAll().where('intent_id', '=', param('intentId')).orderBy('id'));

export class RefundStore {
  readonly #rows: Rows;
  readonly #events: Events;
  readonly #psp: Psp;

  constructor({ rows, events, psp }: { rows: Rows; events: Events; psp: Psp }) {
    this.#rows = rows;
    this.#events = events;
    this.#psp = psp;
  }

  /** Fails with `intent_not_found`, `idempotency_key_reused` and as checkRefund. */
  async open({ intentId, amountMinor, reason, key, origin, now }: {
    intentId: string; amountMinor?: number; reason: string; key?: Key; origin: Origin; now: number;
  }): Promise<Refund> {
    return this.#rows.transaction(async (tx) => {
      if (key) {
        const row = await tx.db.selectFrom('idempotency_keys').selectAll()
          .where('caller', '=', key.caller).where('operation', '=', refundOperation).where('key', '=', key.key).executeTakeFirst();
        if (row) return this.#load(tx, sameBody(row, key).entity_id);
      }
      const intent = await loadIntent(tx, intentId);
      const amount = checkRefund(intent, await this.#of(tx, intentId), amountMinor);
      const refund = await this.#insert(tx, intent, { amountMinor: amount, source: 'operator', reason, origin, now });
      if (key) {
        await tx.db.insertInto('idempotency_keys').values({
          caller: key.caller, operation: refundOperation, key: key.key, body_sha256: key.bodySha256, entity_id: refund.id, made: 1, created_at: now,
        }).execute();
      }
      return refund;
    });
  }

  /**
   * Gives back by itself all that is left, once, inside a transaction of somebody else: it commits with what caused it (P13). One that the PSP canceled is
   * tried again by `settle` where that helps; otherwise it is the operator's.
   */
  async openAutomatic(tx: Tx<Tables>, intent: Intent, { source, reason, origin, now }: {
    source: Exclude<RefundOrigin, 'operator'>; reason: string; origin: Origin; now: number;
  }): Promise<Refund | undefined> {
    const refunds = await this.#of(tx, intent.id);
    const amountMinor = refundable(intent, refunds);
    if (amountMinor <= 0 || refunds.some(({ origin: by }) => by !== 'operator')) return undefined;
    return this.#insert(tx, intent, { amountMinor, source, reason, origin, now });
  }

  async listOf(intentIds: readonly string[]): Promise<Map<string, Refund[]>> {
    const lists = new Map<string, Refund[]>();
    if (intentIds.length === 0) return lists;
    const [intentId = '', ...others] = intentIds;
    // What every read of one payment asks.
    const rows = others.length === 0 ? await refundsOfIntent.all(this.#rows.read, { intentId })
      : await this.#rows.read.selectFrom('refunds').selectAll().where('intent_id', 'in', [...intentIds]).orderBy('id').execute();
    for (const row of rows) {
      const list = lists.get(row.intent_id);
      if (list) list.push(fromRow(row));
      else lists.set(row.intent_id, [fromRow(row)]);
    }
    return lists;
  }

  /** Fails with `refund_not_found`. */
  async get(id: string): Promise<Refund> {
    const row = await this.#rows.read.selectFrom('refunds').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw notFound('refund_not_found', 'There is no such refund.');
    return fromRow(row);
  }

  async claimSubmission(id: string, { now, leaseMs }: { now: number; leaseMs: number }): Promise<Refund | undefined> {
    return this.#rows.transaction(async (tx) => {
      const refund = await this.#load(tx, id);
      if (refund.submission === 'submitting' && (refund.nextActionAt ?? 0) > now) return undefined;
      if (!maySubmitRefund(refund, now)) {
        // The service was down when the time to give up came, or the row comes from a backup.
        if (isUnsubmitted(refund)) await this.#recordUnknown(tx, refund, { now, delayMs: 0, code: 'not_asked_in_time' });
        return undefined;
      }
      return this.#update(tx, beginRefund(refund, { now, leaseMs }));
    });
  }

  async submissionUnknown(id: string, { now, delayMs, code }: { now: number; delayMs?: number; code: string }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const refund = await this.#load(tx, id);
      if (refund.submission === 'submitting') await this.#recordUnknown(tx, refund, { now, delayMs, code });
    });
  }

  async submissionRefused(id: string, { now, code, origin }: { now: number; code: string; origin: Origin }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const refund = await this.#load(tx, id);
      if (refund.submission !== 'submitting') return;
      const after = await this.#update(tx, refundRefused(refund, code, now));
      await this.#events.refundMoved(tx, after, origin);
      await this.#tellOperator(tx, after);
    });
  }

  /** Applies what the PSP said about a refund; one that it rejected by timeout is tried again by a new row with a new key. */
  async settle(id: string, told: PspRefund, when: { now: number; origin: Origin }): Promise<Refund> {
    return this.#rows.transaction(async (tx) => this.#apply(tx, await this.#load(tx, id), told, when));
  }

  /**
   * Takes a refund that nobody here knows for one of ours that was given up: of the same payment and amount, made since. Not while another such one is being sent,
   * whose it may be. Answers the refund that it was.
   */
  async adopt(told: PspRefund, when: { now: number; origin: Origin }): Promise<Refund | undefined> {
    return this.#rows.transaction(async (tx) => {
      if (await tx.db.selectFrom('refunds').select('id').where('psp_refund_id', '=', told.id).executeTakeFirst()) return undefined;
      const intent = await tx.db.selectFrom('intents').select('id').where('psp_payment_id', '=', told.pspPaymentId).executeTakeFirst();
      const waiting = intent ? (await this.#of(tx, intent.id)).filter((refund) => isAlike(refund, told) && refund.status === 'pending' && refund.pspRefundId === undefined) : [];
      const ours = waiting.find(({ createdAt }) => told.createdAt >= createdAt - clockSkewMs);
      return ours && !waiting.some(isUnsubmitted) ? this.#apply(tx, ours, told, when) : undefined;
    });
  }

  /** Ends one that was given up and that the PSP does not list. What goes back by itself is tried again by a new row. */
  async neverMade(id: string, { now, origin }: { now: number; origin: Origin }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const refund = await this.#load(tx, id);
      if (refund.status !== 'pending' || refund.submission !== 'abandoned') return;
      // What the PSP lists may still turn out to be this one's.
      const isOpen = (await this.#of(tx, refund.intentId)).some((other) => isAlike(other, refund) && isUnsubmitted(other));
      if (isOpen) return void await this.#update(tx, { ...refund, nextActionAt: now + hourMs });
      const after = await this.#update(tx, refundNeverMade(refund, now));
      await this.#events.refundMoved(tx, after, origin);
      if (!await this.#tryAgain(tx, await loadIntent(tx, refund.intentId), after, { now, origin })) await this.#tellOperator(tx, after);
    });
  }

  /** A PSP refund that we know. */
  async findByPspId(pspRefundId: string): Promise<Refund | undefined> {
    const row = await this.#rows.read.selectFrom('refunds').selectAll().where('psp_refund_id', '=', pspRefundId).executeTakeFirst();
    return row && fromRow(row);
  }

  /** The PSP's id of the payment that a refund gives back. */
  async pspPaymentOf({ intentId }: Refund): Promise<string> {
    const { psp_payment_id: id } = await this.#rows.read.selectFrom('intents').select('psp_payment_id').where('id', '=', intentId).executeTakeFirstOrThrow();
    return id!;
  }

  /** When to ask again, after an attempt that brought no answer; `gone`: the PSP says that it does not know this refund. */
  async askLater({ id, intentId, pspRefundId }: Refund, { at, gone }: { at: number; gone: boolean }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      await tx.db.updateTable('refunds').set({ next_action_at: at }).where('id', '=', id).execute();
      if (gone) await this.#events.anomaly(tx, { kind: 'refund_not_found', objectId: id, intentId, details: { pspRefundId } });
    });
  }

  /** As for intents. */
  async claimDue({ now, leaseMs, limit, besides }: Wanted & { now: number; leaseMs: number }): Promise<Refund[]> {
    const found = this.#rows.read.selectFrom('refunds').select('id').where('next_action_at', '<=', now).orderBy('next_action_at').limit(limit + besides.size);
    const due = pick(await found.execute(), { limit, besides });
    if (due.length === 0) return [];
    return this.#rows.transaction(async (tx) => {
      const rows = await tx.db.selectFrom('refunds').selectAll().where('id', 'in', due.map(({ id }) => id)).where('next_action_at', '<=', now).execute();
      const claimed: Refund[] = [];
      for (const row of rows) {
        const refund = fromRow(row);
        claimed.push(isUnsubmitted(refund) ? refund : await this.#update(tx, { ...refund, nextActionAt: now + leaseMs }));
      }
      return claimed;
    });
  }

  /** As for intents: at the start what a killed process was at is due at once. */
  async releaseClaims(now: number): Promise<void> {
    await this.#rows.transaction(async ({ db }) => {
      await db.updateTable('refunds').set({ next_action_at: now }).where('next_action_at', '>', now).where('submission', '=', 'submitting').execute();
    });
  }

  async #apply(tx: Tx<Tables>, refund: Refund, told: PspRefund, { now, origin }: { now: number; origin: Origin }): Promise<Refund> {
    const { id } = refund;
    if (refund.status !== 'pending' && told.status !== refund.status) return refund;
    const intent = await loadIntent(tx, refund.intentId);
    if (told.amountMinor !== refund.amountMinor || told.currency !== refund.currency || told.pspPaymentId !== intent.pspPaymentId) {
      await this.#events.anomaly(tx, { kind: 'refund_mismatch', objectId: told.id, intentId: intent.id, details: { refundId: id, is: told.amountMinor, expected: refund.amountMinor } });
      return this.#update(tx, { ...refund, nextActionAt: now + hourMs });
    }
    const after = await this.#update(tx, applyRefund(refund, told, now));
    if (after.status !== refund.status) {
      await this.#events.refundMoved(tx, after, origin);
      if (after.status === 'canceled' && !await this.#tryAgain(tx, intent, after, { now, origin })) await this.#tellOperator(tx, after);
    }
    if (after.status === 'succeeded' && after.receiptRegistration === 'canceled' && refund.receiptRegistration !== 'canceled') {
      await this.#events.anomaly(tx, { kind: 'receipt_canceled', objectId: told.id, intentId: intent.id, details: { refundId: id } });
    }
    if (after.nextActionAt === undefined && after.receiptRegistration === 'pending' && after.status === 'succeeded') {
      await this.#events.anomaly(tx, { kind: 'receipt_pending', objectId: told.id, intentId: intent.id, details: { refundId: id } });
    }
    return after;
  }

  async #recordUnknown(tx: Tx<Tables>, refund: Refund, { now, delayMs, code }: { now: number; delayMs?: number; code: string }): Promise<void> {
    const after = await this.#update(tx, refundUnknown(refund, now, delayMs));
    if (after.submission === 'abandoned') await this.#events.anomaly(tx, { kind: 'refund_unknown', objectId: refund.id, intentId: refund.intentId, details: { code } });
  }

  /** Answers whether it will be. */
  async #tryAgain(tx: Tx<Tables>, intent: Intent, refund: Refund, { now, origin }: { now: number; origin: Origin }): Promise<boolean> {
    const delayMs = retryAfterMs(refund, await this.#triesBefore(tx, refund));
    if (delayMs === undefined) return false;
    await this.#insert(tx, intent, { amountMinor: refund.amountMinor, source: refund.origin, reason: refund.reason, origin, now, startAt: now + delayMs, retryOf: refund.id });
    return true;
  }

  async #triesBefore(tx: Tx<Tables>, refund: Refund): Promise<number> {
    let tries = 0;
    for (let of = refund.retryOf; of !== undefined; tries++) of = (await this.#load(tx, of)).retryOf;
    return tries;
  }

  async #insert(tx: Tx<Tables>, intent: Intent, { amountMinor, source, reason, origin, now, startAt = now, retryOf }: {
    amountMinor: number; source: RefundOrigin; reason: string; origin: Origin; now: number; startAt?: number; retryOf?: string;
  }): Promise<Refund> {
    const refund: Refund = {
      id: newId('ref', now), intentId: intent.id, amountMinor, currency: intent.currency, origin: source, reason, status: 'pending', submission: 'created',
      pspRequest: this.#psp.freezeRefund({ pspPaymentId: intent.pspPaymentId!, amountMinor, currency: intent.currency, paymentRequest: intent.pspRequest }),
      retryOf, attempts: 0, nextActionAt: startAt, createdAt: now, updatedAt: now,
    };
    await tx.db.insertInto('refunds').values(toRow(refund)).execute();
    await this.#events.refundCreated(tx, refund, origin);
    return refund;
  }

  async #of(tx: Tx<Tables>, intentId: string): Promise<Refund[]> {
    return (await refundsOfIntent.all(tx.db, { intentId })).map(fromRow);
  }

  async #load(tx: Tx<Tables>, id: string): Promise<Refund> {
    return fromRow(await tx.db.selectFrom('refunds').selectAll().where('id', '=', id).executeTakeFirstOrThrow());
  }

  async #tellOperator(tx: Tx<Tables>, refund: Refund): Promise<void> {
    await this.#events.anomaly(tx, { kind: 'refund_canceled', objectId: refund.id, intentId: refund.intentId, details: { reason: refund.cancelReason, amountMinor: refund.amountMinor } });
  }

  async #update(tx: Tx<Tables>, refund: Refund): Promise<Refund> {
    const row = toRow(refund);
    await tx.db.updateTable('refunds').set({
      status: row.status, submission: row.submission, psp_refund_id: row.psp_refund_id, cancel_reason: row.cancel_reason, receipt_registration: row.receipt_registration,
      attempts: row.attempts, first_attempt_at: row.first_attempt_at, next_action_at: row.next_action_at, psp_created_at: row.psp_created_at, updated_at: row.updated_at,
    }).where('id', '=', refund.id).execute();
    return refund;
  }
}

function isAlike(a: Refund, b: Pick<Refund, 'amountMinor' | 'currency'>): boolean {
  return a.amountMinor === b.amountMinor && a.currency === b.currency;
}

async function loadIntent(tx: Tx<Tables>, id: string): Promise<Intent> {
  const row = await tx.db.selectFrom('intents').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('intent_not_found', 'There is no such payment intent.');
  return intentFromRow(row);
}

function fromRow(row: Selectable<RefundRow>): Refund {
  return {
    id: row.id,
    intentId: row.intent_id,
    amountMinor: row.amount_minor,
    currency: row.currency,
    origin: row.origin,
    reason: row.reason,
    status: row.status,
    submission: row.submission,
    pspRequest: row.psp_request,
    pspRefundId: row.psp_refund_id ?? undefined,
    cancelReason: row.cancel_reason ?? undefined,
    receiptRegistration: row.receipt_registration ?? undefined,
    retryOf: row.retry_of ?? undefined,
    attempts: row.attempts,
    firstAttemptAt: row.first_attempt_at ?? undefined,
    nextActionAt: row.next_action_at ?? undefined,
    pspCreatedAt: row.psp_created_at ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toRow(refund: Refund): Insertable<RefundRow> {
  return {
    id: refund.id,
    intent_id: refund.intentId,
    amount_minor: refund.amountMinor,
    currency: refund.currency,
    origin: refund.origin,
    reason: refund.reason,
    status: refund.status,
    submission: refund.submission,
    psp_request: refund.pspRequest,
    psp_refund_id: refund.pspRefundId ?? null,
    cancel_reason: refund.cancelReason ?? null,
    receipt_registration: refund.receiptRegistration ?? null,
    retry_of: refund.retryOf ?? null,
    attempts: refund.attempts,
    first_attempt_at: refund.firstAttemptAt ?? null,
    next_action_at: refund.nextActionAt ?? null,
    psp_created_at: refund.pspCreatedAt ?? null,
    created_at: refund.createdAt,
    updated_at: refund.updatedAt,
  };
}
