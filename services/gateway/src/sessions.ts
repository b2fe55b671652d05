import { SessionStatus, SessionType, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import type { Rpc } from '@kiosk/rpc';
import type { Request } from 'express';
import { parse } from './parse.ts';
import { idOf, type Route } from './routes.ts';
import { completeSession, createSession, failSession, listSessions, nothing, updateSession } from './schemas.ts';
import { sessionJson, sessionStatuses, sessionTypes } from './session-json.ts';
import { present } from './wire.ts';

export function sessionRoutes(sessions: Rpc<SessionsServer>): Route[] {
  return [
    {
      method: 'post',
      path: '/api/sessions',
      async handle(request, response, call) {
        const { type, contact, metadata = {}, ttlMs, kioskId } = parse(createSession, request.body);
        const { session } = await sessions.createSession({ type: sessionTypes[type], contact, metadataJson: JSON.stringify(metadata), ttlMs, kioskId }, call);
        response.status(201).json(sessionJson(present(session)));
      },
    },
    {
      method: 'get',
      path: '/api/sessions',
      async handle(request, response, call) {
        const { type, status, limit = 0, cursor = '', ...rest } = parse(listSessions, request.query);
        const page = await sessions.listSessions({
          ...rest,
          type: type ? sessionTypes[type] : SessionType.SESSION_TYPE_UNSPECIFIED,
          status: status ? sessionStatuses[status] : SessionStatus.SESSION_STATUS_UNSPECIFIED,
          limit,
          cursor,
        }, call);
        response.json({ sessions: page.sessions.map(sessionJson), count: page.sessions.length, nextCursor: page.nextCursor || undefined });
      },
    },
    {
      method: 'get',
      path: '/api/sessions/:id',
      async handle(request, response, call) {
        const { session } = await sessions.getSession({ sessionId: sessionIdOf(request) }, call);
        response.json(sessionJson(present(session)));
      },
    },
    {
      method: 'patch',
      path: '/api/sessions/:id',
      async handle(request, response, call) {
        const sessionId = sessionIdOf(request);
        const { contact, metadata } = parse(updateSession, request.body);
        const { session } = await sessions.updateSession({
          sessionId,
          contact: contact === undefined ? undefined : removing(contact ?? { email: null, phone: null }),
          metadataPatchJson: metadata && JSON.stringify(metadata),
        }, call);
        response.json(sessionJson(present(session)));
      },
    },
    {
      method: 'post',
      path: '/api/sessions/:id/complete',
      async handle(request, response, call) {
        const sessionId = sessionIdOf(request);
        const { metadata } = parse(completeSession, request.body);
        const { session } = await sessions.completeSession({ sessionId, metadataPatchJson: metadata && JSON.stringify(metadata) }, call);
        response.json(sessionJson(present(session)));
      },
    },
    {
      method: 'post',
      path: '/api/sessions/:id/expire',
      async handle(request, response, call) {
        const sessionId = sessionIdOf(request);
        parse(nothing, request.body);
        const { session } = await sessions.expireSession({ sessionId }, call);
        response.json(sessionJson(present(session)));
      },
    },
    {
      method: 'post',
      path: '/api/sessions/:id/fail',
      async handle(request, response, call) {
        const sessionId = sessionIdOf(request);
        const { reason } = parse(failSession, request.body);
        const { session } = await sessions.failSession({ sessionId, reason }, call);
        response.json(sessionJson(present(session)));
      },
    },
  ];
}

function sessionIdOf(request: Request): string {
  return idOf(request, { prefix: 'ses', reason: 'session_not_found', message: 'There is no such session.' });
}

/** The API removes with null, the contract with an empty text. */
function removing({ email, phone }: { email?: string | null; phone?: string | null }): { email?: string; phone?: string } {
  return { email: email === null ? '' : email, phone: phone === null ? '' : phone };
}
