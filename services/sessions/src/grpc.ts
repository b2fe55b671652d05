/** Messages ↔ nouns; decides nothing. */
import {
  SessionStatus as WireStatus, SessionType as WireType, SessionsService,
  type Session as WireSession, type SessionsServer,
} from '@kiosk/contracts/sessions/v1/sessions';
import { invalid } from '@kiosk/fault';
import { implement, newCall, type Implementation } from '@kiosk/rpc';
import type { Session, SessionStatus, SessionType } from './session.ts';
import type { Sessions } from './sessions.ts';

export function sessionsOverGrpc(sessions: Sessions): Implementation {
  return implement<SessionsServer>(SessionsService, {
    async createSession({ idempotencyKey, type, contact, metadataJson, ttlMs, kioskId }, call) {
      const session = await sessions.create({ idempotencyKey, type: readType(type), contact, metadataJson, ttlMs, kioskId }, newCall(call));
      return { session: write(session) };
    },
    getSession: async ({ sessionId }, call) => ({ session: write(await sessions.get(sessionId, newCall(call))) }),
    async *watchSession({ sessionId }, call) {
      for await (const session of sessions.watch(sessionId, newCall(call))) yield { session: write(session) };
    },
    updateSession: async ({ sessionId, contact, metadataPatchJson }, call) => ({
      session: write(await sessions.update(sessionId, { contact, metadataPatchJson }, newCall(call))),
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
    contact: session.contact,
    metadataJson: JSON.stringify(session.metadata),
    kioskId: session.kioskId,
    failureReason: session.failureReason,
    createdAt: new Date(session.createdAt),
    updatedAt: new Date(session.updatedAt),
    completedAt: session.completedAt === undefined ? undefined : new Date(session.completedAt),
    expiresAt: new Date(session.expiresAt),
  };
}
