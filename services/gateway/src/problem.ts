/** Fault → RFC 9457 problem document. The kind gives the HTTP status, unless the reason is one of the few with a status of its own. */
import { Fault, type FaultKind } from '@kiosk/fault';
import { http, type Log } from '@kiosk/service';
import type { ErrorRequestHandler, Request, Response } from 'express';

const statusOfKind: Record<FaultKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  payment_required: 402,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  exhausted: 429,
  internal: 500,
  unimplemented: 501,
  unavailable: 503,
  deadline: 504,
};

const statusOfReason: Readonly<Record<string, number>> = {
  method_not_allowed: 405,
  body_too_large: 413,
  unsupported_media_type: 415,
  headers_too_large: 431,
  request_timeout: 408,
  idempotency_key_reused: 422,
  link_expired: 410,
  link_revoked: 410,
};

/** For a fault that says "later" without saying when. */
const usualRetryAfterMs = 1000;

const internalError = new Fault({ kind: 'internal', reason: 'internal', message: 'Internal error.' });

export function statusOf({ kind, reason }: Pick<Fault, 'kind' | 'reason'>): number {
  return (Object.hasOwn(statusOfReason, reason) ? statusOfReason[reason] : undefined) ?? statusOfKind[kind];
}

/** The document's members; `extension` adds some of its own (RFC 9457, 3.2). */
export function problemOf(fault: Fault, requestId: string, extension: object = {}): object {
  // The words of an internal error stay inside, whoever wrote them.
  const { kind, reason, message, errors } = fault.kind === 'internal' ? internalError : fault;
  const status = statusOf({ kind, reason });
  return {
    type: `urn:kiosk:problem:${reason}`,
    title: http.STATUS_CODES[status],
    status,
    detail: message,
    reason,
    requestId,
    ...(errors.length > 0 ? { errors } : {}),
    ...extension,
  };
}

/** Coming back is of use: with the same key also where the outcome is unknown, because that is how it becomes known. */
const comeBack: readonly FaultKind[] = ['exhausted', 'unavailable', 'deadline'];

/** What Retry-After says, if anything. */
export function retryAfterSecondsOf({ kind, retryAfterMs }: Fault): number | undefined {
  const later = comeBack.includes(kind) ? usualRetryAfterMs : undefined;
  const ms = retryAfterMs ?? later;
  return ms === undefined ? undefined : Math.max(1, Math.ceil(ms / 1000));
}

export function sendProblem(response: Response, fault: Fault, extension: object = {}): void {
  const retryAfter = retryAfterSecondsOf(fault);
  if (retryAfter !== undefined) response.set('retry-after', String(retryAfter));
  response.set('cache-control', 'no-store').removeHeader('etag');
  response.status(statusOf(fault)).type('application/problem+json')
    .send(JSON.stringify(problemOf(fault, response.get('x-request-id') ?? '', extension)));
}

/** Before the gate of a route that people come to with a browser: a failure is theirs to read, if they would rather. */
export function welcomePeople(response: Response): void {
  response.locals['forPeople'] = true;
  response.vary('Accept');
}

/** A program that takes anything gets the document. */
function prefersPage(request: Request, response: Response): boolean {
  return response.locals['forPeople'] === true && request.accepts(['application/problem+json', 'html']) === 'html';
}

/** The last handler: answers whatever a route or a parser threw, and logs what nobody foresaw. `sendPage` words a fault for people. */
export function problems({ log, sendPage }: { log: Log; sendPage: (response: Response, fault: Fault) => void }): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const fault = faultOf(error);
    if (!fault) log.error({ error, requestId: response.get('x-request-id'), method: request.method, route: routeOf(request) }, 'a request failed');
    if (response.headersSent) response.destroy();
    else (prefersPage(request, response) ? sendPage : sendProblem)(response, fault ?? internalError);
  };
}

/** The matched route's pattern, never the address asked for: that is the caller's own text. */
export function routeOf(request: { route?: unknown }): string {
  const { path } = (request.route ?? {}) as { path?: unknown };
  return typeof path === 'string' ? path : 'unmatched';
}

/** What Express refuses by itself is a client's mistake too; their words quote the request, so they are replaced. */
function faultOf(error: unknown): Fault | undefined {
  if (error instanceof Fault) return error;
  const { status } = (error ?? {}) as { status?: unknown };
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  return new Fault({ kind: 'invalid', reason: 'malformed_request', message: 'The request cannot be read.' });
}
