/** Rows ↔ nouns. */
import type { Insertable, Selectable } from 'kysely';
import type { Delivery } from './delivery.ts';
import type { Report } from './report.ts';
import type { DeliveryRow, ReportRow } from './tables.ts';

/** All but the document. */
export const reportColumns = [
  'id', 'session_id', 'type', 'status', 'kiosk_id', 'paid_intent_id', 'template_version', 'sha256', 'pages', 'failure_reason', 'created_at', 'ready_at', 'summary', 'erased_at',
] as const satisfies (keyof ReportRow)[];

export function reportFromRow(row: Pick<Selectable<ReportRow>, (typeof reportColumns)[number]>): Report {
  return {
    id: row.id,
    sessionId: row.session_id,
    type: row.type,
    status: row.status,
    kioskId: row.kiosk_id ?? undefined,
    paidIntentId: row.paid_intent_id ?? undefined,
    summary: row.summary,
    templateVersion: row.template_version,
    sha256: row.sha256 ?? undefined,
    pages: row.pages ?? undefined,
    failureReason: row.failure_reason ?? undefined,
    createdAt: row.created_at,
    readyAt: row.ready_at ?? undefined,
    erasedAt: row.erased_at ?? undefined,
  };
}

export function deliveryFromRow(row: Selectable<DeliveryRow>): Delivery {
  return {
    id: row.id,
    reportId: row.report_id,
    channel: row.channel,
    recipient: row.recipient,
    cause: row.cause,
    messageId: row.message_id,
    status: row.status,
    attempts: row.attempts,
    ambiguousAttempts: row.ambiguous_attempts,
    nextAttemptAt: row.next_attempt_at ?? undefined,
    lastError: row.last_error ?? undefined,
    provider: row.provider ?? undefined,
    providerId: row.provider_id ?? undefined,
    askAt: row.ask_at ?? undefined,
    createdAt: row.created_at,
    firstAttemptAt: row.first_attempt_at ?? undefined,
    sentAt: row.sent_at ?? undefined,
    deliveredAt: row.delivered_at ?? undefined,
    deadAt: row.dead_at ?? undefined,
    erasedAt: row.erased_at ?? undefined,
  };
}

/** A delivery that holds no lease. */
export function deliveryToRow(delivery: Delivery): Insertable<DeliveryRow> {
  return {
    id: delivery.id,
    report_id: delivery.reportId,
    channel: delivery.channel,
    recipient: delivery.recipient,
    cause: delivery.cause,
    message_id: delivery.messageId,
    status: delivery.status,
    attempts: delivery.attempts,
    ambiguous_attempts: delivery.ambiguousAttempts,
    next_attempt_at: delivery.nextAttemptAt ?? null,
    lease_token: null,
    lease_until: null,
    last_error: delivery.lastError ?? null,
    provider: delivery.provider ?? null,
    provider_id: delivery.providerId ?? null,
    ask_at: delivery.askAt ?? null,
    created_at: delivery.createdAt,
    first_attempt_at: delivery.firstAttemptAt ?? null,
    sent_at: delivery.sentAt ?? null,
    delivered_at: delivery.deliveredAt ?? null,
    dead_at: delivery.deadAt ?? null,
  };
}
