/** One function per business event. Each feeds the audit (in the transaction), and the log, the metrics and those who watch once it is on disk. */
import { appendAudit, type Tx } from '@kiosk/database';
import type { Changes, Log, Metrics } from '@kiosk/service';
import type { Intent, IntentStatus } from './intent.ts';
import { withoutContacts, type Refund } from './refund.ts';
import type { Origin, Tables } from './tables.ts';

/** From the QR to the end of the intent: seconds on a screen, minutes at most. */
const durationBucketsSeconds = [0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60];

/** What the metric may say; the intent itself keeps the PSP's own word. */
const failureReasons = new Set([
  'canceled_by_customer', 'superseded', 'refused_by_psp',
  // YooKassa API v3, cancellation_details.reason
  '3d_secure_failed', 'call_issuer', 'canceled_by_merchant', 'card_expired', 'country_forbidden', 'deal_expired', 'expired_on_capture',
  'expired_on_confirmation', 'fraud_suspected', 'general_decline', 'identification_required', 'insufficient_funds', 'internal_timeout',
  'invalid_card_number', 'invalid_csc', 'issuer_unavailable', 'payment_method_limit_exceeded', 'payment_method_restricted', 'permission_revoked',
  'unsupported_mobile_operator',
]);

/** What does not add up and wants the operator. Details are facts about money, never about people. */
export type Anomaly = { kind: string; objectId: string; intentId?: string; details: object };

/** What is seen again after this long is news: wrong credentials in June are not those of January. */
const alarmAgainMs = 24 * 3_600_000;

export type Events = ReturnType<typeof createEvents>;

const service: Origin = { requestId: 'janitor', caller: { role: 'service', name: 'payments' } };

