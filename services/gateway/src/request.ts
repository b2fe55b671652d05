/** What each request gets at the edge: an id, a caller, a deadline, a span, a line in the log and a place in the histogram. */
import { invalid } from '@kiosk/fault';
import { neverAborted, type Call, type Caller } from '@kiosk/rpc';
import type { Log, Metrics } from '@kiosk/service';
import { SpanKind, SpanStatusCode, context, propagation, trace, type Context, type Span, type Tracer } from '@opentelemetry/api';
import type { Request, RequestHandler, Response } from 'express';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { Identify } from './access.ts';
import { plainAddress } from './addresses.ts';
import { routeOf } from './problem.ts';

const userAgentLength = 200;
/** What a proxy logs for a client that went away before its answer. */
const clientGone = 499;
/** Asked every few seconds by machines. */
const quietRoutes = new Set(['/metrics', '/health/live', '/health/ready']);
/** What a resource here may have. Any other word is the client's own text, and each would be a series in the metrics. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS']);
const bucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The first middleware: begins the request, and tells of it once its answer is out. */
export function beginRequest({ tracer, metrics, log, identify }: { tracer: Tracer; metrics: Metrics; log: Log; identify: Identify }): RequestHandler {
  const duration = metrics.histogram({
    name: 'http_request_duration_seconds', help: 'Duration of HTTP requests.', labels: ['method', 'route', 'status'], buckets: bucketsSeconds,
  });
  return (request, response, next) => {
    const startedAt = performance.now();
    const { requestId, caller } = begin(request, response, identify);
    response.setHeader('x-request-id', requestId);
    response.setHeader('cache-control', 'no-store');
    const parent = parentOf(request);
    const span = tracer.startSpan(methodOf(request), { kind: SpanKind.SERVER }, parent);
    if (span.isRecording()) response.setHeader('traceparent', traceparentOf(span));
    const active = trace.setSpan(parent, span);
    response.on('close', () => context.with(active, () => {
      const [method, route, httpStatus] = [methodOf(request), routeOf(request), statusOf(response)];
      const seconds = ((begunWith(response).stoppedAt ?? performance.now()) - startedAt) / 1000;
      duration.observe({ method, route, status: String(httpStatus) }, seconds);
      const actor = caller.name === '' ? caller.role : `${caller.role}:${caller.name}`;
      const fields = { method, route, httpStatus, durationMs: Math.round(seconds * 1000), requestId, actor };
      if (quietRoutes.has(route)) log.debug(fields, 'request');
      else log.info(fields, 'request');
      span.updateName(`${method} ${route}`).setAttributes({ 'http.request.method': method, 'http.route': route, 'http.response.status_code': httpStatus });
      if (httpStatus >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    }));
    context.with(active, next);
  };
}

/** https://opentelemetry.io/docs/specs/semconv/registry/attributes/http/ */
function methodOf({ method }: Request): string {
  return methods.has(method) ? method : '_OTHER';
}

type Begun = {
  requestId: string; caller: Caller;
  /** On the clock of performance.now(); where the rest is waiting. */
  stoppedAt?: number;
};

const begun = Symbol('begun');

function begin(request: Request, response: Response & { [begun]?: Begun }, identify: Identify): Begun {
  const { role, name } = identify(request);
  const { ip, userAgent } = clientOf(request);
  return response[begun] = { requestId: requestIdOf(request), caller: { role, name, ip, userAgent } };
}

function begunWith(response: Response & { [begun]?: Begun }): Begun {
  return response[begun]!;
}

/**
 * What travels with each call inside, which has `timeoutMs` from now on: a client that was slow to send its body has taken nothing of that. A read is given up when
 * its client goes away; what creates, changes or moves money is not: the client comes back and asks for the outcome.
 */
export function callFor(response: Response, { timeoutMs, givenUp }: { timeoutMs: number; givenUp: boolean }): Call {
  const { requestId, caller } = begunWith(response);
  // The wall clock, because the deadline is compared with it in every process that the call passes.
  return { requestId, caller, deadlineAt: Date.now() + timeoutMs, signal: givenUp ? closedOf(response) : neverAborted };
}

/** Aborted when the client goes away before it has its answer. */
function closedOf(response: Response): AbortSignal {
  const close = new AbortController();
  const look = (): void => {
    if (!response.writableFinished) close.abort();
  };
  if (response.closed) look();
  else response.once('close', look);
  return close.signal;
}

/** From here on the request only waits for something to happen: how long that takes says nothing about us. */
export function stopClock(response: Response): void {
  begunWith(response).stoppedAt = performance.now();
}

/** Who asks, as far as its key and its address tell. */
export function callerOf(response: Response): Caller {
  return begunWith(response).caller;
}

/** The header `Idempotency-Key`; empty without one. Fails with `invalid_idempotency_key`. */
export function idempotencyKeyOf(request: Request): string {
  const key = request.get('idempotency-key');
  if (key === undefined) return '';
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) throw invalid('invalid_idempotency_key', 'Idempotency-Key must be 1–255 printable ASCII characters.');
  return key;
}

/** The caller's own id, if it is one. */
export function givenIdOf({ headers }: { headers: IncomingHttpHeaders }): string | undefined {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : undefined;
}

export function requestIdOf(request: { headers: IncomingHttpHeaders }): string {
  return givenIdOf(request) ?? randomUUID();
}

/** The address is the socket's, or what a proxy named in TRUSTED_PROXIES says; never what a client says of itself (W6). */
function clientOf(request: Request): Pick<Caller, 'ip' | 'userAgent'> {
  const said = 'x-forwarded-for' in request.headers ? request.ip ?? '' : '';
  const { remoteAddress } = request.socket;
  return { ip: isIP(said) ? plainAddress(said) : remoteAddress && plainAddress(remoteAddress), userAgent: request.headers['user-agent']?.slice(0, userAgentLength) };
}

/** Of what a client sends along only the trace is taken up: its baggage would travel to every service. */
function parentOf({ headers: { traceparent, tracestate } }: Request): Context {
  return traceparent === undefined ? context.active() : propagation.extract(context.active(), { traceparent, tracestate });
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function statusOf(response: Response): number {
  // An event stream ends when its client leaves: it has been answered.
  const isStream = response.headersSent && begunWith(response).stoppedAt !== undefined;
  return response.writableFinished || isStream ? response.statusCode : clientGone;
}
