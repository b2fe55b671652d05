/**
 * The audit of all services as one list. Each service has its own, newest first; here they are merged by time. A page asks every service for a whole page
 * and gives the newest of what came, so the cursor is the place of the last entry in the one order of them all: time, service, id. A service that is away
 * makes the answer 503 that names it: a list with a hole in it would look like the truth. `service` asks one alone.
 */
import type { PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import type { ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import type { AuditEntry, AuditPosition, SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { invalid } from '@kiosk/fault';
import type { Rpc } from '@kiosk/rpc';
import type { z } from 'zod';
import { auditListAnswer, type auditEntryAnswer } from './answers.ts';
import { route, type Route } from './route.ts';
import { auditServices, listAudit } from './schemas.ts';
import { objectOf, timeOf } from './wire.ts';

type ServiceName = (typeof auditServices)[number];
/** An entry's place in the order of all: newest first, services by name within a millisecond. */
type Place = { atMs: number; service: ServiceName; id: number };
type Entry = { service: ServiceName; entry: AuditEntry };

const usualLimit = 50;

export function auditRoutes({ sessions, payments, reporting }: {
  sessions: Pick<Rpc<SessionsServer>, 'listAudit'>; payments: Pick<Rpc<PaymentsServer>, 'listAudit'>; reporting: Pick<Rpc<ReportingServer>, 'listAudit'>;
}): Route[] {
  const clients = { sessions, payments, reporting };
  return [
    route({
      method: 'get',
      path: '/api/audit',
      name: 'listAudit',
      summary: 'Who did what, in all services, newest first. 503 while one of them is away; `service` asks one alone.',
      roles: ['operator'],
      urgency: 'list',
      query: listAudit,
      answers: { 200: { description: 'A page of the audit', schema: auditListAnswer } },
      faults: { 400: ['invalid_cursor'], 503: ['sessions_unavailable', 'payments_unavailable'] },
      async handle({ query: { sessionId, entityId, type, service: only, from, to, limit = usualLimit, cursor }, response, call }) {
        const after = cursor === undefined ? undefined : readCursor(cursor);
        const found = await Promise.all(auditServices.filter((service) => only === undefined || service === only).map(async (service) => {
          const { entries } = await clients[service].listAudit({ sessionId, entityId, event: type, from, to, limit, before: after && positionIn(service, after) }, call);
          return entries.map((entry): Entry => ({ service, entry }));
        }));
        const merged = found.flat().toSorted((a, b) => compare(placeOf(a), placeOf(b)));
        const entries = merged.slice(0, limit);
        // A full page may be the last one; then the next is empty.
        const isFull = entries.length === limit && (merged.length > limit || found.some((each) => each.length === limit));
        response.json({ entries: entries.map(entryJson), count: entries.length, nextCursor: isFull ? writeCursor(placeOf(entries.at(-1)!)) : undefined });
      },
    }),
  ];
}

function placeOf({ service, entry }: Entry): Place {
  return { atMs: entry.at!.getTime(), service, id: entry.id };
}

function compare(a: Place, b: Place): number {
  return b.atMs - a.atMs || auditServices.indexOf(a.service) - auditServices.indexOf(b.service) || b.id - a.id;
}

/** The place of another service's entry, as this service counts: its entries of the same millisecond are all before it, or all after it. */
function positionIn(service: ServiceName, { atMs, service: of, id }: Place): AuditPosition {
  const order = auditServices.indexOf(service) - auditServices.indexOf(of);
  return { at: new Date(atMs), id: order === 0 ? id : order < 0 ? 0 : Number.MAX_SAFE_INTEGER };
}

function writeCursor({ atMs, service, id }: Place): string {
  return `${atMs}.${service}.${id}`;
}

/** Fails with `invalid_cursor`. */
function readCursor(text: string): Place {
  const [, at, service, id] = /^(\d{1,15})\.([a-z]+)\.(\d{1,15})$/.exec(text) ?? [];
  const known = auditServices.find((each) => each === service);
  if (at === undefined || id === undefined || known === undefined) throw invalid('invalid_cursor', 'cursor must be the nextCursor of the page before.', 'cursor');
  return { atMs: Number(at), service: known, id: Number(id) };
}

function entryJson({ service, entry }: Entry): z.input<typeof auditEntryAnswer> {
  const { id, at, event, entityId, detailsJson, requestId, caller, ip, userAgent, hash } = entry;
  return { service, id, at: timeOf(at), type: event, entityId, details: objectOf(detailsJson), requestId, caller, ip, userAgent, hash };
}
