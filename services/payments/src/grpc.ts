/** Messages ↔ nouns; decides nothing. */
import {
  IntentStatus as WireStatus, PaymentsService, RefundStatus as WireRefundStatus,
  type AuditEntry, type GetIntentStatusResponse, type Intent as WireIntent, type ListAuditRequest, type PaymentsServer, type Refund as WireRefund,
} from '@kiosk/contracts/payments/v1/payments';
import { SessionStatus, SessionType, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import type { AuditFilter, AuditRow } from '@kiosk/database';
import { Fault, invalid } from '@kiosk/fault';
import { implement, newCall, type Call, type Implementation, type Rpc } from '@kiosk/rpc';
import type { Erasure, ListErasures } from './erasure.ts';
import { isFinal, type Intent, type IntentStatus } from './intent.ts';
import type { Inbox } from './inbox.ts';
import type { IntentWithRefunds, Payments, SessionView } from './payments.ts';
import type { Reconciliation } from './reconciliation.ts';
import { refundedAmount, type Refund, type RefundStatus } from './refund.ts';
import type { Refunds } from './refunds.ts';
import type { Store } from './store.ts';
import type { Origin } from './tables.ts';

export function paymentsOverGrpc({ payments, erasure, refunds, inbox, recordService, reconcile, store }: {
  payments: Payments;
  erasure: Erasure;
  refunds: Refunds;
  inbox: Inbox;
  recordService: (service: { sessionId: string; reportId: string }) => Promise<void>;
  reconcile: (day?: string) => Promise<Reconciliation>;
  store: Store;
}): Implementation {
  return implement<PaymentsServer>(PaymentsService, {
    async createIntent(request, call) {
      const { created, ...intent } = await payments.create(request, newCall(call));
      return { intent: write(intent), created };
    },
    getIntent: async ({ intentId }, call) => ({ intent: write(await payments.get(intentId, newCall(call))) }),
    getIntentStatus: async ({ intentId }, call) => writeStatus(await payments.status(intentId, newCall(call))),
    async *watchIntentStatus({ intentId }, call) {
      for await (const intent of payments.watchStatus(intentId, newCall(call))) yield { now: writeStatus(intent) };
    },
    async *watchSessionIntents({ sessionId }, call) {
      for await (const intents of payments.watchSession(sessionId, newCall(call))) yield { intents: intents.map(write) };
    },
    async listIntents({ sessionId, status, createdFrom, createdTo, limit, cursor }, call) {
      const page = await payments.list({
        sessionId, status: status === WireStatus.INTENT_STATUS_UNSPECIFIED ? undefined : readStatus(status),
        createdFrom: createdFrom?.getTime(), createdTo: createdTo?.getTime(), limit, cursor,
      }, newCall(call));
      return { intents: page.intents.map(write), nextCursor: page.nextCursor };
    },
    cancelIntent: async ({ intentId }, call) => ({ intent: write(await payments.cancel(intentId, newCall(call))) }),
    confirmIntent: async ({ intentId }, call) => ({ intent: write(await payments.confirm(intentId, newCall(call))) }),
    checkSessionPaid: ({ sessionId }) => payments.checkSessionPaid(sessionId),
    refundIntent: async (request, call) => ({ refund: writeRefund(await refunds.refund(request, newCall(call))) }),
    async receiveNotification(request) {
      await inbox.receive(request);
      return {};
    },
    async recordService(request) {
      await recordService(request);
      return {};
    },
    async reconcile({ day }, call) {
      refuseKiosk(call);
      return reconcile(day || undefined);
    },
    async listAnomalies({ limit }, call) {
      refuseKiosk(call);
      if (limit < 0 || limit > 200) throw invalid('invalid_limit', 'limit must be from 1 to 200.', 'limit');
      const rows = await store.listAnomalies(limit || 50);
      return {
        anomalies: rows.map((row) => ({
          kind: row.kind, objectId: row.object_id, intentId: row.intent_id ?? undefined, detailsJson: row.details,
          firstAt: new Date(row.first_at), lastAt: new Date(row.last_at), seen: row.seen,
        })),
      };
    },
    eraseSession: async ({ sessionId }, call) => ({ known: await erasure.eraseSession(sessionId, newCall(call)) }),
    listAudit: async (request, call) => ({ entries: (await store.listAudit(readAuditFilter(request, call))).map(writeAuditEntry) }),
  });
}

export type SessionsPeer = Pick<Rpc<SessionsServer>, 'getSession' | 'listErasures'>;

/** The sessions service, as payments sees it. */
export function sessionsOf(sessions: SessionsPeer) {
  return async (sessionId: string, origin: Origin): Promise<SessionView> => {
    const { session } = await sessions.getSession({ sessionId }, origin);
    return {
      id: session!.id,
      type: session!.type === SessionType.SESSION_TYPE_THICKNESS ? 'thickness' : 'diagnostics',
      ended: endings[session!.status],
      updatedAt: session!.updatedAt!.getTime(),
      kioskId: session!.kioskId,
      contact: { email: session!.contact?.email, phone: session!.contact?.phone },
    };
  };
}

/** What the sessions service remembers of erasures. */
export function erasuresOf(sessions: SessionsPeer): ListErasures {
  return async (after, origin) => (await sessions.listErasures({ after, limit: 0 }, origin)).erasures;
}

const endings: Partial<Record<SessionStatus, SessionView['ended']>> = {
  [SessionStatus.SESSION_STATUS_COMPLETED]: 'completed',
  [SessionStatus.SESSION_STATUS_EXPIRED]: 'expired',
  [SessionStatus.SESSION_STATUS_FAILED]: 'failed',
};

const refundStatuses: Record<RefundStatus, WireRefundStatus> = {
  pending: WireRefundStatus.REFUND_STATUS_PENDING,
  succeeded: WireRefundStatus.REFUND_STATUS_SUCCEEDED,
  canceled: WireRefundStatus.REFUND_STATUS_CANCELED,
};

const statuses: Record<IntentStatus, WireStatus> = {
  pending: WireStatus.INTENT_STATUS_PENDING,
  confirmed: WireStatus.INTENT_STATUS_CONFIRMED,
  failed: WireStatus.INTENT_STATUS_FAILED,
  expired: WireStatus.INTENT_STATUS_EXPIRED,
};

function readStatus(wire: WireStatus): IntentStatus {
  for (const [status, known] of Object.entries(statuses)) if (known === wire) return status as IntentStatus;
  throw invalid('invalid_status', 'status must be pending, confirmed, failed or expired.', 'status');
}

function refuseKiosk(call: Partial<Call> | undefined): void {
  if (call?.caller?.role === 'kiosk') throw new Fault({ kind: 'forbidden', reason: 'operator_only', message: 'Only an operator may ask this.' });
}

function writeRefund({ id, amountMinor, status, reason, createdAt }: Refund): WireRefund {
  return { id, amountMinor, status: refundStatuses[status], reason, createdAt: new Date(createdAt) };
}

function writeStatus(intent: Intent): GetIntentStatusResponse {
  return {
    intentId: intent.id, status: statuses[intent.status], final: isFinal(intent), failureReason: intent.failureReason, updatedAt: new Date(intent.updatedAt),
  };
}

function write({ intent, refunds }: IntentWithRefunds): WireIntent {
  return {
    id: intent.id,
    sessionId: intent.sessionId,
    amountMinor: intent.amountMinor,
    currency: intent.currency,
    status: statuses[intent.status],
    failureReason: intent.failureReason,
    provider: intent.provider,
    qrCodeData: intent.qrCodeData,
    confirmationUrl: intent.confirmationUrl,
    description: intent.description,
    metadataJson: JSON.stringify(intent.metadata),
    refundedAmountMinor: refundedAmount(refunds),
    refunds: refunds.map(writeRefund),
    createdAt: new Date(intent.createdAt),
    updatedAt: new Date(intent.updatedAt),
    confirmedAt: intent.confirmedAt === undefined ? undefined : new Date(intent.confirmedAt),
    expiresAt: new Date(intent.expiresAt),
    kioskId: intent.kioskId,
  };
}

function writeAuditEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id, at: new Date(row.at), event: row.event, entityId: row.entity_id, detailsJson: row.details, requestId: row.request_id, caller: row.caller,
    ip: row.ip ?? undefined, userAgent: row.user_agent ?? undefined, hash: row.hash,
  };
}

/** Fails with `operator_only` and `invalid_limit`. */
function readAuditFilter({ sessionId, entityId, event, from, to, limit, before }: ListAuditRequest, call: Partial<Call> | undefined): AuditFilter & { sessionId?: string } {
  refuseKiosk(call);
  if (limit < 0 || limit > 200) throw invalid('invalid_limit', 'limit must be from 1 to 200.', 'limit');
  return {
    sessionId, entityId, event, from: from?.getTime(), to: to?.getTime(), limit: limit || 50, before: before && { at: before.at?.getTime() ?? 0, id: before.id },
  };
}
