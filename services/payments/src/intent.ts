/**
 * The intent: from a QR on the screen to the money, or to the reason why there is none. Pure functions; time is passed in.
 *
 * `status` is what everybody sees; `submission` is how far our request to the PSP got; `pspStatus` is what the PSP last said. They differ on
 * purpose: our own cancel and expiry cannot stop a customer who already has the QR, so an intent that has ended here is still asked about there.
 */
import { conflict, invalid } from '@kiosk/fault';
import type { PspPayment, ReceiptRegistration } from './psp.ts';

export type IntentStatus = 'pending' | 'confirmed' | 'failed' | 'expired';
export type Submission = 'created' | 'submitting' | 'attached' | 'refused' | 'withdrawn' | 'abandoned';
export type Currency = 'RUB' | 'USD' | 'EUR';

/** Times are epoch milliseconds. */
export type Intent = {
  id: string;
  sessionId: string;
  kioskId?: string;
  amountMinor: number;
  currency: Currency;
  description?: string;
  metadata: Record<string, unknown>;
  status: IntentStatus;
  failureReason?: string;
  provider: string;
  submission: Submission;
  pspRequest: string;
  pspPaymentId?: string;
  pspStatus?: PspPayment['status'];
  pspCreatedAt?: number;
  receiptRegistration?: ReceiptRegistration;
  /** When to look whether a paid session got its report. */
  serveCheckAt?: number;
  qrCodeData: string;
  confirmationUrl?: string;
  attempts: number;
  firstAttemptAt?: number;
  nextActionAt?: number;
  lastAskedAt?: number;
  createdAt: number;
  updatedAt: number;
  confirmedAt?: number;
  expiresAt: number;
};

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** How long a claim on a conversation with the PSP lasts. Longer than the PSP's own thirty seconds, so that it outlives the call that it covers. */
export const leaseMs = 45_000;
/** A YooKassa key is remembered for 24 h; past 20 h the same key could be a new payment (FACTS of its API: "Idempotence-Key"). */
export const resubmitLimitMs = 20 * hourMs;
/** A customer has an hour to pay and a bank may be slow to tell; after three days nothing comes any more. */
export const askLimitMs = 72 * hourMs;

/** The intent as it is at `now`: expiry is a fact of `expiresAt`, whether or not somebody has recorded it. */
export function asOf(intent: Intent, now: number): Intent {
  return intent.status === 'pending' && intent.expiresAt <= now ? { ...intent, status: 'expired', updatedAt: intent.expiresAt } : intent;
}

export function isFinal(intent: Intent): boolean {
  return intent.status !== 'pending';
}

/** P8: whether it ended by our own hand, which the PSP never heard of: only then can late money still confirm it. */
export function endedHere({ status, failureReason }: Intent): boolean {
  return status === 'expired' || (status === 'failed' && (failureReason === 'canceled_by_customer' || failureReason === 'superseded'));
}

/** Ends a pending intent by our own hand. The PSP cannot be told; money that still comes is late money. Fails with `intent_final`. */
export function cancel(intent: Intent, reason: 'canceled_by_customer' | 'superseded', now: number): Intent {
  if (intent.status === 'failed' && intent.failureReason === reason) return intent;
  if (intent.status !== 'pending') throw conflict('intent_final', `The payment is ${intent.status} and can no longer be canceled.`);
  return withdraw({ ...intent, status: 'failed', failureReason: reason, updatedAt: now });
}

/** Records what `asOf` already says. */
export function expire(intent: Intent, now: number): Intent {
  return withdraw(asOf(intent, now));
}

/** What was never sent need not be sent any more. */
function withdraw(intent: Intent): Intent {
  return intent.submission === 'created' ? { ...intent, submission: 'withdrawn', nextActionAt: undefined } : intent;
}

/** The claim on an attempt to submit: until the lease is over nobody else tries. */
export function beginSubmission(intent: Intent, { now, leaseMs }: { now: number; leaseMs: number }): Intent {
  return {
    ...intent,
    submission: 'submitting',
    attempts: intent.attempts + 1,
    firstAttemptAt: intent.firstAttemptAt ?? now,
    nextActionAt: now + leaseMs,
  };
}

