/** The tables as Kysely sees them, and what every store takes with a write. */
import type { AuditTables, Database } from '@kiosk/database';
import { invalid } from '@kiosk/fault';
import type { Generated } from 'kysely';
import type { Channel, DeliveryStatus } from './delivery.ts';
import type { RenderFailure, ReportStatus, ReportType } from './report.ts';
import type { SendErrorReason } from './send-error.ts';

export type ReportRow = {
  id: string;
  session_id: string;
  type: ReportType;
  status: ReportStatus;
  kiosk_id: string | null;
  paid_intent_id: string | null;
  template_version: number;
  sha256: string | null;
  pages: number | null;
  failure_reason: RenderFailure | null;
  render_crashes: Generated<number>;
  created_at: number;
  ready_at: number | null;
  recorded_at: number | null;
  summary: string;
  document: string;
  erased_at: Generated<number | null>;
};

export type DeliveryRow = {
  id: string;
  report_id: string;
  channel: Channel;
  recipient: string;
  cause: 'report' | 'resend';
  message_id: string;
  status: DeliveryStatus;
  attempts: number;
  ambiguous_attempts: number;
  next_attempt_at: number | null;
  lease_token: string | null;
  lease_until: number | null;
  last_error: SendErrorReason | null;
  provider: string | null;
  provider_id: string | null;
  ask_at: number | null;
  created_at: number;
  first_attempt_at: number | null;
  sent_at: number | null;
  delivered_at: number | null;
  dead_at: number | null;
  rerouted_at: Generated<number | null>;
  erased_at: Generated<number | null>;
};

export type LinkRow = {
  token_sha256: string;
  report_id: string;
  delivery_id: string;
  created_at: number;
  expires_at: number;
  revoked_at: Generated<number | null>;
  opened: Generated<number>;
  last_opened_at: Generated<number | null>;
};

export type KeyRow = { caller: string; key: string; body_sha256: string; report_id: string; created_at: number };

export type Tables = AuditTables & {
  reports: ReportRow;
  deliveries: DeliveryRow;
  report_links: LinkRow;
  erased_sessions: { session_id: string; at: number; done_at: number | null };
  idempotency_keys: KeyRow;
};

/** Who asked, for the audit. */
export type Origin = { requestId: string; caller: { role: 'anonymous' | 'kiosk' | 'operator' | 'psp' | 'service'; name: string; ip?: string; userAgent?: string } };

/** Who asked, and until when they wait for the answer. */
export type Call = Origin & {
  /** Epoch ms. */
  deadlineAt: number;
  /** Aborted once nobody waits. */
  signal: AbortSignal;
};

/** The part of a database that a store uses. */
export type Rows = Pick<Database<Tables>, 'read' | 'transaction'>;

/** What a kiosk's key may see: its own reports only (S3). Undefined: all. */
export type Scope = string | undefined;

export function scopeOf({ caller }: Origin): Scope {
  return caller.role === 'kiosk' ? caller.name : undefined;
}

/** A caller's idempotency key and what it was used for. */
export type Key = { caller: string; key: string; bodySha256: string };

/** Fails with `idempotency_key_reused` where a known key comes with another body. */
export function sameBody(row: KeyRow, key: Key): KeyRow {
  if (row.body_sha256 !== key.bodySha256) throw invalid('idempotency_key_reused', 'This Idempotency-Key was used for another request.');
  return row;
}
