import type { PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import type { ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import { SessionStatus, SessionType, type Consent, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { notFound } from '@kiosk/fault';
import type { Rpc } from '@kiosk/rpc';
import { sessionAnswer, sessionListAnswer } from './answers.ts';
import { longestCallMs, route, type Ref, type Route } from './route.ts';
import { completeSession, createSession, failSession, listSessions, nothing, updateSession } from './schemas.ts';
import { jsonFor, maskedSessionJson, sessionJson, sessionStatuses, sessionTypes } from './session-json.ts';
import { present } from './wire.ts';

export const sessionRef: Ref = { prefix: 'ses', reason: 'session_not_found', message: 'There is no such session.' };

const contactFaults = ['invalid_email', 'invalid_phone', 'invalid_consent', 'consent_required'];
const metadataFaults = ['metadata_too_large', 'metadata_too_deep'];
const ended = { 200: { description: 'The session, in its final state; the same answer when asked again', schema: sessionAnswer } };

/** Every service that keeps something of a customer. */
export type Forgetful = {
  sessions: Rpc<SessionsServer>; payments: Pick<Rpc<PaymentsServer>, 'eraseSession'>; reporting: Pick<Rpc<ReportingServer>, 'eraseSessionReports'>;
};

export function sessionRoutes({ sessions, payments, reporting }: Forgetful): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/sessions',
      name: 'createSession',
      summary: 'Opens a session: one customer\'s visit. A kiosk\'s session is its own, whatever `kioskId` says.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      stage: 'begins',
      body: createSession,
      idempotent: true,
      answers: { 201: { description: 'The new session', schema: sessionAnswer } },
      faults: { 400: [...contactFaults, ...metadataFaults] },
      async handle({ idempotencyKey, body, response, call }) {
        const { type, contact, metadata = {}, ttlMs, kioskId: said } = body;
        // A kiosk is who its key says, whatever it says.
        const kioskId = call.caller.role === 'kiosk' ? call.caller.name : said;
        const { session } = await sessions.createSession({
          idempotencyKey, type: sessionTypes[type], contact, metadataJson: JSON.stringify(metadata), ttlMs, kioskId,
        }, call);
        response.status(201).json(sessionJson(present(session)));
      },
    }),
    route({
      method: 'get',
      path: '/api/sessions',
      name: 'listSessions',
      summary: 'Lists sessions, newest first. A kiosk sees its own.',
      roles: ['kiosk', 'operator'],
      urgency: 'list',
      query: listSessions,
      answers: { 200: { description: 'A page of sessions', schema: sessionListAnswer } },
      faults: { 400: ['invalid_cursor'] },
      async handle({ query, response, call }) {
        const { type, status, limit = 0, cursor = '', ...rest } = query;
        const page = await sessions.listSessions({
          ...rest,
          type: type ? sessionTypes[type] : SessionType.SESSION_TYPE_UNSPECIFIED,
          status: status ? sessionStatuses[status] : SessionStatus.SESSION_STATUS_UNSPECIFIED,
          limit,
          cursor,
        }, call);
        response.json({ sessions: page.sessions.map(maskedSessionJson), count: page.sessions.length, nextCursor: page.nextCursor || undefined });
      },
    }),
    route({
      method: 'get',
      path: '/api/sessions/:id',
      name: 'getSession',
      summary: 'Reads a session. One whose time is over reads `expired`.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      ref: sessionRef,
      answers: { 200: { description: 'The session', schema: sessionAnswer } },
      async handle({ id: sessionId, response, call }) {
        const { session } = await sessions.getSession({ sessionId }, call);
        response.json(jsonFor(call.caller)(present(session)));
      },
    }),
    route({
      method: 'patch',
      path: '/api/sessions/:id',
      name: 'updateSession',
      summary: 'Changes the contact or metadata of an active session as a JSON merge patch (RFC 7396): null removes, what is absent stays.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      ref: sessionRef,
      body: updateSession,
      answers: { 200: { description: 'The session as it is now', schema: sessionAnswer } },
      faults: { 400: [...contactFaults, ...metadataFaults], 409: ['session_final'] },
      async handle({ id: sessionId, body: { contact, metadata }, response, call }) {
        const { session } = await sessions.updateSession({
          sessionId,
          contact: contact === undefined ? undefined : removing(contact ?? { email: null, phone: null, consent: null }),
          metadataPatchJson: metadata && JSON.stringify(metadata),
        }, call);
        response.json(sessionJson(present(session)));
      },
    }),
    route({
      method: 'post',
      path: '/api/sessions/:id/complete',
      name: 'completeSession',
      summary: 'Ends a session as completed.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      ref: sessionRef,
      body: completeSession,
      repeatable: true,
      answers: ended,
      faults: { 400: metadataFaults, 409: ['session_final'] },
      async handle({ id: sessionId, body: { metadata }, response, call }) {
        const { session } = await sessions.completeSession({ sessionId, metadataPatchJson: metadata && JSON.stringify(metadata) }, call);
        response.json(jsonFor(call.caller)(present(session)));
      },
    }),
    route({
      method: 'post',
      path: '/api/sessions/:id/expire',
      name: 'expireSession',
      summary: 'Ends a session as expired, before its time.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      ref: sessionRef,
      body: nothing,
      repeatable: true,
      answers: ended,
      faults: { 409: ['session_final'] },
      async handle({ id: sessionId, response, call }) {
        const { session } = await sessions.expireSession({ sessionId }, call);
        response.json(jsonFor(call.caller)(present(session)));
      },
    }),
    route({
      method: 'post',
      path: '/api/sessions/:id/fail',
      name: 'failSession',
      summary: 'Ends a session as failed, with the kiosk\'s reason.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      ref: sessionRef,
      body: failSession,
      repeatable: true,
      answers: ended,
      faults: { 409: ['session_final'] },
      async handle({ id: sessionId, body: { reason }, response, call }) {
        const { session } = await sessions.failSession({ sessionId, reason }, call);
        response.json(jsonFor(call.caller)(present(session)));
      },
    }),
    route({
      method: 'delete',
      path: '/api/sessions/:id',
      name: 'eraseSession',
      summary: 'Erases the session\'s customer in all services: contact, metadata, receipts, reports with their files, recipients and links. What is open ends. Payments, refunds and the audit stay.',
      roles: ['operator'],
      urgency: 'report',
      ref: sessionRef,
      bodyLimitBytes: 0,
      // A database file is written anew.
      timeoutMs: longestCallMs,
      answers: { 204: { description: 'Erased everywhere; the same answer when asked again' } },
      faults: { 503: ['payments_unavailable', 'reporting_unavailable', 'erasure_unfinished'] },
      async handle({ id: sessionId, response, call }) {
        // First where it is remembered: a service that is away now reads of it there, and erases when it is back.
        const session = await sessions.eraseSession({ sessionId }, call);
        const others = await Promise.allSettled([payments.eraseSession({ sessionId }, call), reporting.eraseSessionReports({ sessionId }, call)]);
        for (const outcome of others) if (outcome.status === 'rejected') throw outcome.reason;
        const isKnown = session.known || others.some((outcome) => outcome.status === 'fulfilled' && outcome.value.known);
        if (!isKnown) throw notFound(sessionRef.reason, sessionRef.message);
        response.status(204).end();
      },
    }),
  ];
}

type ContactPatch = { email?: string | null; phone?: string | null; consent?: Consent | null };

/** The API removes with null, the contract with an empty text. */
function removing({ email, phone, consent }: ContactPatch): { email?: string; phone?: string; consent?: Consent } {
  return {
    email: email === null ? '' : email, phone: phone === null ? '' : phone, ...(consent === undefined ? {} : { consent: consent ?? { textVersion: '' } }),
  };
}
