/** A refund: money on its way back. Pure functions; time is passed in. */
import { conflict, invalid } from '@kiosk/fault';
import type { Intent } from './intent.ts';
import { askLimitMs, resubmitLimitMs, retryDelayMs } from './intent.ts';
import type { PspRefund, ReceiptRegistration } from './psp.ts';

export type RefundStatus = 'pending' | 'succeeded' | 'canceled';
/** operator: by hand · late_money: came when nothing could be sold for it any more · unserved: paid, then no report. */
export type RefundOrigin = 'operator' | 'late_money' | 'unserved';
export type RefundSubmission = 'created' | 'submitting' | 'attached' | 'refused' | 'abandoned';

/** Times are epoch milliseconds. */
export type Refund = {
  id: string;
  intentId: string;
  amountMinor: number;
  currency: string;
  origin: RefundOrigin;
  reason: string;
  status: RefundStatus;
  submission: RefundSubmission;
  pspRequest: string;
  pspRefundId?: string;
  cancelReason?: string;
  receiptRegistration?: ReceiptRegistration;
  /** The canceled refund that this one tries again. */
  retryOf?: string;
  attempts: number;
  firstAttemptAt?: number;
  nextActionAt?: number;
  pspCreatedAt?: number;
  createdAt: number;
  updatedAt: number;
};

const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** How much of a payment can still go back. */
export function refundable(intent: Intent, refunds: readonly Refund[]): number {
  return intent.amountMinor - refundedAmount(refunds);
}

/** Of refunds that are not canceled. */
export function refundedAmount(refunds: readonly Refund[]): number {
  return refunds.reduce((sum, { status, amountMinor }) => (status === 'canceled' ? sum : sum + amountMinor), 0);
}

/** R1, R3: of money that paid for something, or came too late to. Fails with `intent_not_confirmed`, `invalid_amount` and `refund_exceeds_payment`. */
export function checkRefund(intent: Intent, refunds: readonly Refund[], amountMinor: number | undefined): number {
  const cameLate = refunds.some(({ origin }) => origin === 'late_money');
  if (intent.status !== 'confirmed' && !cameLate) throw conflict('intent_not_confirmed', `The payment is ${intent.status}: there is nothing to give back.`);
  const rest = refundable(intent, refunds);
  const amount = amountMinor ?? rest;
  if (!Number.isSafeInteger(amount) || amount < 0 || amountMinor === 0) {
    throw invalid('invalid_amount', 'amount must be a whole number of minor units above 0.', 'amount');
  }
  if (amount === 0 || amount > rest) throw conflict('refund_exceeds_payment', `At most ${rest} minor units of the payment can still go back.`);
  return amount;
}

/** Fails with `invalid_reason`. */
export function checkReason(reason: string): string {
  const text = reason.trim();
  // oxlint-disable-next-line no-control-regex
  if (text.length < 1 || text.length > 200 || /[\u0000-\u001f\u007f]/.test(text)) {
    throw invalid('invalid_reason', 'reason must be 1–200 characters without control characters.', 'reason');
  }
  return text;
}

/**
 * Whether the frozen request may (still) be sent. The time counts from the row's creation, not from the first attempt that it knows of: a database that was
 * restored from a backup does not know of the attempts since, and the PSP, which forgets keys after 24 h, would take the same request for another refund.
 */
export function maySubmitRefund(refund: Refund, now: number): boolean {
  return isUnsubmitted(refund) && now - refund.createdAt < resubmitLimitMs;
}

/** What became of its request is not known here. */
export function isUnsubmitted({ submission }: Refund): boolean {
  return submission === 'created' || submission === 'submitting';
}

/** The claim on an attempt to submit: until the lease is over nobody else tries. */
export function beginRefund(refund: Refund, { now, leaseMs }: { now: number; leaseMs: number }): Refund {
  return { ...refund, submission: 'submitting', attempts: refund.attempts + 1, firstAttemptAt: refund.firstAttemptAt ?? now, nextActionAt: now + leaseMs };
}

/** By then no request of the first 20 h is on its way any more. */
const lookUpAfterMs = 25 * hourMs;

/** P10 for refunds: unknown is tried again with the same key and bytes, and given up where the key may be forgotten; what became of it is looked up later. */
export function refundUnknown(refund: Refund, now: number, delayMs = retryDelayMs(refund.attempts)): Refund {
  const at = now + delayMs;
  if (at - refund.createdAt >= resubmitLimitMs) return { ...refund, submission: 'abandoned', nextActionAt: Math.max(now, refund.createdAt + lookUpAfterMs) };
  return { ...refund, nextActionAt: at };
}

/** Nobody knew what became of it, and the PSP has no such refund. */
export function refundNeverMade(refund: Refund, now: number): Refund {
  return { ...refund, status: 'canceled', cancelReason: 'never_made', nextActionAt: undefined, updatedAt: now };
}

/** A definite no: this row never becomes a refund at the PSP. */
export function refundRefused(refund: Refund, code: string, now: number): Refund {
  return { ...refund, submission: 'refused', status: 'canceled', cancelReason: code, nextActionAt: undefined, updatedAt: now };
}

/** Takes over what the PSP says. There is no notification of a canceled refund, so a pending one is asked about until it is final (R4). */
export function applyRefund(refund: Refund, told: PspRefund, now: number): Refund {
  const after: Refund = {
    ...refund, submission: 'attached', pspRefundId: told.id, pspCreatedAt: told.createdAt, receiptRegistration: told.receiptRegistration,
  };
  const moved = told.status !== refund.status ? { updatedAt: now } : {};
  switch (told.status) {
    case 'pending':
      return { ...after, nextActionAt: nextRefundAskAt(refund, now) };
    case 'succeeded':
      return { ...after, ...moved, status: 'succeeded', nextActionAt: told.receiptRegistration === 'pending' ? nextReceiptAskAt(refund, now) : undefined };
    case 'canceled':
      return { ...after, ...moved, status: 'canceled', cancelReason: told.cancellationReason ?? 'general_decline', nextActionAt: undefined };
  }
}

/** When to ask about one that is not final: soon at first, then more seldom, to once an hour. */
export function nextRefundAskAt(refund: Refund, now: number): number {
  return now + Math.round(Math.min(Math.max((now - (refund.firstAttemptAt ?? refund.createdAt)) / 4, 10_000), hourMs));
}

/** A receipt that is not there after three days will not come by itself. */
function nextReceiptAskAt(refund: Refund, now: number): number | undefined {
  return now - (refund.firstAttemptAt ?? refund.createdAt) > askLimitMs ? undefined : nextRefundAskAt(refund, now);
}

const retryLimit = 10;

/**
 * Another try with a new key, at a growing interval, is what YooKassa's `rejected_by_timeout` asks for, and what money that goes back by itself needs where the
 * first try was never made: in ms, undefined to leave it to the operator.
 */
export function retryAfterMs({ status, cancelReason, origin }: Refund, earlierTries: number): number | undefined {
  const helps = cancelReason === 'rejected_by_timeout' || (cancelReason === 'never_made' && origin !== 'operator');
  if (status !== 'canceled' || !helps || earlierTries >= retryLimit) return undefined;
  return Math.min(5 * minuteMs * 2 ** earlierTries, 6 * hourMs);
}

/** An operator's own words, in which somebody may have typed an address or a number. */
export function withoutContacts(text: string): string {
  return text.replaceAll(/\S+@\S+/g, '***').replaceAll(/\+?\d[\d\s()-]{5,}\d/g, '***');
}
