/**
 * Pages from elsewhere (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol). Nobody is let in but the exact origins that are configured, and without
 * credentials of the browser's own: a key is sent by the page's script, never by the browser unasked.
 */
import type { RequestHandler } from 'express';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

const methods = 'GET, HEAD, POST, PATCH, DELETE';
const requestHeaders = 'authorization, x-api-key, content-type, idempotency-key, if-none-match, last-event-id, x-request-id, traceparent, tracestate';
const answerHeaders = 'etag, retry-after, x-request-id, traceparent, ratelimit, ratelimit-policy, www-authenticate, content-disposition';
/** What browsers accept at most is from 600 to 86 400 s. */
const preflightAgeSeconds = 600;

/** The headers that an answer to this request gets besides its own. */
export type Cors = (request: { headers: IncomingHttpHeaders }) => OutgoingHttpHeaders;

/** `origins` as browsers write them: `https://screen.example`. Without any, nothing is ever added. */
export function corsFor(origins: readonly string[]): Cors {
  if (origins.length === 0) return () => ({});
  const allowed = new Set(origins);
  return ({ headers: { origin } }) => {
    // An answer depends on who asks even where the answer is no: a cache in between must know.
    if (origin === undefined || !allowed.has(origin)) return { vary: 'Origin' };
    return { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': answerHeaders };
  };
}

/** Adds the headers, and answers the preflights of allowed origins; any other OPTIONS goes on, to its 405. */
export function allowOrigins(cors: Cors): RequestHandler {
  return (request, response, next) => {
    const headers = cors(request);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value!);
    if (request.method !== 'OPTIONS' || !('access-control-allow-origin' in headers) || request.get('access-control-request-method') === undefined) return next();
    response.set({
      'access-control-allow-methods': methods, 'access-control-allow-headers': requestHeaders, 'access-control-max-age': String(preflightAgeSeconds),
    });
    response.status(204).end();
  };
}

/** A serialized origin (RFC 6454, 6.2) and nothing else: no path, no wildcard, no `null`, no default port. */
export function isOrigin(text: string): boolean {
  return /^https?:\/\/[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