/** Whether the frozen request may (still) be sent. */
export function maySubmit(intent: Intent, now: number): boolean {
  if (intent.submission === 'created') return intent.status === 'pending';
  return intent.submission === 'submitting' && now - (intent.firstAttemptAt ?? now) < resubmitLimitMs;
}

/** P10: the PSP's answer is not known. Try again with the same key and bytes, or give up where the key may be forgotten. */
export function submissionUnknown(intent: Intent, now: number, delayMs = retryDelayMs(intent.attempts)): Intent {
  const at = now + delayMs;
  if (at - (intent.firstAttemptAt ?? now) >= resubmitLimitMs) return { ...intent, submission: 'abandoned', nextActionAt: undefined };
  return { ...intent, nextActionAt: at };
}

/** The PSP refused for good: there is no payment there and never will be for this key. */
export function submissionRefused(intent: Intent, now: number): Intent {
  const refused: Intent = { ...intent, submission: 'refused', nextActionAt: undefined };
  return intent.status === 'pending' ? { ...refused, status: 'failed', failureReason: 'refused_by_psp', updatedAt: now } : refused;
}

/** About once a minute is what the PSP asks for; the first two come sooner, while the customer waits. */
export function retryDelayMs(attempts: number): number {
  return [5000, 15_000][attempts - 1] ?? minuteMs;
}

/** P11: when to ask next about an open payment. While it may be on a screen well within a minute, then more seldom. */
export function nextAskAt(intent: Intent, now: number): number | undefined {
  const ageMs = now - intent.createdAt;
  if (ageMs > askLimitMs) return undefined;
  const onScreen = intent.status === 'pending' || ageMs <= 15 * minuteMs;
  return now + (onScreen ? clamp(ageMs / 4, 2000, 45_000) : clamp(ageMs / 10, minuteMs, hourMs));
}

function clamp(value: number, least: number, most: number): number {
  return Math.round(Math.min(Math.max(value, least), most));
}

export type Difference = { field: 'amount' | 'currency' | 'shop' | 'intent' | 'test'; is: string | number | boolean | undefined; expected: string | number | boolean };

/** P7: how a PSP object differs from what would confirm this intent. */
export function differences(intent: Intent, payment: PspPayment, expected: { shopId?: string; testAllowed: boolean }): Difference[] {
  const found: Difference[] = [];
  if (payment.amountMinor !== intent.amountMinor) found.push({ field: 'amount', is: payment.amountMinor, expected: intent.amountMinor });
  if (payment.currency !== intent.currency) found.push({ field: 'currency', is: payment.currency, expected: intent.currency });
  if (payment.intentId !== intent.id) found.push({ field: 'intent', is: payment.intentId, expected: intent.id });
  if (expected.shopId !== undefined && payment.shopId !== expected.shopId) found.push({ field: 'shop', is: payment.shopId, expected: expected.shopId });
  if (payment.test && !expected.testAllowed) found.push({ field: 'test', is: true, expected: false });
  return found;
}

/** What the PSP's object makes of an intent. `late` asks for the circumstances before anything can be decided. */
export type Outcome = 'open' | 'paid' | 'late' | 'canceled' | 'mismatch';

export function outcomeOf(intent: Intent, payment: PspPayment, differing: readonly Difference[]): Outcome {
  if (payment.status === 'canceled') return 'canceled';
  if (differing.length > 0) return 'mismatch';
  if (payment.status !== 'succeeded' || !payment.paid) return 'open';
  return intent.status === 'pending' || intent.status === 'confirmed' ? 'paid' : 'late';
}

