/** The tables as Kysely sees them, and what every store takes with a write. */
import type { AuditTables, Database } from '@kiosk/database';
import { invalid } from '@kiosk/fault';
import type { Generated } from 'kysely';
import type { Currency, IntentStatus, Submission } from './intent.ts';
import type { PspPayment, ReceiptRegistration } from './psp.ts';
import type { Refund, RefundOrigin } from './refund.ts';

export type IntentRow = {
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
  psp_created_at: number | null;
  receipt_registration: ReceiptRegistration | null;
  serve_check_at: number | null;
  created_at: number;
  updated_at: number;
  confirmed_at: number | null;
  expires_at: number;
  erased_at: number | null;
};

export type KeyRow = { caller: string; operation: string; key: string; body_sha256: string; entity_id: string; made: number; created_at: number };

export type RefundRow = {
  id: string;
  intent_id: string;
  amount_minor: number;
  currency: string;
  origin: RefundOrigin;
  reason: string;
  status: Refund['status'];
  submission: Refund['submission'];
  psp_request: string;
  psp_refund_id: string | null;
  cancel_reason: string | null;
  receipt_registration: ReceiptRegistration | null;
  retry_of: string | null;
  attempts: number;
  first_attempt_at: number | null;
  next_action_at: number | null;
  psp_created_at: number | null;
  created_at: number;
  updated_at: number;
};

export type ObservationRow = {
  at: number; intent_id: string; psp_payment_id: string; psp_status: string; source: string; verdict: string; details: string;
};

export type Tables = AuditTables & {
  intents: IntentRow;
  refunds: RefundRow;
  idempotency_keys: KeyRow;
  notifications: { id: Generated<number>; received_at: number; source_ip: string; event: string; object_id: string | null; body_sha256: string };
  strangers: { object_id: string; kind: 'payment' | 'refund'; seen_at: number; asked_at: number | null };
  services_rendered: { session_id: string; report_id: string; at: number };
  reconciliations: {
    day: string; run_at: number; psp_payments: number; our_payments: number; psp_refunds: number; our_refunds: number; repaired: number; differences: string;
  };
  psp_observations: { id: Generated<number> } & ObservationRow;
  anomalies: {
    id: Generated<number>; kind: string; object_id: string; intent_id: string | null; details: string; first_at: number; last_at: number; seen: Generated<number>;
  };
  erased_sessions: { session_id: string; at: number; done_at: number | null };
  dev_psp_payments: { id: string; idempotence_key: string; request: string; status: 'pending' | 'succeeded' | 'canceled'; succeeds_at: number | null; created_at: number };
  dev_psp_refunds: { id: string; idempotence_key: string; request: string; created_at: number };
};

/** Who asked, for the audit. */
export type Origin = { requestId: string; caller: { role: 'anonymous' | 'kiosk' | 'operator' | 'psp' | 'service'; name: string; ip?: string; userAgent?: string } };

/** The part of a database that a store uses. */
export type Rows = Pick<Database<Tables>, 'read' | 'transaction'>;

/** A caller's idempotency key and what it was used for. */
export type Key = { caller: string; key: string; bodySha256: string };

/** Fails with `idempotency_key_reused` where a known key comes with another body. */
export function sameBody(row: KeyRow, key: Key): KeyRow {
  if (row.body_sha256 !== key.bodySha256) throw invalid('idempotency_key_reused', 'This Idempotency-Key was used for another request.');
  return row;
}
