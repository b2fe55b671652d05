/** One function per business event. Each feeds the audit (in the transaction), and the log and the metrics once it is on disk. */
import type { Tx } from '@kiosk/database';
import type { Log, Metrics } from '@kiosk/service';
import type { Intent, IntentStatus } from './intent.ts';
import type { Origin, Tables } from './store.ts';

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

export type Events = ReturnType<typeof createEvents>;

const service: Origin = { requestId: 'janitor', caller: { role: 'service', name: 'payments' } };

export function createEvents({ log, metrics, now, env }: { log: Log; metrics: Metrics; now: () => number; env: string }) {
  const intents = metrics.counter({ name: 'payments_intents_total', help: 'Intents by the status that they reached.', labels: ['status', 'env'] });
  const confirmed = metrics.counter({ name: 'payments_confirmed_total', help: 'Intents confirmed.', labels: ['env'] });
  const failed = metrics.counter({ name: 'payments_failed_total', help: 'Intents failed.', labels: ['reason', 'env'] });
  const duration = metrics.histogram({
    name: 'payments_duration_seconds', help: 'From the creation of an intent to its end.', labels: ['status', 'env'], buckets: durationBucketsSeconds,
  });
  const anomalies = metrics.counter({ name: 'payments_anomalies_total', help: 'What does not add up and wants the operator.', labels: ['kind', 'env'] });

  async function audit(tx: Tx<Tables>, event: string, entityId: string, details: object, { requestId, caller }: Origin): Promise<void> {
    await tx.db.insertInto('audit_logs').values({
      at: now(), event, entity_id: entityId, details: JSON.stringify(details), request_id: requestId,
      caller: `${caller.role}:${caller.name}`, ip: caller.ip ?? null, user_agent: caller.userAgent ?? null,
    }).execute();
  }

  return {
    async created(tx: Tx<Tables>, intent: Intent, origin: Origin): Promise<void> {
      const { id: intentId, sessionId, amountMinor, currency, provider } = intent;
      await audit(tx, 'intent.created', intentId, { sessionId, amountMinor, currency, provider }, origin);
      tx.afterCommit(() => {
        intents.inc({ status: 'pending', env });
        log.info({ event: 'intent.created', intentId, sessionId, amountMinor, currency, requestId: origin.requestId }, 'payment intent created');
      });
    },

    async moved(tx: Tx<Tables>, { from, intent, origin }: { from: IntentStatus; intent: Intent; origin: Origin }): Promise<void> {
      const { id: intentId, sessionId, status, failureReason: reason, pspPaymentId, amountMinor } = intent;
      await audit(tx, `intent.${status}`, intentId, { from, sessionId, reason, pspPaymentId, amountMinor }, origin);
      tx.afterCommit(() => {
        intents.inc({ status, env });
        if (status === 'confirmed') confirmed.inc({ env });
        if (status === 'failed') failed.inc({ reason: failureReasons.has(reason ?? '') ? reason! : 'other', env });
        duration.observe({ status, env }, (intent.updatedAt - intent.createdAt) / 1000);
        log.info({ event: `intent.${status}`, intentId, sessionId, previousStatus: from, reason, pspPaymentId, amountMinor, requestId: origin.requestId }, 'payment intent moved');
      });
    },

    async anomaly(tx: Tx<Tables>, { kind, objectId, intentId, details }: Anomaly): Promise<void> {
      await audit(tx, 'anomaly', objectId, { kind, ...details }, service);
      tx.afterCommit(() => {
        anomalies.inc({ kind, env });
        log.error({ event: 'anomaly', anomaly: kind, intentId, pspPaymentId: objectId }, 'the operator must look at a payment');
      });
    },
  };
}
