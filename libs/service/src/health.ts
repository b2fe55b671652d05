// The small HTTP server beside each service: metrics for Prometheus and the gateway, liveness and readiness for whoever
// starts and restarts processes.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { http } from './http.ts';
import type { Metrics } from './metrics.ts';

const readinessTimeoutMs = 2000;

/** Each thing that the service needs, by name: `ok`, or a word that says what is wrong. Shown to anyone: no addresses, no secrets. */
export type Readiness = Readonly<Record<string, string>>;

export interface Health extends AsyncDisposable {
  readonly port: number;
}

/**
 * Serves `GET /metrics` (Prometheus text, or the registry as JSON for `Accept: application/json`, which
 * `AggregatorRegistry.aggregate` merges), `/health/live` (200 while the process answers) and `/health/ready`
 * (200 when every check is `ok`, otherwise 503). Port 0 lets the system choose. Fails if the port is taken.
 */
export async function startHealth({ host, port, metrics, ready }: {
  host: string;
  port: number;
  metrics: Metrics;
  ready: () => Readiness | Promise<Readiness>;
}): Promise<Health> {
  const limits = { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 5000, maxHeaderSize: 8192 };
  const server = http.createServer(limits, (request, response) => {
    answer(request, response, metrics, ready).catch(() => send(response, 500, { status: 'failed' }));
  });
  await once(server.listen({ host, port }), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, metrics: Metrics, ready: () => Readiness | Promise<Readiness>) {
  // Nothing here reads a body.
  request.resume();
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, { status: 'method not allowed' });
  switch (request.url?.split('?', 1)[0]) {
    case '/metrics': {
      if (request.headers.accept?.includes('application/json')) return send(response, 200, await metrics.registry.getMetricsAsJSON());
      const text = await metrics.registry.metrics();
      response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(text);
      return;
    }
    case '/health/live':
      return send(response, 200, { status: 'ok' });
    case '/health/ready': {
      const checks = await checked(ready);
      const ok = Object.values(checks).every((state) => state === 'ok');
      return send(response, ok ? 200 : 503, { status: ok ? 'ok' : 'unavailable', checks });
    }
    default:
      return send(response, 404, { status: 'not found' });
  }
}

/** A check that throws or hangs is an answer too: not ready. */
function checked(ready: () => Readiness | Promise<Readiness>): Promise<Readiness> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ readiness: 'timed out' }), readinessTimeoutMs);
    const check = async () => ready();
    check().then(resolve, () => resolve({ readiness: 'failed' })).finally(() => clearTimeout(timer));
  });
}

function send(response: ServerResponse, status: number, body: unknown) {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));
}
