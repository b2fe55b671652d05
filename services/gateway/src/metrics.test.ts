import { expect, test } from '@jest/globals';
import { createMetrics, startHealth, type Readiness } from '@kiosk/service';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nobody, problemOf, startTestGateway } from './testing.ts';

/** A service's metrics port, as every service has one. */
async function startPeer(service: string, readiness: Readiness = { database: 'ok' }) {
  const metrics = createMetrics({ service });
  const created = metrics.counter({ name: 'things_total', help: 'Things.', labels: ['type'] });
  created.inc({ type: 'a' }, service.length);
  metrics.histogram({ name: 'things_seconds', help: 'Seconds.', buckets: [1] }).observe(0.5);
  const health = await startHealth({ host: '127.0.0.1', port: 0, metrics, ready: () => readiness });
  return { grpcAddress: nobody.grpcAddress, metricsAddress: `127.0.0.1:${health.port}`, [Symbol.asyncDispose]: () => health[Symbol.asyncDispose]() };
}

/** Takes the question and answers `body`, or nothing at all. */
async function startStrange(body?: string) {
  const server = createServer((_request, response) => void (body === undefined || response.end(body)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    grpcAddress: nobody.grpcAddress,
    metricsAddress: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

test('the page has every service\'s series apart, each metric described once, and says who is up', async () => {
  await using sessions = await startPeer('sessions');
  await using payments = await startPeer('payments');
  await using gateway = await startTestGateway({ config: { peers: { sessions, payments, reporting: nobody } } });
  await (await gateway.send('/metrics')).text();
  const response = await gateway.send('/metrics');
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const page = await response.text();
  expect(page).toContain('things_total{type="a",service="sessions"} 8\nthings_total{type="a",service="payments"} 8\n');
  expect(page).toContain('things_seconds_bucket{le="1",service="sessions"} 1');
  expect(page).toContain('http_request_duration_seconds_count{method="GET",route="/metrics",status="200",service="gateway"} 1');
  for (const [service, state] of [['gateway', 1], ['sessions', 1], ['payments', 1], ['reporting', 0]]) expect(page).toContain(`up{service="${service}"} ${state}\n`);
  const described = page.match(/^# TYPE \S+/gm) ?? [];
  expect(described.length).toBeGreaterThan(10);
  expect(new Set(described).size).toBe(described.length);
  const series = page.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')));
  expect(new Set(series).size).toBe(series.length);
});

test('a service that dies, hangs or answers something else is down, and the page has the others', async () => {
  await using sessions = await startPeer('sessions');
  await using hangs = await startStrange();
  await using strange = await startStrange('[{"name":"x","help":"x","type":"counter","values":[],"aggregator":"no such"}]');
  await using gateway = await startTestGateway({ config: { peers: { sessions, payments: hangs, reporting: strange } } });
  expect(await (await gateway.send('/metrics')).text()).toContain('up{service="sessions"} 1\n');
  await sessions[Symbol.asyncDispose]();
  const page = await (await gateway.send('/metrics')).text();
  for (const [service, state] of [['gateway', 1], ['sessions', 0], ['payments', 0], ['reporting', 0]]) expect(page).toContain(`up{service="${service}"} ${state}\n`);
  expect(page).not.toContain('things_total');
  expect(page).toContain('process_cpu_seconds_total{service="gateway"}');
});

test('the gateway is ready when every service is, and otherwise tells which is not', async () => {
  await using sessions = await startPeer('sessions');
  await using payments = await startPeer('payments', { database: 'read-only' });
  await using whole = await startTestGateway({ config: { peers: { sessions, payments: sessions, reporting: sessions } } });
  const ready = await whole.send('/health/ready');
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok', checks: { sessions: 'ok', payments: 'ok', reporting: 'ok' } }]);
  await using part = await startTestGateway({ config: { peers: { sessions, payments, reporting: nobody } } });
  const unready = await part.send('/health/ready');
  expect(unready.status).toBe(503);
  expect(unready.headers.get('retry-after')).toBe('1');
  expect(await problemOf(unready)).toMatchObject({ reason: 'not_ready', checks: { sessions: 'ok', payments: 'not_ready', reporting: 'unreachable' } });
  expect(await (await part.send('/health/live')).json()).toEqual({ status: 'ok' });
});

test('G4 the services are asked once for all who want the page or the readiness at the same time, and again afterwards', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    asked++;
    void answer.promise.then(() => response.end('[]'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = { ...nobody, metricsAddress: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  await using gateway = await startTestGateway({ config: { peers: { sessions: peer, payments: nobody, reporting: nobody } } });
  const many = ['/metrics', '/health/ready'].flatMap((path) => Array.from({ length: 20 }, () => gateway.send(path)));
  while (asked < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  // Long enough for the others to have come, were each asked for alone.
  await gateway.send('/health/live');
  answer.resolve();
  for (const response of await Promise.all(many)) await response.arrayBuffer();
  expect(asked).toBeLessThan(6);
  const before = asked;
  await (await gateway.send('/metrics')).arrayBuffer();
  expect(asked).toBe(before + 1);
  server.close();
  server.closeAllConnections();
});
