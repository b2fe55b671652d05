/** Every query on intents. A method is one whole transaction: load, decide with a pure function, save, append audit and evidence. */
import { idFloor, type Tx } from '@kiosk/database';
import { conflict, invalid, notFound } from '@kiosk/fault';
import type { Generated, Insertable, Selectable } from 'kysely';
import type { Anomaly, Events } from './events.ts';
import {
  apply, asOf, beginSubmission, cancel, differences, expire, maySubmit, outcomeOf, submissionRefused, submissionUnknown,
  type Currency, type Intent, type IntentStatus, type Outcome, type Submission,
} from './intent.ts';
import type { Psp, PspPayment } from './psp.ts';
import type { Rows } from './steps.ts';

type IntentRow = {
  id: string;
  session_id: string;
  kiosk_id: string | null;
  amount_minor: number;
  currency: Currency;
  description: string | null;
  metadata: string;
  status: IntentStatus;
  failure_reason: string | null;
  provider: string;
  submission: Submission;
  psp_request: string;
  psp_payment_id: string | null;
  psp_status: PspPayment['status'] | null;
  qr_code_data: string;
  confirmation_url: string | null;
  attempts: number;
  first_attempt_at: number | null;
  next_action_at: number | null;
  last_asked_at: number | null;
  created_at: number;
  updated_at: number;
  confirmed_at: number | null;
  expires_at: number;
};

type KeyRow = { caller: string; operation: string; key: string; body_sha256: string; entity_id: string; made: number; created_at: number };

export type Tables = {
  intents: IntentRow;
  idempotency_keys: KeyRow;
  psp_observations: {
    id: Generated<number>; at: number; intent_id: string; psp_payment_id: string; psp_status: string; source: Source; verdict: string; details: string;
  };
  anomalies: {
    id: Generated<number>; kind: string; object_id: string; intent_id: string | null; details: string; first_at: number; last_at: number; seen: Generated<number>;
  };
  dev_psp_payments: { id: string; idempotence_key: string; request: string; status: 'pending' | 'succeeded' | 'canceled'; succeeds_at: number | null; created_at: number };
  audit_logs: {
    id: Generated<number>; at: number; event: string; entity_id: string; details: string; request_id: string; caller: string; ip: string | null; user_agent: string | null;
  };
};

/** Who asked, for the audit. */
export type Origin = { requestId: string; caller: { role: 'anonymous' | 'kiosk' | 'operator' | 'psp' | 'service'; name: string; ip?: string; userAgent?: string } };

/** How we came to ask the PSP. */
export type Source = 'submit' | 'poll' | 'notification' | 'reconciliation' | 'confirm';

/** What a kiosk's key may see: its own intents only (S3). Undefined: all. */
export type Scope = string | undefined;

/** A caller's idempotency key and what it was used for. */
export type Key = { caller: string; key: string; bodySha256: string };

export type ListFilter = {
  sessionId?: string; status?: IntentStatus; createdFrom?: number; createdTo?: number; limit: number; after?: string; kioskId?: string;
};

export type Settled =
  | { outcome: Exclude<Outcome, 'late'>; intent: Intent }
  | { outcome: 'late'; intent: Intent; /** What became of it; undefined: the session has to be looked at first. */ confirmed?: boolean };

const createOperation = 'create_intent';
/** A sweep's bite: small enough that nobody waits for it. */
const biteRows = 200;

export class Store {
  readonly #rows: Rows;
  readonly #events: Events;

  constructor({ rows, events }: { rows: Rows; events: Events }) {
    this.#rows = rows;
    this.#events = events;
  }

  /** The intent that a key was answered with before. Fails with `idempotency_key_reused` for another body. */
  async replay(key: Key, now: number): Promise<{ intent: Intent; made: boolean } | undefined> {
    const row = await this.#rows.read.selectFrom('idempotency_keys').selectAll()
      .where('caller', '=', key.caller).where('operation', '=', createOperation).where('key', '=', key.key).executeTakeFirst();
    return row && { intent: await this.get(sameBody(row, key).entity_id, undefined, now), made: row.made === 1 };
  }

