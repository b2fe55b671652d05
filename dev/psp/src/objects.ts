/** The objects of YooKassa's API as they go over the wire, and the words they may hold. Objects are replaced, never changed in place. */
import { randomBytes } from 'node:crypto';
import type { Amount } from './amount.ts';

export const PAYMENT_CANCEL_REASONS = [
  '3d_secure_failed', 'call_issuer', 'canceled_by_merchant', 'card_expired', 'country_forbidden', 'deal_expired', 'expired_on_capture',
  'expired_on_confirmation', 'fraud_suspected', 'general_decline', 'identification_required', 'insufficient_funds', 'internal_timeout',
  'invalid_card_number', 'invalid_csc', 'issuer_unavailable', 'payment_method_limit_exceeded', 'payment_method_restricted',
  'permission_revoked', 'unsupported_mobile_operator',
] as const;
export type PaymentCancelReason = (typeof PAYMENT_CANCEL_REASONS)[number];

export const REFUND_CANCEL_REASONS = [
  'general_decline', 'insufficient_funds', 'rejected_by_payee', 'rejected_by_timeout', 'yoo_money_account_closed', 'payment_expired',
] as const;
export type RefundCancelReason = (typeof REFUND_CANCEL_REASONS)[number];

export const PAYMENT_STATUSES = ['pending', 'waiting_for_capture', 'succeeded', 'canceled'] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];
export const REFUND_STATUSES = ['pending', 'succeeded', 'canceled'] as const;
export type RefundStatus = (typeof REFUND_STATUSES)[number];
export const RECEIPT_STATUSES = ['pending', 'succeeded', 'canceled'] as const;
export type ReceiptStatus = (typeof RECEIPT_STATUSES)[number];

export type Confirmation = Readonly<{
  type: 'qr' | 'redirect' | 'embedded' | 'external' | 'mobile_application';
  confirmation_data?: string;
  confirmation_url?: string;
  confirmation_token?: string;
  return_url?: string;
}>;

export type PspPayment = Readonly<{
  id: string;
  status: PaymentStatus;
  paid: boolean;
  amount: Amount;
  refundable: boolean;
  refunded_amount?: Amount;
  test: boolean;
  created_at: string;
  captured_at?: string;
  /** The deadline of capture; only while the payment waits for it. */
  expires_at?: string;
  confirmation?: Confirmation;
  description?: string;
  metadata: Readonly<Record<string, string>>;
  payment_method?: Readonly<{ type: string; id: string; saved: boolean; title?: string }>;
  recipient: Readonly<{ account_id: string; gateway_id: string }>;
  receipt_registration?: ReceiptStatus;
  cancellation_details?: Readonly<{ party: 'yoo_money' | 'payment_network' | 'merchant'; reason: PaymentCancelReason }>;
}>;

export type PspRefund = Readonly<{
  id: string;
  payment_id: string;
  status: RefundStatus;
  amount: Amount;
  created_at: string;
  description?: string;
  metadata?: Readonly<Record<string, string>>;
  receipt_registration?: ReceiptStatus;
  cancellation_details?: Readonly<{ party: 'yoo_money' | 'refund_network'; reason: RefundCancelReason }>;
}>;

export const EVENTS = ['payment.waiting_for_capture', 'payment.succeeded', 'payment.canceled', 'refund.succeeded'] as const;
export type PspEvent = (typeof EVENTS)[number];

const YOOKASSA_EPOCH_MS = Date.UTC(2000, 0, 1);
const VARIANTS = ['8000', '9000', 'a000', 'b000'] as const;

/** An id in YooKassa's form: seconds since 2000 in hex, a mark of the kind, then random digits; 36 characters like a UUID, but not one. */
export function newId(kind: 'payment' | 'refund', nowMs: number): string {
  const random = randomBytes(7);
  const seconds = Math.max(0, Math.floor((nowMs - YOOKASSA_EPOCH_MS) / 1000)) % 2 ** 32;
  const mark = kind === 'payment' ? '000f' : '0015';
  return [
    seconds.toString(16).padStart(8, '0'), mark, '5000', VARIANTS[(random[6] ?? 0) % VARIANTS.length], random.subarray(0, 6).toString('hex'),
  ].join('-');
}

export function isoOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
