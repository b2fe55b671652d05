import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { Fault } from '@kiosk/fault';
import { connectEcho, failure, startEcho, until } from './testing.ts';

const exporter = new InMemorySpanExporter();
const tracer = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }).getTracer('test');

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
afterEach(() => exporter.reset());

async function finished(count: number) {
  await until(() => exporter.getFinishedSpans().length >= count);
  return exporter.getFinishedSpans();
}

test('one trace runs through two hops with the right parents', async () => {
  await using inner = await startEcho({ tracer });
  await using toInner = connectEcho(inner.port, { tracer });
  await using outer = await startEcho({ tracer, say: (request, call) => toInner.say(request, call) });
  await using toOuter = connectEcho(outer.port, { tracer });
  const edge = tracer.startSpan('edge');
  await context.with(trace.setSpan(context.active(), edge), () => toOuter.say({ text: 'hello' }));
  edge.end();

  const spans = await finished(5);
  expect(spans.map(({ name, kind }) => [name, kind])).toEqual([
    ['kiosk.test.Echo/Say', SpanKind.SERVER], ['kiosk.test.Echo/Say', SpanKind.CLIENT],
    ['kiosk.test.Echo/Say', SpanKind.SERVER], ['kiosk.test.Echo/Say', SpanKind.CLIENT],
    ['edge', SpanKind.INTERNAL],
  ]);
  expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
  for (const [i, span] of spans.slice(0, -1).entries()) expect(span.parentSpanContext?.spanId).toBe(spans[i + 1]!.spanContext().spanId);
  expect(spans[0]!.attributes).toEqual({ 'rpc.system': 'grpc', 'rpc.service': 'kiosk.test.Echo', 'rpc.method': 'Say', 'rpc.grpc.status': 'OK' });
});

test('X2 a failed call marks both spans with the code and never with the message', async () => {
  await using server = await startEcho({ tracer, act: async () => { throw new Fault({ kind: 'not_found', reason: 'session_not_found', message: 'canary' }); } });
  await using client = connectEcho(server.port, { tracer });
  await failure(client.act({ text: 'canary' }, { requestId: 'canary', caller: { role: 'kiosk', name: 'canary' } }));
  const spans = await finished(2);
  for (const { status, attributes } of spans) {
    expect(status.code).toBe(SpanStatusCode.ERROR);
    expect(attributes['rpc.grpc.status']).toBe('NOT_FOUND');
  }
  expect(JSON.stringify(spans.map(({ name, attributes, status, events }) => ({ name, attributes, status, events })))).not.toContain('canary');
});

test('a call without a trace starts one of its own, even in a server that was started within a span', async () => {
  const start = tracer.startSpan('start');
  await using server = await context.with(trace.setSpan(context.active(), start), () => startEcho({ tracer }));
  await using client = connectEcho(server.port);
  await client.say({ text: '' });
  const [span] = await finished(1);
  expect(span!.parentSpanContext).toBeUndefined();
  expect(span!.spanContext().traceId).not.toBe(start.spanContext().traceId);
});

test('a call that cannot be sent ends its span', async () => {
  await using server = await startEcho();
  const client = connectEcho(server.port, { tracer });
  await client[Symbol.asyncDispose]();
  await failure(client.say({ text: '' }));
  expect(await finished(1)).toHaveLength(1);
});