  /**
   * Claims the key and makes the intent, or finds the one to answer with: the key's own, or the session's pending one of the same terms.
   * A pending one of other terms fails as superseded. Fails with `idempotency_key_reused` and `already_paid`.
   */
  async open(fresh: Intent, { key, origin, now }: { key?: Key; origin: Origin; now: number }): Promise<{ intent: Intent; made: boolean }> {
    return this.#rows.transaction(async (tx) => {
      if (key) {
        const row = await tx.db.selectFrom('idempotency_keys').selectAll()
          .where('caller', '=', key.caller).where('operation', '=', createOperation).where('key', '=', key.key).executeTakeFirst();
        if (row) return { intent: await this.#load(tx, sameBody(row, key).entity_id, now), made: row.made === 1 };
      }
      const standing = await this.#standing(tx, fresh.sessionId);
      if (standing.some(({ status }) => status === 'confirmed')) throw conflict('already_paid', 'The session is paid already.');
      const pending = standing.find(({ status }) => status === 'pending');
      let answer = fresh;
      if (pending) {
        const current = asOf(pending, now);
        if (current.status === 'expired') await this.#save(tx, pending, expire(pending, now), origin);
        else if (current.amountMinor === fresh.amountMinor && current.currency === fresh.currency) answer = current;
        else await this.#save(tx, pending, cancel(pending, 'superseded', now), origin);
      }
      const made = answer === fresh;
      if (made) {
        await tx.db.insertInto('intents').values(toRow(fresh)).execute();
        await this.#events.created(tx, fresh, origin);
      }
      if (key) {
        await tx.db.insertInto('idempotency_keys').values({
          caller: key.caller, operation: createOperation, key: key.key, body_sha256: key.bodySha256, entity_id: answer.id, made: made ? 1 : 0, created_at: now,
        }).execute();
      }
      return { intent: answer, made };
    });
  }

  /** Fails with `intent_not_found`. */
  async get(id: string, scope: Scope, now: number): Promise<Intent> {
    const row = await this.#rows.read.selectFrom('intents').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row || (scope !== undefined && row.kiosk_id !== scope)) throw notFound('intent_not_found', 'There is no such payment intent.');
    return asOf(fromRow(row), now);
  }

  async findByPspId(pspPaymentId: string, now: number): Promise<Intent | undefined> {
    const row = await this.#rows.read.selectFrom('intents').selectAll().where('psp_payment_id', '=', pspPaymentId).executeTakeFirst();
    return row && asOf(fromRow(row), now);
  }

  async list({ sessionId, status, createdFrom, createdTo, limit, after, kioskId }: ListFilter, now: number): Promise<Intent[]> {
    let query = this.#rows.read.selectFrom('intents').selectAll().orderBy('id', 'desc').limit(limit);
    if (sessionId) query = query.where('session_id', '=', sessionId);
    if (kioskId) query = query.where('kiosk_id', '=', kioskId);
    // An intent past its time is expired whatever its row says.
    if (status === 'pending') query = query.where('status', '=', 'pending').where('expires_at', '>', now);
    else if (status === 'expired') query = query.where((or) => or.or([or('status', '=', 'expired'), or.and([or('status', '=', 'pending'), or('expires_at', '<=', now)])]));
    else if (status) query = query.where('status', '=', status);
    if (createdFrom !== undefined) query = query.where('id', '>=', idFloor('pay', createdFrom));
    if (createdTo !== undefined) query = query.where('id', '<', idFloor('pay', createdTo));
    if (after) query = query.where('id', '<', after);
    return (await query.execute()).map((row) => asOf(fromRow(row), now));
  }

  async findConfirmed(sessionId: string): Promise<Intent | undefined> {
    const row = await this.#rows.read.selectFrom('intents').selectAll().where('session_id', '=', sessionId).where('status', '=', 'confirmed').executeTakeFirst();
    return row && fromRow(row);
  }

  /** Fails with `intent_not_found` and `intent_final`. */
  async cancel(id: string, { scope, now, origin }: { scope: Scope; now: number; origin: Origin }): Promise<Intent> {
    return this.#rows.transaction(async (tx) => {
      const intent = await this.#load(tx, id, now);
      if (scope !== undefined && intent.kioskId !== scope) throw notFound('intent_not_found', 'There is no such payment intent.');
      return this.#save(tx, intent, cancel(intent, 'canceled_by_customer', now), origin);
    });
  }

  /** Claims the next attempt to send the frozen request; undefined when there is nothing to send or somebody else is at it. */
  async claimSubmission(id: string, { now, leaseMs }: { now: number; leaseMs: number }): Promise<Intent | undefined> {
    return this.#rows.transaction(async (tx) => {
      const intent = await this.#load(tx, id, now);
      if (!maySubmit(intent, now) || (intent.submission === 'submitting' && (intent.nextActionAt ?? 0) > now)) return undefined;
      return this.#update(tx, beginSubmission(intent, { now, leaseMs }));
    });
  }

  /** Records that an attempt's outcome is not known (P10). */
  async submissionUnknown(id: string, { now, delayMs, code }: { now: number; delayMs?: number; code: string }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const intent = await this.#load(tx, id, now);
      if (intent.submission !== 'submitting') return;
      const after = await this.#update(tx, submissionUnknown(intent, now, delayMs));
      if (after.submission === 'abandoned') await this.#note(tx, { kind: 'submission_unknown', objectId: id, intentId: id, details: { code } }, now);
    });
  }

  async submissionRefused(id: string, { now, code, origin }: { now: number; code: string; origin: Origin }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const intent = await this.#load(tx, id, now);
      if (intent.submission !== 'submitting') return;
      await this.#save(tx, intent, submissionRefused(intent, now), origin);
      await this.#note(tx, { kind: 'submission_refused', objectId: id, intentId: id, details: { code } }, now);
    });
  }

  /**
   * Applies what the PSP said about a payment: attaches it, records the evidence, moves the status. The one way that money confirms an intent.
   * Late money is confirmed only with `sessionActive` true and nothing else confirmed; without `sessionActive` it is left for a second call.
   */
  async settle(id: string, payment: PspPayment, { psp, source, sessionActive, now, origin }: {
    psp: Psp; source: Source; sessionActive?: boolean; now: number; origin: Origin;
  }): Promise<Settled> {
    return this.#rows.transaction(async (tx): Promise<Settled> => {
      const intent = await this.#load(tx, id, now);
      const differing = differences(intent, payment, psp.expected);
      const outcome = outcomeOf(intent, payment, differing);
      if (outcome === 'late' && sessionActive === undefined) return { outcome, intent };
      const standing = await this.#standing(tx, intent.sessionId);
      const paidOtherwise = standing.some((other) => other.id !== id && other.status === 'confirmed');
      const confirmLate = outcome === 'late' && sessionActive === true && !paidOtherwise;
      await this.#observe(tx, intent, payment, { outcome, source, now, details: { differing } });
      for (const difference of outcome === 'mismatch' ? differing : []) {
        await this.#note(tx, { kind: `mismatch_${difference.field}`, objectId: payment.id, intentId: id, details: difference }, now);
      }
      // Paid with the old QR while a newer one is on the screen: the newer one gives way.
      const newer = standing.find((other) => other.id !== id && other.status === 'pending');
      if (confirmLate && newer) await this.#save(tx, newer, cancel(asOf(newer, now), 'superseded', now), origin);
      const after = await this.#save(tx, intent, apply(intent, payment, outcome, { now, confirmLate }), origin);
      return outcome === 'late' ? { outcome, intent: after, confirmed: confirmLate } : { outcome, intent: after };
    });
  }

  /** When to ask about an open payment again, after an attempt that brought no answer. */
  async askLater(id: string, at: number | undefined): Promise<void> {
    await this.#rows.transaction(async ({ db }) => {
      await db.updateTable('intents').set({ next_action_at: at ?? null }).where('id', '=', id).execute();
    });
  }

  /** Takes intents whose time for the PSP has come and puts them out of the others' sight for a while. */
  async claimDue({ now, leaseMs, limit }: { now: number; leaseMs: number; limit: number }): Promise<Intent[]> {
    const due = await this.#rows.read.selectFrom('intents').select('id').where('next_action_at', '<=', now).orderBy('next_action_at').limit(limit).execute();
    if (due.length === 0) return [];
    return this.#rows.transaction(async (tx) => {
      const rows = await tx.db.selectFrom('intents').selectAll().where('id', 'in', due.map(({ id }) => id)).where('next_action_at', '<=', now).execute();
      const claimed: Intent[] = [];
      for (const row of rows) {
        const intent = fromRow(row);
        // A submission claims itself when it is sent.
        claimed.push(intent.submission === 'attached' ? await this.#update(tx, { ...intent, nextActionAt: now + leaseMs }) : intent);
      }
      return claimed;
    });
  }

  /** At the start nobody else holds a claim on this database: what a killed process was at is due at once. */
  async releaseClaims(now: number): Promise<void> {
    await this.#rows.transaction(async ({ db }) => {
      await db.updateTable('intents').set({ next_action_at: now }).where('next_action_at', '>', now).where('submission', 'in', ['created', 'submitting']).execute();
    });
  }

  /** Records overdue intents as expired, a bite at a time. */
  async expireDue(now: number, origin: Origin): Promise<void> {
    for (;;) {
      const due = await this.#rows.read.selectFrom('intents').select('id').where('status', '=', 'pending').where('expires_at', '<=', now).limit(biteRows).execute();
      if (due.length === 0) return;
      await this.#rows.transaction(async (tx) => {
        for (const { id } of due) {
          const row = await tx.db.selectFrom('intents').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
          const intent = fromRow(row);
          if (intent.status === 'pending') await this.#save(tx, intent, expire(intent, now), origin);
        }
      });
      if (due.length < biteRows) return;
    }
  }

  async deleteOld({ auditBefore, keysBefore }: { auditBefore: number; keysBefore: number }): Promise<void> {
    await this.#rows.transaction(async ({ db }) => {
      await db.deleteFrom('audit_logs').where('at', '<', auditBefore).execute();
      await db.deleteFrom('idempotency_keys').where('created_at', '<', keysBefore).execute();
    });
  }

  async note(anomaly: Anomaly, now: number): Promise<void> {
    await this.#rows.transaction((tx) => this.#note(tx, anomaly, now));
  }

  async #note(tx: Tx<Tables>, { kind, objectId, intentId, details }: Anomaly, now: number): Promise<void> {
    const before = await tx.db.selectFrom('anomalies').select('id').where('kind', '=', kind).where('object_id', '=', objectId).executeTakeFirst();
    if (before) {
      await tx.db.updateTable('anomalies').set((set) => ({ last_at: now, seen: set('seen', '+', 1) })).where('id', '=', before.id).execute();
      return;
    }
    await tx.db.insertInto('anomalies').values({
      kind, object_id: objectId, intent_id: intentId ?? null, details: JSON.stringify(details), first_at: now, last_at: now,
    }).execute();
    await this.#events.anomaly(tx, { kind, objectId, intentId, details });
  }

  async #standing(tx: Tx<Tables>, sessionId: string): Promise<Intent[]> {
    const rows = await tx.db.selectFrom('intents').selectAll().where('session_id', '=', sessionId).where('status', 'in', ['pending', 'confirmed']).execute();
    return rows.map(fromRow);
  }

  async #load(tx: Tx<Tables>, id: string, now: number): Promise<Intent> {
    const row = await tx.db.selectFrom('intents').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw notFound('intent_not_found', 'There is no such payment intent.');
    return asOf(fromRow(row), now);
  }

  /** Saves a step and tells of it where the status moved. */
  async #save(tx: Tx<Tables>, before: Intent, after: Intent, origin: Origin): Promise<Intent> {
    if (after === before) return after;
    const { status } = await tx.db.selectFrom('intents').select('status').where('id', '=', after.id).executeTakeFirstOrThrow();
    await this.#update(tx, after);
    if (status !== after.status) await this.#events.moved(tx, { from: status, intent: after, origin });
    return after;
  }

  async #update(tx: Tx<Tables>, intent: Intent): Promise<Intent> {
    const row = toRow(intent);
    await tx.db.updateTable('intents').set({
      status: row.status, failure_reason: row.failure_reason, submission: row.submission, psp_payment_id: row.psp_payment_id, psp_status: row.psp_status,
      qr_code_data: row.qr_code_data, confirmation_url: row.confirmation_url, attempts: row.attempts, first_attempt_at: row.first_attempt_at,
      next_action_at: row.next_action_at, last_asked_at: row.last_asked_at, updated_at: row.updated_at, confirmed_at: row.confirmed_at,
    }).where('id', '=', intent.id).execute();
    return intent;
  }

  /** Evidence is kept for what matters: the first sight of a payment, and every word that moves something. */
  async #observe(tx: Tx<Tables>, intent: Intent, payment: PspPayment, { outcome, source, now, details }: {
    outcome: Outcome; source: Source; now: number; details: object;
  }): Promise<void> {
    if (outcome === 'open' && intent.pspPaymentId !== undefined) return;
    if (outcome === 'paid' && intent.status === 'confirmed') return;
    const verdict = outcome === 'late' ? 'paid' : outcome;
    await tx.db.insertInto('psp_observations').values({
      at: now, intent_id: intent.id, psp_payment_id: payment.id, psp_status: payment.status, source, verdict, details: JSON.stringify(details),
    }).execute();
  }
}

