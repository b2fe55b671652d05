/** Rows ↔ the noun. */
import type { Selectable } from 'kysely';
import type { Intent } from './intent.ts';
import type { IntentRow } from './tables.ts';

export function intentFromRow(row: Selectable<IntentRow>): Intent {
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
    pspCreatedAt: row.psp_created_at ?? undefined,
    receiptRegistration: row.receipt_registration ?? undefined,
    serveCheckAt: row.serve_check_at ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    confirmedAt: row.confirmed_at ?? undefined,
    expiresAt: row.expires_at,
  };
}

export function intentToRow(intent: Intent): IntentRow {
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
    psp_created_at: intent.pspCreatedAt ?? null,
    receipt_registration: intent.receiptRegistration ?? null,
    serve_check_at: intent.serveCheckAt ?? null,
    created_at: intent.createdAt,
    updated_at: intent.updatedAt,
    confirmed_at: intent.confirmedAt ?? null,
    expires_at: intent.expiresAt,
    erased_at: null,
  };
}