export function createEvents({ log, metrics, changes, now, env }: {
  log: Log; metrics: Metrics; now: () => number; env: string;
  /** By the session's id. */
  changes: Changes;
}) {
  const intents = metrics.counter({ name: 'payments_intents_total', help: 'Intents by the status that they reached.', labels: ['status', 'env'] });
  const confirmed = metrics.counter({ name: 'payments_confirmed_total', help: 'Intents confirmed.', labels: ['env'] });
  const failed = metrics.counter({ name: 'payments_failed_total', help: 'Intents failed.', labels: ['reason', 'env'] });
  const duration = metrics.histogram({
    name: 'payments_duration_seconds', help: 'From the creation of an intent to its end.', labels: ['status', 'env'], buckets: durationBucketsSeconds,
  });
  const anomalies = metrics.counter({ name: 'payments_anomalies_total', help: 'What does not add up and wants the operator.', labels: ['kind', 'env'] });
  const refunds = metrics.counter({ name: 'payments_refunds_total', help: 'Refunds by the status that they reached.', labels: ['status', 'origin', 'env'] });
  const webhooks = metrics.counter({ name: 'payments_webhook_received_total', help: 'Notifications from the PSP.', labels: ['status'] });
  // What has not happened yet is 0, not absent: an alarm would not see the first of it rise.
  for (const status of ['pending', 'confirmed', 'failed', 'expired']) intents.inc({ status, env }, 0);
  for (const status of ['accepted', 'refused', 'invalid']) webhooks.inc({ status }, 0);
  for (const reason of [...failureReasons, 'other']) failed.inc({ reason, env }, 0);
  confirmed.inc({ env }, 0);

  const audit = (tx: Tx<Tables>, event: string, entityId: string, details: object, { requestId, caller }: Origin): Promise<void> =>
    appendAudit(tx, { at: now(), event, entityId, details, requestId, caller });

  return {
    async created(tx: Tx<Tables>, intent: Intent, origin: Origin): Promise<void> {
      const { id: intentId, sessionId, amountMinor, currency, provider } = intent;
      await audit(tx, 'intent.created', intentId, { sessionId, amountMinor, currency, provider }, origin);
      tx.afterCommit(() => {
        intents.inc({ status: 'pending', env });
        changes.touch(sessionId);
        log.info({ event: 'intent.created', intentId, sessionId, amountMinor, currency, requestId: origin.requestId }, 'payment intent created');
      });
    },

    async moved(tx: Tx<Tables>, { from, intent, origin }: { from: IntentStatus; intent: Intent; origin: Origin }): Promise<void> {
      const { id: intentId, sessionId, status, failureReason: reason, pspPaymentId, amountMinor } = intent;
      await audit(tx, `intent.${status}`, intentId, { from, sessionId, reason, pspPaymentId, amountMinor }, origin);
      tx.afterCommit(() => {
        intents.inc({ status, env });
        changes.touch(sessionId);
        if (status === 'confirmed') confirmed.inc({ env });
        if (status === 'failed') failed.inc({ reason: failureReasons.has(reason ?? '') ? reason! : 'other', env });
        duration.observe({ status, env }, (intent.updatedAt - intent.createdAt) / 1000);
        log.info({ event: `intent.${status}`, intentId, sessionId, previousStatus: from, reason, pspPaymentId, amountMinor, requestId: origin.requestId }, 'payment intent moved');
      });
    },

    /** The PSP gave what the customer needs to pay. */
    payable(tx: Tx<Tables>, { sessionId }: Intent): void {
      tx.afterCommit(() => changes.touch(sessionId));
    },

    async erased(tx: Tx<Tables>, { sessionId, count, origin }: { sessionId: string; count: number; origin: Origin }): Promise<void> {
      await audit(tx, 'session.erased', sessionId, { intents: count }, origin);
      tx.afterCommit(() => log.info({ event: 'session.erased', sessionId, count, requestId: origin.requestId }, 'a customer was erased from payments'));
    },

    async refundCreated(tx: Tx<Tables>, refund: Refund, origin: Origin): Promise<void> {
      const { id: refundId, intentId, amountMinor, origin: by, reason, retryOf } = refund;
      const sessionId = await sessionOf(tx, intentId);
      await audit(tx, 'refund.created', refundId, { intentId, amountMinor, by, reason: withoutContacts(reason), retryOf }, origin);
      tx.afterCommit(() => {
        refunds.inc({ status: 'pending', origin: by, env });
        changes.touch(sessionId);
        log.info({ event: 'refund.created', refundId, intentId, amountMinor, type: by, requestId: origin.requestId }, 'refund created');
      });
    },

    async refundMoved(tx: Tx<Tables>, refund: Refund, origin: Origin): Promise<void> {
      const { id: refundId, intentId, amountMinor, status, cancelReason: reason, pspRefundId, origin: by } = refund;
      const sessionId = await sessionOf(tx, intentId);
      await audit(tx, `refund.${status}`, refundId, { intentId, amountMinor, reason, pspRefundId }, origin);
      tx.afterCommit(() => {
        refunds.inc({ status, origin: by, env });
        changes.touch(sessionId);
        log.info({ event: `refund.${status}`, refundId, intentId, amountMinor, reason, pspRefundId, requestId: origin.requestId }, 'refund moved');
      });
    },

    /** `status`: accepted, refused (a foreign address) or invalid. Nothing of a refused one is kept but the count. */
    notification(status: 'accepted' | 'refused' | 'invalid'): void {
      webhooks.inc({ status });
      if (status !== 'accepted') log.warn({ event: 'notification', status }, 'a notification was not taken');
    },

    /** One row per kind and object, however often it is seen. It is audited and alarmed the first time, and when it comes back after a day of silence. */
    async anomaly(tx: Tx<Tables>, { kind, objectId, intentId, details }: Anomaly): Promise<void> {
      const at = now();
      const before = await tx.db.selectFrom('anomalies').select('last_at').where('kind', '=', kind).where('object_id', '=', objectId).executeTakeFirst();
      const { id } = await tx.db.insertInto('anomalies')
        .values({ kind, object_id: objectId, intent_id: intentId ?? null, details: JSON.stringify(details), first_at: at, last_at: at })
        .onConflict((known) => known.columns(['kind', 'object_id']).doUpdateSet((set) => ({ last_at: at, seen: set('anomalies.seen', '+', 1) })))
        .returning('id').executeTakeFirstOrThrow();
      if (before && at - before.last_at < alarmAgainMs) return;
      await audit(tx, 'anomaly', objectId, { kind, anomaly: id, ...details }, service);
      tx.afterCommit(() => {
        anomalies.inc({ kind, env });
        log.error({ event: 'anomaly', anomaly: kind, intentId, pspPaymentId: objectId }, 'the operator must look at a payment');
      });
    },

    reconciled({ day, differences }: { day: string; differences: readonly { kind: string }[] }): void {
      log.info({ event: 'reconciliation', type: day, count: differences.length }, 'a day was reconciled');
    },
  };
}

async function sessionOf({ db }: Tx<Tables>, intentId: string): Promise<string> {
  return (await db.selectFrom('intents').select('session_id').where('id', '=', intentId).executeTakeFirstOrThrow()).session_id;
}
