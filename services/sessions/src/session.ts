/** The session: active, then exactly one of completed, expired or failed, for good (S1). Pure functions; time is passed in. */
import { conflict, invalid } from '@kiosk/fault';
import type { Contact } from './contact.ts';
import type { Metadata } from './metadata.ts';

export type SessionType = 'thickness' | 'diagnostics';
export type SessionStatus = 'active' | 'completed' | 'expired' | 'failed';

/** Times are epoch milliseconds. */
export type Session = {
  id: string;
  type: SessionType;
  status: SessionStatus;
  contact: Contact;
  metadata: Metadata;
  kioskId?: string;
  failureReason?: string;
  createdAt: number;
  updatedAt: number;
  completedAt?: number;
  expiresAt: number;
  /** When what named the customer was erased. */
  erasedAt?: number;
};

export const ttlLimits = { minMs: 1000, maxMs: 86_400_000 };

export function openSession({ id, type, contact, metadata, kioskId, ttlMs, now }: {
  id: string; type: SessionType; contact: Contact; metadata: Metadata; kioskId?: string; ttlMs: number; now: number;
}): Session {
  if (!Number.isInteger(ttlMs) || ttlMs < ttlLimits.minMs || ttlMs > ttlLimits.maxMs) {
    throw invalid('invalid_ttl', `ttlMs must be a whole number from ${ttlLimits.minMs} to ${ttlLimits.maxMs}.`, 'ttlMs');
  }
  if (kioskId !== undefined && !/^[\w.-]{1,64}$/.test(kioskId)) {
    throw invalid('invalid_kiosk_id', 'kioskId must be 1–64 of A–Z, a–z, 0–9, dot, underscore and hyphen.', 'kioskId');
  }
  return { id, type, status: 'active', contact, metadata, kioskId, createdAt: now, updatedAt: now, expiresAt: now + ttlMs };
}

/** The session as it is at `now`: expiry is a fact of `expiresAt`, whether or not somebody has recorded it (S2). */
export function asOf(session: Session, now: number): Session {
  return session.status === 'active' && session.expiresAt <= now ? { ...session, status: 'expired', updatedAt: session.expiresAt } : session;
}

/** Fails with `session_final` unless the session can still change. */
export function refuseFinal(session: Session): void {
  if (session.status !== 'active') throw conflict('session_final', `The session is ${session.status} and can no longer change.`);
}

/** active → `status`; the same session where it is there already; `session_final` from another final state. */
export function finish(session: Session, status: Exclude<SessionStatus, 'active'>, { now, failureReason, metadata = session.metadata }: {
  now: number; failureReason?: string; metadata?: Metadata;
}): Session {
  if (session.status === status) return session;
  refuseFinal(session);
  return {
    ...session,
    status,
    metadata,
    updatedAt: now,
    ...(status === 'completed' ? { completedAt: now } : {}),
    ...(status === 'failed' ? { failureReason } : {}),
  };
}

/** Takes away what can name the customer. The session must be final. */
export function erase(session: Session, now: number): Session {
  return { ...session, contact: {}, metadata: {}, failureReason: session.failureReason === undefined ? undefined : 'erased', erasedAt: now };
}

/** Fails with `invalid_reason`. */
export function checkFailureReason(reason: string): string {
  const text = reason.trim();
  // oxlint-disable-next-line no-control-regex
  if (text.length < 1 || text.length > 200 || /[\u0000-\u001f\u007f]/.test(text)) {
    throw invalid('invalid_reason', 'reason must be 1–200 characters without control characters.', 'reason');
  }
  return text;
}
