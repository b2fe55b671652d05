/** A delivery: one report to one recipient by one channel. queued → sending → sent → delivered, or dead. Pure functions; time and chance are passed in. */
import type { SendErrorKind, SendErrorReason } from './send-error.ts';

export type Channel = 'email' | 'sms';
export const channels: readonly Channel[] = ['email', 'sms'];
export type DeliveryStatus = 'queued' | 'sending' | 'sent' | 'delivered' | 'dead';

/** Times are epoch milliseconds. */
export type Delivery = {
  id: string;
  reportId: string;
  channel: Channel;
  recipient: string;
  cause: 'report' | 'resend';
  messageId: string;
  status: DeliveryStatus;
  attempts: number;
  /** Attempts that may have arrived although we were not told. */
  ambiguousAttempts: number;
  /** Absent while the report is not ready. */
  nextAttemptAt?: number;
  lastError?: SendErrorReason;
  providerId?: string;
  createdAt: number;
  firstAttemptAt?: number;
  sentAt?: number;
  deliveredAt?: number;
  deadAt?: number;
};

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** The longest pause after the first, second, … attempt; the last one repeats. The pause is chance's choice up to it, so that no two keep step. */
export const retryDelaysMs: readonly number[] = [1, 2, 4, 8, 15, 30, 60, 120, 240].map((minutes) => minutes * minuteMs);
/** While somebody we depend on is away as a whole, nobody may wait more than minutes after its return (D3). */
export const outageDelaysMs: readonly number[] = [minuteMs / 4, minuteMs / 2, minuteMs, 2 * minuteMs, 4 * minuteMs];
const outages: readonly SendErrorReason[] = ['provider_unavailable', 'payments_unavailable'];
/** From the first attempt; then it is the operator's affair (D5). */
export const giveUpAfterMs = 72 * hourMs;
const shortestDelayMs = 1000;

export type AttemptResult = { kind: 'sent'; providerId?: string } | { kind: SendErrorKind; reason: SendErrorReason };

/** The delivery after an attempt. `random` is from 0 to 1. */
export function afterAttempt(delivery: Delivery, result: AttemptResult, { now, random }: { now: number; random: number }): Delivery {
  if (result.kind === 'sent') return { ...delivery, status: 'sent', sentAt: now, providerId: result.providerId, lastError: undefined };
  const failed: Delivery = {
    ...delivery, lastError: result.reason, ambiguousAttempts: delivery.ambiguousAttempts + (result.kind === 'ambiguous' ? 1 : 0),
  };
  const giveUpAt = (delivery.firstAttemptAt ?? now) + giveUpAfterMs;
  if (result.kind === 'permanent' || now >= giveUpAt) return { ...failed, status: 'dead', deadAt: now };
  const delays = outages.includes(result.reason) ? outageDelaysMs : retryDelaysMs;
  const longest = delays[Math.min(delivery.attempts, delays.length) - 1] ?? delays[0]!;
  // The last attempt is made when the time is up, not long before.
  return { ...failed, status: 'queued', nextAttemptAt: Math.min(now + Math.max(shortestDelayMs, Math.round(longest * random)), giveUpAt) };
}