function sameBody(row: KeyRow, key: Key): KeyRow {
  if (row.body_sha256 !== key.bodySha256) throw invalid('idempotency_key_reused', 'This Idempotency-Key was used for another request.');
  return row;
}

function fromRow(row: Selectable<IntentRow>): Intent {
  return {
    id: row.id,
    sessionId: row.session_id,
    kioskId: row.kiosk_id ?? undefined,
    amountMinor: row.amount_minor,
    currency: row.currency,
    description: row.description ?? undefined,
    metadata: JSON.parse(row.metadata) as Intent['metadata'],
    status: row.status,
    failureReason: row.failure_reason ?? undefined,
    provider: row.provider,
    submission: row.submission,
    pspRequest: row.psp_request,
    pspPaymentId: row.psp_payment_id ?? undefined,
    pspStatus: row.psp_status ?? undefined,
    qrCodeData: row.qr_code_data,
    confirmationUrl: row.confirmation_url ?? undefined,
    attempts: row.attempts,
    firstAttemptAt: row.first_attempt_at ?? undefined,
    nextActionAt: row.next_action_at ?? undefined,
    lastAskedAt: row.last_asked_at ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    confirmedAt: row.confirmed_at ?? undefined,
    expiresAt: row.expires_at,
  };
}

function toRow(intent: Intent): Insertable<IntentRow> {
  return {
    id: intent.id,
    session_id: intent.sessionId,
    kiosk_id: intent.kioskId ?? null,
    amount_minor: intent.amountMinor,
    currency: intent.currency,
    description: intent.description ?? null,
    metadata: JSON.stringify(intent.metadata),
    status: intent.status,
    failure_reason: intent.failureReason ?? null,
    provider: intent.provider,
    submission: intent.submission,
    psp_request: intent.pspRequest,
    psp_payment_id: intent.pspPaymentId ?? null,
    psp_status: intent.pspStatus ?? null,
    qr_code_data: intent.qrCodeData,
    confirmation_url: intent.confirmationUrl ?? null,
    attempts: intent.attempts,
    first_attempt_at: intent.firstAttemptAt ?? null,
    next_action_at: intent.nextActionAt ?? null,
    last_asked_at: intent.lastAskedAt ?? null,
    created_at: intent.createdAt,
    updated_at: intent.updatedAt,
    confirmed_at: intent.confirmedAt ?? null,
    expires_at: intent.expiresAt,
  };
}
