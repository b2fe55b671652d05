/** Every query on intents. A method is one whole transaction: load, decide with a pure function, save, append audit and evidence. */
import { biteRows, columns, idFloor, inBites, listAudit, pruneAudit, statement, type AuditFilter, type AuditRow, type Statement, type Tx } from '@kiosk/database';
import { conflict, notFound } from '@kiosk/fault';
import type { Selectable } from 'kysely';
import { pick, type Wanted } from './conversations.ts';
import type { Anomaly, Events } from './events.ts';
import { intentFromRow, intentToRow } from './intent-row.ts';
import {
  apply, asOf, beginSubmission, cancel, differences, endedHere, expire, maySubmit, outcomeOf, submissionRefused, submissionUnknown,
  type Intent, type IntentStatus, type Outcome,
} from './intent.ts';
import type { Psp, PspPayment } from './psp.ts';
import type { RefundStore } from './refund-store.ts';
import { sameBody, type IntentRow, type Key, type KeyRow, type ObservationRow, type Origin, type Rows, type Tables } from './tables.ts';

type AnomalyRow = Selectable<Tables['anomalies']>;

/** How we came to ask the PSP. */
export type Source = 'submit' | 'poll' | 'notification' | 'reconciliation' | 'confirm';

/** What a kiosk's key may see: its own intents only (S3). Undefined: all. */
export type Scope = string | undefined;

export type ListFilter = {
  sessionId?: string; status?: IntentStatus; createdFrom?: number; createdTo?: number; limit: number; after?: string; kioskId?: string;
};

export type Settled =
  | { outcome: Exclude<Outcome, 'late'>; intent: Intent }
  | { outcome: 'late'; intent: Intent; /** What became of it; undefined: the session has to be looked at first. */ confirmed?: boolean };

const createOperation = 'create_intent';

const intentById = statement<Tables, { id: string }>()((db, param) => db.selectFrom('intents').selectAll().where('id', '=', param('id')));
const erasureOfSession = statement<Tables, { sessionId: string }>()((db, param) => db.selectFrom('erased_sessions').select('at').where('session_id', '=', param('sessionId')));
const confirmedIntent = statement<Tables, { sessionId: string }>()((db, param) =>
  db.selectFrom('intents').selectAll().where('session_id', '=', param('sessionId')).where('status', '=', 'confirmed'));
const overdueIntents = statement<Tables, { now: number; limit: number }>()((db, param) =>
  db.selectFrom('intents').select('id').where('status', '=', 'pending').where('expires_at', '<=', param('now')).limit(param('limit')));
const recordedOfIntent = statement<Tables, { id: string }>()((db, param) => db.selectFrom('intents').select(['status', 'updated_at']).where('id', '=', param('id')));
const dueWhere = (isOrNot: '=' | '<>') => statement<Tables, { now: number; limit: number }>()((db, param) =>
  db.selectFrom('intents').select('id').where('next_action_at', '<=', param('now')).where('submission', isOrNot, 'attached').orderBy('next_action_at').limit(param('limit')));
/** By what the PSP is to be told or asked: to make a payment, or how one stands. */
const dueIntents = { make: dueWhere('<>'), ask: dueWhere('=') };
const standingIntents = statement<Tables, { sessionId: string }>()((db, param) =>
  db.selectFrom('intents').selectAll().where('session_id', '=', param('sessionId')).where('status', 'in', ['pending', 'confirmed']));
const keyOfIntent = statement<Tables, Pick<Key, 'caller' | 'key'>>()((db, param) => db.selectFrom('idempotency_keys').selectAll()
  .where('caller', '=', param('caller')).where('operation', '=', createOperation).where('key', '=', param('key')));
