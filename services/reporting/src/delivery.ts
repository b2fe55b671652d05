/** A delivery: one report to one recipient by one channel. queued → sending → sent → delivered, or dead. Pure functions; time and chance are passed in. */
import { operatorTroubles, type SendErrorKind, type SendErrorReason } from './send-error.ts';

export type Channel = 'email' | 'sms';
export const channels: readonly Channel[] = ['email', 'sms'];
export const deliveryStatuses = ['queued', 'sending', 'sent', 'delivered', 'dead'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

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
  /** Of the last attempt, by name; and its number for the message. */
  provider?: string;
  providerId?: string;
  /** When the provider is to be asked what became of the message. */
  askAt?: number;
  createdAt: number;
  firstAttemptAt?: number;
  sentAt?: number;
  deliveredAt?: number;
  deadAt?: number;
  erasedAt?: number;
};

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** The longest pause after the first, second, … attempt; the last one repeats. The pause is chance's choice up to it, so that no two keep step. */
export const retryDelaysMs: readonly number[] = [1, 2, 4, 8, 15, 30, 60, 120, 240].map((minutes) => minutes * minuteMs);
/** While somebody we depend on is away as a whole, nobody may wait more than minutes after its return (D3). */
export const outageDelaysMs: readonly number[] = [minuteMs / 4, minuteMs / 2, minuteMs, 2 * minuteMs, 4 * minuteMs];
const outages: readonly SendErrorReason[] = ['provider_unavailable', 'payments_unavailable', ...operatorTroubles];
/** Another provider may do better; what a recipient's own server says, none can change. */
const providerTroubles: readonly SendErrorReason[] = ['provider_unavailable', 'rate_limited', 'internal', ...operatorTroubles];
/** From the first attempt; then it is the operator's affair (D5). */
export const giveUpAfterMs = 72 * hourMs;
/** The slowest schedule has 26 in that time. Who has made fewer than this was off for most of it, and goes on until there are as many. */
export const fewestAttempts = 20;
const shortestDelayMs = 1000;

export type AttemptResult = { kind: 'sent'; providerId?: string; isAskedLater?: boolean } | { kind: SendErrorKind; reason: SendErrorReason };

/** The delivery after an attempt. `random` is from 0 to 1. */
export function afterAttempt(delivery: Delivery, result: AttemptResult, { now, random }: { now: number; random: number }): Delivery {
  if (result.kind === 'sent') {
    const askAt = result.isAskedLater ? now + soonestAskMs : undefined;
    return { ...delivery, status: 'sent', sentAt: now, providerId: result.providerId, askAt, lastError: undefined };
  }
  const failed: Delivery = {
    ...delivery, lastError: result.reason, ambiguousAttempts: delivery.ambiguousAttempts + (result.kind === 'ambiguous' ? 1 : 0),
  };
  const giveUpAt = (delivery.firstAttemptAt ?? now) + giveUpAfterMs;
  const isOver = now >= giveUpAt;
  if (result.kind === 'permanent' || (isOver && delivery.attempts >= fewestAttempts)) return { ...failed, status: 'dead', deadAt: now };
  const delays = outages.includes(result.reason) ? outageDelaysMs : retryDelaysMs;
  const longest = delays[Math.min(delivery.attempts, delays.length) - 1] ?? delays[0]!;
  const nextAttemptAt = now + Math.max(shortestDelayMs, Math.round(longest * random));
  // The last attempt is made when the time is up, not long before.
  return { ...failed, status: 'queued', nextAttemptAt: isOver ? nextAttemptAt : Math.min(nextAttemptAt, giveUpAt) };
}

/**
 * Who makes the next attempt: the first of `providers`, and the other one after a provider's trouble. After an attempt that may have arrived the same one
 * has another go, because it may know the message; if that ends likewise, the other one has.
 */
export function nextProvider({ provider, lastError, ambiguousAttempts }: Pick<Delivery, 'provider' | 'lastError' | 'ambiguousAttempts'>, providers: readonly string[]): string {
  const last = provider === undefined ? -1 : providers.indexOf(provider);
  if (last === -1 || lastError === undefined) return providers[Math.max(last, 0)]!;
  const changes = providerTroubles.includes(lastError) || (ambiguousReasons.includes(lastError) && ambiguousAttempts >= 2);
  return providers[(last + (changes ? 1 : 0)) % providers.length]!;
}

const ambiguousReasons: readonly SendErrorReason[] = ['timeout', 'connection_lost', 'answer_unreadable', 'interrupted'];

const soonestAskMs = minuteMs;
const longestAskMs = hourMs;
/** Providers forget, and by then nobody wants to know. */
const asksForMs = 48 * hourMs;

/** When a provider that said nothing yet is asked again: ever more seldom, then no more. */
export function nextAsk({ sentAt = 0 }: Pick<Delivery, 'sentAt'>, { now }: { now: number }): number | undefined {
  const ageMs = now - sentAt;
  return ageMs > asksForMs ? undefined : now + Math.min(Math.max(ageMs, soonestAskMs), longestAskMs);
}

/** D5: a no for good, which the other channel may get around. */
export const reroutedReasons: readonly SendErrorReason[] = ['recipient_refused', 'message_refused', 'undeliverable', 'sms_budget'];

export function otherChannel(channel: Channel): Channel {
  return channel === 'email' ? 'sms' : 'email';
}
