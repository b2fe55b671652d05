/** Messages ↔ nouns; decides nothing. */
import {
  SessionStatus as WireStatus, SessionType as WireType, SessionsService,
  type AuditEntry, type Contact as WireContact, type ListAuditRequest, type Session as WireSession, type SessionsServer,
} from '@kiosk/contracts/sessions/v1/sessions';
import type { AuditFilter, AuditRow } from '@kiosk/database';
import { Fault, invalid } from '@kiosk/fault';
import { implement, newCall, type Call, type Implementation } from '@kiosk/rpc';
import type { ContactPatch } from './contact.ts';
import type { Erasure } from './erasure.ts';
import type { Session, SessionStatus, SessionType } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { Store } from './store.ts';

export function sessionsOverGrpc({ sessions, erasure, store }: { sessions: Sessions; erasure: Erasure; store: Pick<Store, 'listAudit'> }): Implementation {
  return implement<SessionsServer>(SessionsService, {
    async createSession({ idempotencyKey, type, contact, metadataJson, ttlMs, kioskId }, call) {
      const session = await sessions.create({ idempotencyKey, type: readType(type), contact: readContact(contact), metadataJson, ttlMs, kioskId }, newCall(call));
      return { session: write(session) };
    },
    getSession: async ({ sessionId }, call) => ({ session: write(await sessions.get(sessionId, newCall(call))) }),
    async *watchSession({ sessionId }, call) {
      for await (const session of sessions.watch(sessionId, newCall(call))) yield { session: write(session) };
    },
    updateSession: async ({ sessionId, contact, metadataPatchJson }, call) => ({
      session: write(await sessions.update(sessionId, { contact: readContact(contact), metadataPatchJson }, newCall(call))),
    }),
    completeSession: async ({ sessionId, metadataPatchJson }, call) => ({
      session: write(await sessions.complete(sessionId, { metadataPatchJson }, newCall(call))),
    }),
    expireSession: async ({ sessionId }, call) => ({ session: write(await sessions.expire(sessionId, newCall(call))) }),
    failSession: async ({ sessionId, reason }, call) => ({ session: write(await sessions.fail(sessionId, { reason }, newCall(call))) }),
    async listSessions({ type, status, kioskId, createdFrom, createdTo, limit, cursor }, call) {
      const page = await sessions.list({
        type: type === WireType.SESSION_TYPE_UNSPECIFIED ? undefined : readType(type),
        status: status === WireStatus.SESSION_STATUS_UNSPECIFIED ? undefined : readStatus(status),
        kioskId, createdFrom: createdFrom?.getTime(), createdTo: createdTo?.getTime(), limit, cursor,
      }, newCall(call));
      return { sessions: page.sessions.map(write), nextCursor: page.nextCursor };
    },
    eraseSession: async ({ sessionId }, call) => ({ known: await erasure.erase(sessionId, newCall(call)) }),
    listErasures: async ({ after, limit }, call) => ({ erasures: await erasure.list({ after, limit }, newCall(call)) }),
    listAudit: async (request, call) => ({ entries: (await store.listAudit(readAuditFilter(request, call))).map(writeAuditEntry) }),
  });
}

const types: Record<SessionType, WireType> = { thickness: WireType.SESSION_TYPE_THICKNESS, diagnostics: WireType.SESSION_TYPE_DIAGNOSTICS };
const statuses: Record<SessionStatus, WireStatus> = {
  active: WireStatus.SESSION_STATUS_ACTIVE,
  completed: WireStatus.SESSION_STATUS_COMPLETED,
  expired: WireStatus.SESSION_STATUS_EXPIRED,
  failed: WireStatus.SESSION_STATUS_FAILED,
};

function readType(wire: WireType): SessionType {
  for (const [type, known] of Object.entries(types)) if (known === wire) return type as SessionType;
  throw invalid('invalid_type', 'type must be thickness or diagnostics.', 'type');
}

function readStatus(wire: WireStatus): SessionStatus {
  for (const [status, known] of Object.entries(statuses)) if (known === wire) return status as SessionStatus;
  throw invalid('invalid_status', 'status must be active, completed, expired or failed.', 'status');
}

function write(session: Session): WireSession {
  return {
    id: session.id,
    type: types[session.type],
    status: statuses[session.status],
    contact: writeContact(session.contact),
    metadataJson: JSON.stringify(session.metadata),
    kioskId: session.kioskId,
    failureReason: session.failureReason,
    createdAt: new Date(session.createdAt),
    updatedAt: new Date(session.updatedAt),
    completedAt: session.completedAt === undefined ? undefined : new Date(session.completedAt),
    expiresAt: new Date(session.expiresAt),
    erasedAt: session.erasedAt === undefined ? undefined : new Date(session.erasedAt),
  };
}

function writeContact({ email, phone, consent }: Session['contact']): WireContact {
  return { email, phone, consent: consent && { textVersion: consent.textVersion, at: new Date(consent.at) } };
}

/** A time that is absent becomes one that no check passes. */
function readContact(contact: WireContact | undefined): ContactPatch | undefined {
  return contact && { ...contact, consent: contact.consent && { textVersion: contact.consent.textVersion, at: contact.consent.at?.getTime() ?? Number.NaN } };
}

function writeAuditEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id, at: new Date(row.at), event: row.event, entityId: row.entity_id, detailsJson: row.details, requestId: row.request_id, caller: row.caller,
    ip: row.ip ?? undefined, userAgent: row.user_agent ?? undefined, hash: row.hash,
  };
}

/** Fails with `operator_only` and `invalid_limit`. */
function readAuditFilter({ sessionId, entityId, event, from, to, limit, before }: ListAuditRequest, call: Partial<Call> | undefined): AuditFilter & { sessionId?: string } {
  if (call?.caller?.role === 'kiosk') throw new Fault({ kind: 'forbidden', reason: 'operator_only', message: 'Only an operator may ask this.' });
  if (limit < 0 || limit > 200) throw invalid('invalid_limit', 'limit must be from 1 to 200.', 'limit');
  return {
    sessionId, entityId, event, from: from?.getTime(), to: to?.getTime(), limit: limit || 50, before: before && { at: before.at?.getTime() ?? 0, id: before.id },
  };
}