const insertKey = statement<Tables, KeyRow>()((db, param) => db.insertInto('idempotency_keys').values(columns<KeyRow>({
  caller: true, operation: true, key: true, body_sha256: true, entity_id: true, made: true, created_at: true,
}, param)));
const insertIntent = statement<Tables, IntentRow>()((db, param) => db.insertInto('intents').values(columns<IntentRow>({
  id: true, session_id: true, kiosk_id: true, amount_minor: true, currency: true, description: true, metadata: true, status: true, failure_reason: true,
  provider: true, submission: true, psp_request: true, psp_payment_id: true, psp_status: true, qr_code_data: true, confirmation_url: true, attempts: true,
  first_attempt_at: true, next_action_at: true, last_asked_at: true, psp_created_at: true, receipt_registration: true, serve_check_at: true,
  created_at: true, updated_at: true, confirmed_at: true, expires_at: true, erased_at: true,
}, param)));
/** What may change in an intent's life. */
const changeable = [
  'status', 'failure_reason', 'submission', 'psp_payment_id', 'psp_status', 'qr_code_data', 'confirmation_url', 'attempts', 'first_attempt_at', 'next_action_at',
  'last_asked_at', 'psp_created_at', 'receipt_registration', 'serve_check_at', 'updated_at', 'confirmed_at',
] as const;
type Changeable = (typeof changeable)[number];
/** One for each step in an intent's life: an update writes the indexes of all columns that it names, and most have one. */
const savesOf = new Map<string, Statement<Tables, IntentRow, unknown>>();

function saveOf(changed: readonly Changeable[]): Statement<Tables, IntentRow, unknown> {
  const name = changed.join();
  let save = savesOf.get(name);
  if (!save) {
    const names = Object.fromEntries(changed.map((column) => [column, true])) as { [Column in Changeable]: true };
    save = statement<Tables, IntentRow>()((db, param) => db.updateTable('intents').set(columns<Pick<IntentRow, Changeable>>(names, param)).where('id', '=', param('id')));
    savesOf.set(name, save);
  }
  return save;
}
const insertObservation = statement<Tables, ObservationRow>()((db, param) => db.insertInto('psp_observations').values(columns<ObservationRow>({
  at: true, intent_id: true, psp_payment_id: true, psp_status: true, source: true, verdict: true, details: true,
}, param)));

export class Store {
  readonly #rows: Rows;
  readonly #events: Events;
  readonly #refunds: RefundStore;
  readonly #serveCheckDelayMs: number | undefined;

  constructor({ rows, events, refunds, serveCheckDelayMs }: {
    rows: Rows; events: Events; refunds: RefundStore;
    /** How long after its payment a session is first looked at for its report; undefined: money without a report is not given back by itself. */
    serveCheckDelayMs: number | undefined;
  }) {
    this.#rows = rows;
    this.#events = events;
    this.#refunds = refunds;
    this.#serveCheckDelayMs = serveCheckDelayMs;
  }

