/** The payments contract ↔ the API's JSON. */
import {
  IntentStatus as WireStatus, RefundStatus as WireRefundStatus, type GetIntentStatusResponse, type Intent, type Refund,
} from '@kiosk/contracts/payments/v1/payments';
import type { z } from 'zod';
import type { intentAnswer, intentStatusAnswer, refundAnswer } from './answers.ts';
import type { intentStatus, refundStatus } from './schemas.ts';
import { objectOf, optionalTimeOf, timeOf, wordOf, type Words } from './wire.ts';

export const intentStatuses: Words<z.infer<typeof intentStatus>, WireStatus> = {
  pending: WireStatus.INTENT_STATUS_PENDING,
  confirmed: WireStatus.INTENT_STATUS_CONFIRMED,
  failed: WireStatus.INTENT_STATUS_FAILED,
  expired: WireStatus.INTENT_STATUS_EXPIRED,
};

const refundStatuses: Words<z.infer<typeof refundStatus>, WireRefundStatus> = {
  pending: WireRefundStatus.REFUND_STATUS_PENDING,
  succeeded: WireRefundStatus.REFUND_STATUS_SUCCEEDED,
  canceled: WireRefundStatus.REFUND_STATUS_CANCELED,
};

export function intentJson(intent: Intent): z.input<typeof intentAnswer> {
  return {
    intentId: intent.id,
    sessionId: intent.sessionId,
    amount: intent.amountMinor,
    currency: intent.currency,
    status: wordOf(intentStatuses, intent.status),
    failureReason: intent.failureReason,
    provider: intent.provider,
    qrCodeData: intent.qrCodeData,
    qrCodeUrl: `/api/payments/qr/${intent.id}.svg`,
    confirmationUrl: intent.confirmationUrl,
    description: intent.description,
    metadata: objectOf(intent.metadataJson),
    refundedAmount: intent.refundedAmountMinor,
    refunds: intent.refunds.map(refundJson),
    createdAt: timeOf(intent.createdAt),
    updatedAt: timeOf(intent.updatedAt),
    confirmedAt: optionalTimeOf(intent.confirmedAt),
    expiresAt: timeOf(intent.expiresAt),
  };
}

export function refundJson(refund: Refund): z.input<typeof refundAnswer> {
  return {
    refundId: refund.id,
    amount: refund.amountMinor,
    status: wordOf(refundStatuses, refund.status),
    reason: refund.reason,
    createdAt: timeOf(refund.createdAt),
  };
}

export function intentStatusJson(answer: GetIntentStatusResponse): z.input<typeof intentStatusAnswer> {
  return {
    intentId: answer.intentId,
    status: wordOf(intentStatuses, answer.status),
    final: answer.final,
    failureReason: answer.failureReason,
    updatedAt: timeOf(answer.updatedAt),
  };
}