/** Attaches what the PSP said and moves the status where the PSP's word moves it. Late money that may not confirm stays as it is. */
export function apply(intent: Intent, payment: PspPayment, outcome: Outcome, { now, confirmLate = false }: { now: number; confirmLate?: boolean }): Intent {
  const told: Intent = {
    ...intent,
    submission: 'attached',
    pspPaymentId: payment.id,
    pspStatus: payment.status,
    pspCreatedAt: payment.createdAt,
    receiptRegistration: payment.receiptRegistration,
    qrCodeData: payment.qrCodeData ?? intent.qrCodeData,
    confirmationUrl: payment.confirmationUrl ?? intent.confirmationUrl,
    lastAskedAt: now,
  };
  const receiptAt = payment.receiptRegistration === 'pending' ? nextAskAt(intent, now) : undefined;
  switch (outcome) {
    case 'open':
      return { ...told, nextActionAt: soonest(soonest(nextAskAt(intent, now), payment.askAgainAt), hurriedTo(intent)) };
    case 'mismatch':
      return { ...told, nextActionAt: payment.status === 'succeeded' ? undefined : nextAskAt(intent, now) };
    case 'canceled':
      return intent.status === 'pending'
        ? { ...told, status: 'failed', failureReason: payment.cancellationReason ?? 'general_decline', updatedAt: now, nextActionAt: undefined }
        : { ...told, nextActionAt: undefined };
    case 'late':
      return confirmLate && endedHere(intent) ? confirm(told, now, receiptAt) : { ...told, nextActionAt: receiptAt };
    case 'paid':
      return confirm(told, now, receiptAt);
  }
}

/** Sooner than its claim would end, which only a notification wants that came while the PSP was asked: its answer may be from before. */
function hurriedTo({ nextActionAt, lastAskedAt }: Intent): number | undefined {
  return nextActionAt !== undefined && lastAskedAt !== undefined && nextActionAt < lastAskedAt + leaseMs ? nextActionAt : undefined;
}

function confirm(intent: Intent, now: number, nextActionAt: number | undefined): Intent {
  if (intent.status === 'confirmed') return { ...intent, nextActionAt };
  return { ...intent, status: 'confirmed', failureReason: undefined, confirmedAt: now, updatedAt: now, nextActionAt };
}

function soonest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

/** YooKassa takes 16 entries; three are ours. */
const metadataLimits = { keys: 13, keyLength: 32, valueLength: 512 };

/** Metadata as JSON text: an object of short strings, numbers or booleans. Fails with `invalid_metadata`. */
export function parseMetadata(text: string): Record<string, unknown> {
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('invalid_metadata', 'metadata must be a JSON object.', 'metadata');
  const entries = Object.entries(value);
  if (entries.length > metadataLimits.keys) throw invalid('invalid_metadata', `metadata must have at most ${metadataLimits.keys} entries.`, 'metadata');
  for (const [name, entry] of entries) {
    const fits = typeof entry === 'boolean' || Number.isFinite(entry) || (typeof entry === 'string' && entry.length <= metadataLimits.valueLength);
    if (name.length > metadataLimits.keyLength || !fits) {
      throw invalid('invalid_metadata', `metadata must map names of at most ${metadataLimits.keyLength} characters to strings of at most ${metadataLimits.valueLength}, numbers or booleans.`, 'metadata');
    }
  }
  return value as Record<string, unknown>;
}

/** Fails with `invalid_amount`, `invalid_currency` or `invalid_description`. */
export function checkTerms({ amountMinor, currency, description }: { amountMinor: number; currency: string; description?: string }): Currency {
  if (!Number.isSafeInteger(amountMinor) || amountMinor < 1 || amountMinor > 100_000_000) {
    throw invalid('invalid_amount', 'amount must be a whole number of minor units from 1 to 100 000 000.', 'amount');
  }
  if (currency !== 'RUB' && currency !== 'USD' && currency !== 'EUR') throw invalid('invalid_currency', 'currency must be RUB, USD or EUR.', 'currency');
  // oxlint-disable-next-line no-control-regex
  if (description !== undefined && (description.length > 128 || /[\u0000-\u001f\u007f]/.test(description))) {
    throw invalid('invalid_description', 'description must be at most 128 characters without control characters.', 'description');
  }
  return currency;
}