  /** The intent that a key was answered with before. Fails with `idempotency_key_reused` for another body. */
  async replay(key: Key, now: number): Promise<{ intent: Intent; made: boolean } | undefined> {
    const row = await keyOfIntent.first(this.#rows.read, key);
    return row && { intent: await this.get(sameBody(row, key).entity_id, undefined, now), made: row.made === 1 };
  }

  /**
   * Claims the key and makes the intent, or finds the one to answer with: the key's own, or the session's pending one of the same terms.
   * A pending one of other terms fails as superseded. One that was made is claimed already: it is for the caller to send it at once, which spares
   * a commit. A crash between counts as one within the sending. Fails with `idempotency_key_reused` and `already_paid`.
   */
  async open(created: Intent, { key, origin, now, leaseMs }: { key?: Key; origin: Origin; now: number; leaseMs: number }): Promise<{ intent: Intent; made: boolean }> {
    const fresh = beginSubmission(created, { now, leaseMs });
    return this.#rows.transaction(async (tx) => {
      if (key) {
        const row = await keyOfIntent.first(tx.db, key);
        if (row) return { intent: await this.#load(tx, sameBody(row, key).entity_id, now), made: row.made === 1 };
      }
      // Between the look at the session and now it may have been erased.
      if (await erasureOfSession.first(tx.db, fresh)) throw conflict('session_final', 'The session has ended: it takes no payment.');
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
        await insertIntent.run(tx.db, intentToRow(fresh));
        await this.#events.created(tx, fresh, origin);
      }
      if (key) {
        await insertKey.run(tx.db, {
          caller: key.caller, operation: createOperation, key: key.key, body_sha256: key.bodySha256, entity_id: answer.id, made: made ? 1 : 0, created_at: now,
        });
      }
      return { intent: answer, made };
    });
  }

  /** Fails with `intent_not_found`. */
  async get(id: string, scope: Scope, now: number): Promise<Intent> {
    const row = await intentById.first(this.#rows.read, { id });
    if (!row || (scope !== undefined && row.kiosk_id !== scope)) throw notFound('intent_not_found', 'There is no such payment intent.');
    return asOf(intentFromRow(row), now);
  }

  async findByPspId(pspPaymentId: string, now: number): Promise<Intent | undefined> {
    const row = await this.#rows.read.selectFrom('intents').selectAll().where('psp_payment_id', '=', pspPaymentId).executeTakeFirst();
    return row && asOf(intentFromRow(row), now);
  }

  async list({ sessionId, status, createdFrom, createdTo, limit, after, kioskId }: ListFilter, now: number): Promise<Intent[]> {
    let query = this.#rows.read.selectFrom('intents').selectAll();
    if (sessionId) query = query.where('session_id', '=', sessionId);
    if (kioskId) query = query.where('kiosk_id', '=', kioskId);
    if (createdFrom !== undefined) query = query.where('id', '>=', idFloor('pay', createdFrom));
    if (createdTo !== undefined) query = query.where('id', '<', idFloor('pay', createdTo));
    if (after) query = query.where('id', '<', after);
    const isIn = (each: IntentStatus) => query.where('status', '=', each);
    // A union is merged in the order of its indexes, and read no further than the page; an OR would sort all that ever expired.
    let page = query;
    // An intent past its time is expired whatever its row says.
    if (status === 'pending') page = isIn('pending').where('expires_at', '>', now);
    else if (status === 'expired') page = isIn('expired').unionAll(isIn('pending').where('expires_at', '<=', now));
    else if (status) page = isIn(status);
    else if (kioskId && !sessionId) page = isIn('pending').unionAll(isIn('confirmed')).unionAll(isIn('failed')).unionAll(isIn('expired'));
    return (await page.orderBy('id', 'desc').limit(limit).execute()).map((row) => asOf(intentFromRow(row), now));
  }

  /** All of a session that the scope may see, oldest first. */
  async listOfSession(sessionId: string, scope: Scope, now: number): Promise<Intent[]> {
    let query = this.#rows.read.selectFrom('intents').selectAll().where('session_id', '=', sessionId).orderBy('id');
    if (scope !== undefined) query = query.where('kiosk_id', '=', scope);
    return (await query.execute()).map((row) => asOf(intentFromRow(row), now));
  }

  async findConfirmed(sessionId: string): Promise<Intent | undefined> {
    const row = await confirmedIntent.first(this.#rows.read, { sessionId });
    return row && intentFromRow(row);
  }

  /** Fails with `intent_not_found` and `intent_final`. */
  async cancel(id: string, { scope, now, origin }: { scope: Scope; now: number; origin: Origin }): Promise<Intent> {
    return this.#rows.transaction(async (tx) => {
      const intent = await this.#load(tx, id, now);
      if (scope !== undefined && intent.kioskId !== scope) throw notFound('intent_not_found', 'There is no such payment intent.');
      return this.#save(tx, intent, cancel(intent, 'canceled_by_customer', now), origin);
    });
  }

  /** The customer is to be forgotten: what they have not paid yet they shall not pay. */
  async cancelPendingOf(tx: Tx<Tables>, sessionId: string, { now, origin }: { now: number; origin: Origin }): Promise<void> {
    for (const intent of await this.#standing(tx, sessionId)) {
      if (intent.status === 'pending') await this.#save(tx, intent, intent.expiresAt <= now ? expire(intent, now) : cancel(intent, 'canceled_by_customer', now), origin);
    }
  }

  /** Claims the next attempt to send the frozen request; undefined when there is nothing to send or somebody else is at it. */
  async claimSubmission(id: string, { now, leaseMs }: { now: number; leaseMs: number }): Promise<Intent | undefined> {
    return this.#rows.transaction(async (tx) => {
      const intent = await this.#load(tx, id, now);
      if (intent.submission === 'submitting' && (intent.nextActionAt ?? 0) > now) return undefined;
      if (!maySubmit(intent, now)) {
        // The service was down when the time to give up came.
        if (intent.submission === 'submitting') await this.#recordUnknown(tx, intent, { now, delayMs: 0, code: 'not_asked_in_time' });
        return undefined;
      }
      return this.#update(tx, intent, beginSubmission(intent, { now, leaseMs }));
    });
  }

  /** Records that an attempt's outcome is not known (P10). */
  async submissionUnknown(id: string, { now, delayMs, code }: { now: number; delayMs?: number; code: string }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const intent = await this.#load(tx, id, now);
      if (intent.submission === 'submitting') await this.#recordUnknown(tx, intent, { now, delayMs, code });
    });
  }

  async #recordUnknown(tx: Tx<Tables>, intent: Intent, { now, delayMs, code }: { now: number; delayMs?: number; code: string }): Promise<void> {
    const after = await this.#update(tx, intent, submissionUnknown(intent, now, delayMs));
    if (after.submission === 'abandoned') await this.#events.anomaly(tx, { kind: 'submission_unknown', objectId: after.id, intentId: after.id, details: { code } });
  }

  async submissionRefused(id: string, { now, code, origin }: { now: number; code: string; origin: Origin }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const intent = await this.#load(tx, id, now);
      if (intent.submission !== 'submitting') return;
      await this.#save(tx, intent, submissionRefused(intent, now), origin);
      await this.#events.anomaly(tx, { kind: 'submission_refused', objectId: id, intentId: id, details: { code } });
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
      if (intent.pspPaymentId !== undefined && intent.pspPaymentId !== payment.id) {
        await this.#events.anomaly(tx, { kind: 'second_payment', objectId: payment.id, intentId: id, details: { status: payment.status, amountMinor: payment.amountMinor } });
        return { outcome: 'mismatch', intent };
      }
      const differing = differences(intent, payment, psp.expected);
      const outcome = outcomeOf(intent, payment, differing);
      if (outcome === 'late' && sessionActive === undefined) return { outcome, intent };
      const standing = outcome === 'late' ? await this.#standing(tx, intent.sessionId) : [];
      const paidOtherwise = standing.some((other) => other.id !== id && other.status === 'confirmed');
      // Since the session was looked at it may have been erased.
      const confirmLate = outcome === 'late' && sessionActive === true && !paidOtherwise && endedHere(intent) && !await erasureOfSession.first(tx.db, intent);
      await this.#observe(tx, intent, payment, { outcome, source, now, details: { differing } });
      for (const difference of outcome === 'mismatch' ? differing : []) {
        await this.#events.anomaly(tx, { kind: `mismatch_${difference.field}`, objectId: payment.id, intentId: id, details: difference });
      }
      // Paid with the old QR while a newer one is on the screen: the newer one gives way.
      const newer = standing.find((other) => other.id !== id && other.status === 'pending');
      if (confirmLate && newer) await this.#save(tx, newer, newer.expiresAt <= now ? expire(newer, now) : cancel(newer, 'superseded', now), origin);
      const applied = apply(intent, payment, outcome, { now, confirmLate });
      const after = await this.#save(tx, intent, applied.status !== intent.status ? this.#watchService(applied, now) : applied, origin);
      if (outcome === 'late' && !confirmLate) {
        const reason = paidOtherwise ? 'late_money_paid_otherwise' : endedHere(intent) ? 'late_money_session_ended' : 'late_money_payment_failed';
        await this.#refunds.openAutomatic(tx, after, { source: 'late_money', reason, origin, now });
      }
      // The receipt of a payment that nobody made is nobody's loss.
      const isPaid = payment.status === 'succeeded';
      if (isPaid && after.receiptRegistration === 'canceled' && intent.receiptRegistration !== 'canceled') {
        await this.#events.anomaly(tx, { kind: 'receipt_canceled', objectId: payment.id, intentId: id, details: {} });
      }
      // The schedule has ended without an end: from here on only the operator can find out.
      if (after.nextActionAt === undefined && outcome === 'open') await this.#events.anomaly(tx, { kind: 'payment_unresolved', objectId: payment.id, intentId: id, details: {} });
      if (isPaid && after.nextActionAt === undefined && after.receiptRegistration === 'pending') {
        await this.#events.anomaly(tx, { kind: 'receipt_pending', objectId: payment.id, intentId: id, details: {} });
      }
      return outcome === 'late' ? { outcome, intent: after, confirmed: confirmLate } : { outcome, intent: after };
    });
  }

  /** When to ask about an open payment again, after an attempt that brought no answer. */
  async askLater({ id, pspPaymentId }: Intent, at: number | undefined): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      await tx.db.updateTable('intents').set({ next_action_at: at ?? null }).where('id', '=', id).execute();
      if (at === undefined) await this.#events.anomaly(tx, { kind: 'payment_unresolved', objectId: pspPaymentId ?? id, intentId: id, details: {} });
    });
  }

  /** Takes intents whose time for this has come, other than `besides`, and puts them out of the others' sight for a while. */
  async claimDue(errand: keyof typeof dueIntents, { now, leaseMs, limit, besides }: Wanted & { now: number; leaseMs: number }): Promise<Intent[]> {
    const due = pick(await dueIntents[errand].all(this.#rows.read, { now, limit: limit + besides.size }), { limit, besides });
    if (due.length === 0) return [];
    return this.#rows.transaction(async (tx) => {
      const claimed: Intent[] = [];
      for (const { id } of due) {
        const intent = intentFromRow((await intentById.first(tx.db, { id }))!);
        if (intent.nextActionAt === undefined || intent.nextActionAt > now) continue;
        // A submission claims itself when it is sent. Asking counts as having asked, whatever comes of it: a storm of notifications hurries no PSP that fails.
        claimed.push(intent.submission === 'attached' ? await this.#update(tx, intent, { ...intent, nextActionAt: now + leaseMs, lastAskedAt: now }) : intent);
      }
      return claimed;
    });
  }

  /** At the start nobody else holds a claim on this database, and nobody knows for how long it was off: whatever is unfinished is due at once. */
  async releaseClaims(now: number): Promise<void> {
    await this.#rows.transaction(async ({ db }) => {
      await db.updateTable('intents').set({ next_action_at: now }).where('next_action_at', '>', now).execute();
    });
  }

  /** Records overdue intents as expired, a bite at a time. */
  async expireDue(now: number, origin: Origin): Promise<void> {
    await inBites(async () => {
      // A look without a transaction: most of the time nothing is due.
      const due = await overdueIntents.all(this.#rows.read, { now, limit: biteRows });
      if (due.length === 0) return 0;
      await this.#rows.transaction(async (tx) => {
        for (const { id } of due) {
          const intent = intentFromRow((await intentById.first(tx.db, { id }))!);
          if (intent.status === 'pending') await this.#save(tx, intent, expire(intent, now), origin);
        }
      });
      return due.length;
    });
  }

  async deleteOld({ auditBefore, keysBefore, now }: { auditBefore: number; keysBefore: number; now: number }): Promise<void> {
    await pruneAudit((work) => this.#rows.transaction(work), { before: auditBefore, now });
    await inBites(() => this.#rows.transaction(async ({ db }) => {
      const { numDeletedRows } = await db.deleteFrom('idempotency_keys').where((or) => or(
        or.refTuple('caller', 'operation', 'key'), 'in',
        db.selectFrom('idempotency_keys').select(['caller', 'operation', 'key']).where('created_at', '<', keysBefore).limit(biteRows).$asTuple('caller', 'operation', 'key'),
      )).executeTakeFirst();
      return Number(numDeletedRows);
    }));
  }

  /** With `sessionId`: of the session, its intents and their refunds, under our ids and the PSP's. */
  async listAudit({ sessionId, ...filter }: AuditFilter & { sessionId?: string }): Promise<AuditRow[]> {
    return listAudit(this.#rows.read, { ...filter, entityIds: sessionId === undefined ? undefined : await this.#auditedOf(sessionId) });
  }

  async #auditedOf(sessionId: string): Promise<string[]> {
    const { read } = this.#rows;
    const intents = await read.selectFrom('intents').select(['id', 'psp_payment_id as pspId']).where('session_id', '=', sessionId).execute();
    const refunds = intents.length === 0 ? [] : await read.selectFrom('refunds').select(['id', 'psp_refund_id as pspId']).where('intent_id', 'in', intents.map(({ id }) => id)).execute();
    return [sessionId, ...[...intents, ...refunds].flatMap(({ id, pspId }) => (pspId === null ? [id] : [id, pspId]))];
  }

  async note(anomaly: Anomaly): Promise<void> {
    await this.#rows.transaction((tx) => this.#events.anomaly(tx, anomaly));
  }

  /** Newest first. */
  async listAnomalies(limit: number): Promise<AnomalyRow[]> {
    return this.#rows.read.selectFrom('anomalies').selectAll().orderBy('last_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
  }

  async #standing(tx: Tx<Tables>, sessionId: string): Promise<Intent[]> {
    return (await standingIntents.all(tx.db, { sessionId })).map(intentFromRow);
  }

  async #load(tx: Tx<Tables>, id: string, now: number): Promise<Intent> {
    const row = await intentById.first(tx.db, { id });
    if (!row) throw notFound('intent_not_found', 'There is no such payment intent.');
    return asOf(intentFromRow(row), now);
  }

  #watchService(intent: Intent, now: number): Intent {
    if (intent.status !== 'confirmed' || this.#serveCheckDelayMs === undefined) return intent;
    return { ...intent, serveCheckAt: now + this.#serveCheckDelayMs };
  }

  /** Saves a step and tells of it where the status moved. */
  async #save(tx: Tx<Tables>, before: Intent, after: Intent, origin: Origin): Promise<Intent> {
    if (after === before) return after;
    const recorded = before.status === 'expired' ? await this.#asRecorded(tx, before) : before;
    await this.#update(tx, recorded, after);
    if (recorded.status !== after.status) await this.#events.moved(tx, { from: recorded.status, intent: after, origin });
    else if (after.qrCodeData !== before.qrCodeData || after.confirmationUrl !== before.confirmationUrl) this.#events.payable(tx, after);
    return after;
  }

  /** What is past its time is expired whatever its row says: here the row's word counts. */
  async #asRecorded(tx: Tx<Tables>, intent: Intent): Promise<Intent> {
    const { status, updated_at: updatedAt } = (await recordedOfIntent.first(tx.db, intent))!;
    return { ...intent, status, updatedAt };
  }

  /** Writes what differs. */
  async #update(tx: Tx<Tables>, before: Intent, after: Intent): Promise<Intent> {
    const [from, to] = [intentToRow(before), intentToRow(after)];
    const changed = changeable.filter((column) => from[column] !== to[column]);
    if (changed.length > 0) await saveOf(changed).run(tx.db, to);
    return after;
  }

  /** Evidence is kept for what matters: the first sight of a payment, and every word that moves something. */
  async #observe(tx: Tx<Tables>, intent: Intent, payment: PspPayment, { outcome, source, now, details }: {
    outcome: Outcome; source: Source; now: number; details: object;
  }): Promise<void> {
    if (outcome === 'open' && intent.pspPaymentId !== undefined) return;
    if (outcome === 'paid' && intent.status === 'confirmed') return;
    const verdict = outcome === 'late' ? 'paid' : outcome;
    await insertObservation.run(tx.db, {
      at: now, intent_id: intent.id, psp_payment_id: payment.id, psp_status: payment.status, source, verdict, details: JSON.stringify(details),
    });
  }
}

