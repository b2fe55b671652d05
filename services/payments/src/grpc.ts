/** Messages ↔ nouns; decides nothing. */
import {
  IntentStatus as WireStatus, PaymentsService,
  type Intent as WireIntent, type PaymentsServer,
} from '@kiosk/contracts/payments/v1/payments';
import { SessionStatus, SessionType, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { invalid } from '@kiosk/fault';
import { implement, newCall, type Implementation, type Rpc } from '@kiosk/rpc';
import { isFinal, type Intent, type IntentStatus } from './intent.ts';
import type { Payments, SessionView } from './payments.ts';
import type { Origin } from './store.ts';

export function paymentsOverGrpc(payments: Payments): Implementation {
  return implement<PaymentsServer>(PaymentsService, {
    async createIntent(request, call) {
      const { intent, created } = await payments.create(request, newCall(call));
      return { intent: write(intent), created };
    },
    getIntent: async ({ intentId }, call) => ({ intent: write(await payments.get(intentId, newCall(call))) }),
    async getIntentStatus({ intentId }, call) {
      const intent = await payments.get(intentId, newCall(call));
      return {
        intentId: intent.id, status: statuses[intent.status], final: isFinal(intent), failureReason: intent.failureReason, updatedAt: new Date(intent.updatedAt),
      };
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
  });
}

/** The sessions service, as payments sees it. */
export function sessionsOf(sessions: Rpc<SessionsServer>) {
  return async (sessionId: string, origin: Origin): Promise<SessionView> => {
    const { session } = await sessions.getSession({ sessionId }, origin);
    return {
      id: session!.id,
      type: session!.type === SessionType.SESSION_TYPE_THICKNESS ? 'thickness' : 'diagnostics',
      active: session!.status === SessionStatus.SESSION_STATUS_ACTIVE,
      kioskId: session!.kioskId,
    };
  };
}

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

function write(intent: Intent): WireIntent {
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
    refundedAmountMinor: 0,
    refunds: [],
    createdAt: new Date(intent.createdAt),
    updatedAt: new Date(intent.updatedAt),
    confirmedAt: intent.confirmedAt === undefined ? undefined : new Date(intent.confirmedAt),
    expiresAt: new Date(intent.expiresAt),
    kioskId: intent.kioskId,
  };
}
