import { expect, test } from '@jest/globals';
import { descriptors } from '@kiosk/contracts/descriptors';
import { SessionsService, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { implement, startServer, type Call } from '@kiosk/rpc';
import { startTracing } from '@kiosk/service';
import { propagation, trace } from '@opentelemetry/api';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { aReport, aSession, nobody, reportId, sessionId, startTestGateway } from './testing.ts';

const path = `/api/sessions/${sessionId}`;

test('a request id that is one is taken up, passed on, answered and logged', async () => {
  await using gateway = await startTestGateway();
  const response = await gateway.send(path, { headers: { 'x-request-id': 'kiosk-7:abc.1' } });
  await response.arrayBuffer();
  expect(response.headers.get('x-request-id')).toBe('kiosk-7:abc.1');
  expect(gateway.asked[0]?.call?.requestId).toBe('kiosk-7:abc.1');
  expect(gateway.log().at(-1)).toMatchObject({
    msg: 'request', requestId: 'kiosk-7:abc.1', method: 'GET', route: '/api/sessions/:id', httpStatus: 200, durationMs: expect.any(Number),
  });
});

test.each(['', 'two words', 'x'.repeat(129), '<script>'])('G1 a request id that is none (%j) is replaced, on errors too', async (id) => {
  await using gateway = await startTestGateway();
  for (const to of [path, '/nope']) {
    const response = await gateway.send(to, { headers: { 'x-request-id': id } });
    expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  }
});

test('X2 the log and the metrics name the route, never the address or the query', async () => {
  await using gateway = await startTestGateway();
  await (await gateway.send('/canary?email=canary@example.com')).arrayBuffer();
  await (await gateway.send(`/api/sessions?cursor=canary`)).arrayBuffer();
  const metrics = await (await gateway.send('/metrics')).text();
  expect(JSON.stringify(gateway.log()) + metrics).not.toContain('canary');
  expect(metrics).toContain('http_request_duration_seconds_count{method="GET",route="unmatched",status="404",service="gateway"} 1');
});

test('X2 a method that no resource has makes no series of its own', async () => {
  await using gateway = await startTestGateway();
  for (const method of ['PROPFIND', 'MKCOL', 'M-SEARCH']) await (await gateway.send('/api/sessions', { method })).arrayBuffer();
  const metrics = await (await gateway.send('/metrics')).text();
  expect(metrics).toContain('http_request_duration_seconds_count{method="_OTHER",route="/api/sessions",status="405",service="gateway"} 3');
  expect(metrics).not.toMatch(/PROPFIND|MKCOL|M-SEARCH/);
});

test('W6 the client\'s address is the socket\'s, whatever the client says of itself', async () => {
  await using gateway = await startTestGateway();
  await (await gateway.send(path, { headers: { 'x-forwarded-for': '203.0.113.7', 'user-agent': 'x'.repeat(500) } })).arrayBuffer();
  expect(gateway.asked[0]?.call?.caller).toEqual({ role: 'anonymous', name: '', ip: '127.0.0.1', userAgent: 'x'.repeat(200) });
});

test('W6 a proxy named in the settings is believed, and only the address that it saw itself', async () => {
  await using gateway = await startTestGateway({ config: { trustedProxies: ['127.0.0.0/8'] } });
  await (await gateway.send(path, { headers: { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' } })).arrayBuffer();
  await (await gateway.send(path, { headers: { 'x-forwarded-for': 'nonsense' } })).arrayBuffer();
  expect(gateway.asked.map(({ call }) => call?.caller?.ip)).toEqual(['203.0.113.7', '127.0.0.1']);
});

test('G3 each call has a deadline: 10 s, and 30 s for what waits for a PDF', async () => {
  await using gateway = await startTestGateway();
  const leftS: number[] = [];
  for (const address of [path, `/api/reports/${reportId}/pdf`]) {
    const before = Date.now();
    await (await gateway.send(address)).arrayBuffer();
    leftS.push(Math.round(((gateway.asked.at(-1)!.call?.deadlineAt ?? 0) - before) / 5000) * 5);
  }
  expect(leftS).toEqual([10, 30]);
});

test('G3 a service has the time that the route has: erasing may take half a minute', async () => {
  const left: number[] = [];
  const functions = {
    eraseSession: async (_request: unknown, call: Call) => {
      left.push(Math.round((call.deadlineAt - Date.now()) / 5000) * 5);
      return { known: true };
    },
  } as unknown as Parameters<typeof implement<SessionsServer>>[1];
  await using server = await startServer({
    host: '127.0.0.1', port: 0, services: [implement<SessionsServer>(SessionsService, functions)], descriptors,
    tracer: trace.getTracer('test'), observe: () => {}, onError: () => {},
  });
  await using gateway = await startTestGateway({ real: true, config: { peers: { sessions: { ...nobody, grpcAddress: `127.0.0.1:${server.port}` }, payments: nobody, reporting: nobody } } });
  expect((await gateway.send(path, { method: 'DELETE' })).status).toBe(503);
  expect(left).toEqual([30]);
});

test('G3 a client that is slow to send its body takes nothing of the time that its call has', async () => {
  await using gateway = await startTestGateway();
  const headers = { 'content-type': 'application/json', expect: '100-continue' };
  const request = httpRequest({ host: '127.0.0.1', port: gateway.port, path: '/api/sessions', method: 'POST', headers });
  request.flushHeaders();
  await once(request, 'continue');
  for (const begunAt = Date.now(); Date.now() <= begunAt;) await new Promise(setImmediate);
  const sentAt = Date.now();
  request.end('{"type":"thickness"}');
  const [response] = await once(request, 'response') as [IncomingMessage];
  response.resume();
  expect(gateway.asked.map(({ call }) => (call?.deadlineAt ?? 0) >= sentAt + 10_000)).toEqual([true]);
});

test('a read is given up when its client goes away; a write runs to its end', async () => {
  const reached = { read: Promise.withResolvers<AbortSignal>(), write: Promise.withResolvers<AbortSignal>() };
  const done = Promise.withResolvers<void>();
  const answerLate = async (report: PromiseWithResolvers<AbortSignal>, call?: Partial<Call>) => {
    report.resolve(call!.signal!);
    await done.promise;
    return { report: aReport };
  };
  await using gateway = await startTestGateway({
    reporting: {
      getReport: (_request, call) => answerLate(reached.read, call),
      deliverReport: (_request, call) => answerLate(reached.write, call),
    },
  });
  const target = { host: '127.0.0.1', port: gateway.port, headers: { 'content-type': 'application/json' } };
  const read = httpRequest({ ...target, path: `/api/reports/${reportId}` }).on('error', () => {}).end();
  const write = httpRequest({ ...target, path: `/api/reports/${reportId}/deliver`, method: 'POST' }).on('error', () => {}).end('{"email":"a@example.com"}');
  const [readSignal, writeSignal] = await Promise.all([reached.read.promise, reached.write.promise]);
  const aborted = once(readSignal, 'abort');
  read.destroy();
  await aborted;
  write.destroy();
  while (gateway.log().filter(({ httpStatus }) => httpStatus === 499).length < 2) await new Promise(setImmediate);
  expect(writeSignal.aborted).toBe(false);
  done.resolve();
});

type OtlpSpan = { name: string; traceId: string; spanId: string; parentSpanId?: string; kind: number; attributes: { key: string; value: object }[] };
type OtlpBody = { resourceSpans: { resource: { attributes: { key: string; value: { stringValue?: string } }[] }; scopeSpans: { spans: OtlpSpan[] }[] }[] };

/** A collector that keeps what it is sent. */
async function startCollector() {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString());
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => bodies.flatMap((body) => (JSON.parse(body) as OtlpBody).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))),
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

test('one trace runs from the caller through the gateway into the service, with right parents, also behind a body', async () => {
  await using collector = await startCollector();
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  let traceparent: string | null;
  {
    await using tracing = await startTracing({ service: 'sessions', endpoint: collector.endpoint, protocol: 'http/json', exportTimeoutMs: 30_000 });
    // The other calls are not made.
    const functions = { createSession: async () => ({ session: aSession }) } as unknown as Parameters<typeof implement<SessionsServer>>[1];
    await using server = await startServer({
      host: '127.0.0.1', port: 0, services: [implement<SessionsServer>(SessionsService, functions)], descriptors,
      tracer: tracing.tracer, observe: () => {}, onError: () => {},
    });
    await using gateway = await startTestGateway({
      real: true,
      config: {
        otlpEndpoint: collector.endpoint, otlpProtocol: 'http/json',
        peers: { sessions: { ...nobody, grpcAddress: `127.0.0.1:${server.port}` }, payments: nobody, reporting: nobody },
      },
    });
    const response = await gateway.post('/api/sessions', { type: 'thickness' }, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
    expect(response.status).toBe(201);
    await response.arrayBuffer();
    traceparent = response.headers.get('traceparent');
    expect(gateway.log().at(-1)).toMatchObject({ msg: 'request', traceId });
  }
  const spans = collector.spans();
  const http = spans.find(({ name }) => name === 'POST /api/sessions');
  const client = spans.find(({ name, kind }) => name === 'kiosk.sessions.v1.Sessions/CreateSession' && kind === 3);
  const service = spans.find(({ name, kind }) => name === 'kiosk.sessions.v1.Sessions/CreateSession' && kind === 2);
  expect(http).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331', kind: 2 });
  expect(client).toMatchObject({ traceId, parentSpanId: http?.spanId });
  expect(service).toMatchObject({ traceId, parentSpanId: client?.spanId });
  expect(http?.attributes).toEqual(expect.arrayContaining([
    { key: 'http.request.method', value: { stringValue: 'POST' } },
    { key: 'http.route', value: { stringValue: '/api/sessions' } },
    { key: 'http.response.status_code', value: { intValue: 201 } },
  ]));
  expect(traceparent).toBe(`00-${traceId}-${http?.spanId}-01`);
});

test('X2 what a client sends as baggage of its trace goes no further', async () => {
  await using collector = await startCollector();
  const inside: { baggage: unknown; traceId?: string }[] = [];
  await using gateway = await startTestGateway({
    config: { otlpEndpoint: collector.endpoint, otlpProtocol: 'http/json' },
    sessions: {
      getSession: async () => {
        inside.push({ baggage: propagation.getActiveBaggage(), traceId: trace.getActiveSpan()?.spanContext().traceId });
        return { session: aSession };
      },
    },
  });
  await (await gateway.send(path, { headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', baggage: 'email=canary' } })).arrayBuffer();
  expect(inside).toEqual([{ baggage: undefined, traceId: '0af7651916cd43dd8448eb211c80319c' }]);
});

test('without a collector there is no trace to answer', async () => {
  await using gateway = await startTestGateway();
  const response = await gateway.send(path, { headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } });
  expect(response.headers.has('traceparent')).toBe(false);
});
