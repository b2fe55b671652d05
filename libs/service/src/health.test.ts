import { expect, test } from '@jest/globals';
import { AggregatorRegistry } from 'prom-client';
import type { MetricObject } from 'prom-client';
import { createMetrics, startHealth } from './service.ts';
import type { Readiness } from './service.ts';

async function started({ service = 'sessions', ready = () => ({}) }: { service?: string; ready?: () => Readiness | Promise<Readiness> } = {}) {
  const metrics = createMetrics({ service });
  const health = await startHealth({ host: '127.0.0.1', port: 0, metrics, ready });
  return {
    metrics,
    port: health.port,
    get: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${health.port}${path}`, init),
    [Symbol.asyncDispose]: () => health[Symbol.asyncDispose](),
  };
}

test('metrics are Prometheus text with the service as a label, the process\'s own included', async () => {
  await using service = await started();
  service.metrics.counter({ name: 'sessions_created_total', help: 'Sessions opened.', labels: ['type'] }).inc({ type: 'thickness' });
  service.metrics.histogram({ name: 'sessions_duration_seconds', help: 'Length.', buckets: [1, 60] }).observe(30);
  service.metrics.gauge({ name: 'sessions_active', help: 'Open now.', collect() { this.set(3); } });
  const response = await service.get('/metrics');
  const text = await response.text();
  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(text).toContain('sessions_created_total{type="thickness",service="sessions"} 1');
  expect(text).toContain('sessions_duration_seconds_bucket{le="60",service="sessions"} 1');
  expect(text).toContain('sessions_active{service="sessions"} 3');
  expect(text).toMatch(/nodejs_eventloop_lag_seconds\{service="sessions"\}/);
});

test('two services in one process keep their metrics apart, and their JSON can be merged', async () => {
  await using sessions = await started({ service: 'sessions' });
  await using payments = await started({ service: 'payments' });
  for (const { metrics } of [sessions, payments]) metrics.counter({ name: 'rpc_total', help: 'Calls.' }).inc();
  const json = await Promise.all([sessions, payments].map(async ({ get }) => (await get('/metrics', { headers: { accept: 'application/json' } })).json()));
  const merged = await AggregatorRegistry.aggregate(json as MetricObject[][] as never).metrics();
  expect(merged).toContain('rpc_total{service="sessions"} 1');
  expect(merged).toContain('rpc_total{service="payments"} 1');
});

test.each<[string, () => Readiness | Promise<Readiness>, number, object]>([
  ['ok when every check is', () => ({ database: 'ok' }), 200, { status: 'ok', checks: { database: 'ok' } }],
  ['unavailable when one is not', async () => ({ database: 'ok', sessions: 'unreachable' }), 503, { status: 'unavailable', checks: { database: 'ok', sessions: 'unreachable' } }],
  ['unavailable when a check throws, without its words', () => { throw new Error('canary'); }, 503, { status: 'unavailable', checks: { readiness: 'failed' } }],
])('readiness is %s', async (_, ready, status, body) => {
  await using service = await started({ ready });
  const response = await service.get('/health/ready');
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual(body);
  expect((await service.get('/health/live')).status).toBe(200);
});

test('other paths are 404, other methods 405', async () => {
  await using service = await started();
  expect((await service.get('/')).status).toBe(404);
  expect((await service.get('/metrics', { method: 'POST', body: 'x' })).status).toBe(405);
});

test('a port that is taken fails the start', async () => {
  await using service = await started();
  await expect(startHealth({ host: '127.0.0.1', port: service.port, metrics: service.metrics, ready: () => ({}) })).rejects.toThrow('EADDRINUSE');
});
