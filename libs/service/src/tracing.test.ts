import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { context, propagation, trace } from '@opentelemetry/api';
import { inSpan, startTracing } from './service.ts';

interface OtlpSpan { name: string; traceId: string; spanId: string; parentSpanId?: string; status: { code?: number; message?: string } }
interface OtlpAttribute { key: string; value: { stringValue?: string } }
interface OtlpBody {
  resourceSpans: { resource: { attributes: OtlpAttribute[] }; scopeSpans: { spans: OtlpSpan[] }[] }[];
}

/** Where the collector is there: longer than a busy machine takes. */
const exportTimeoutMs = 30_000;

/** A collector that keeps what it is sent, or takes connections and never answers. */
async function startCollector({ answers = true }: { answers?: boolean } = {}) {
  const received: { path?: string; type?: string; text: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ path: request.url, type: request.headers['content-type'], text: Buffer.concat(chunks).toString() });
      if (answers) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    spans: () => received.flatMap(({ text }) => (JSON.parse(text) as OtlpBody).resourceSpans.flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map((span) => ({
        ...span,
        service: resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue,
      }))))),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

test('tracing that is off loads no part of the SDK', async () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const { inSpan, startTracing } = await import('@kiosk/service');
    const { tracer } = await startTracing({ service: 'sessions', protocol: 'http/json' });
    const answer = await inSpan(tracer, 'work', {}, (span) => span.isRecording());
    const ours = loaded.filter((url) => /service\\/src/.test(url)).length;
    const sdk = loaded.filter((url) => /@opentelemetry\\/(?!api\\/)/.test(url));
    process.stdout.write(JSON.stringify({ answer, ours: ours > 0, sdk }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@kiosk/source', '--input-type=module', '--eval', script], { cwd: import.meta.dirname });
  expect(JSON.parse(stdout)).toEqual({ answer: false, ours: true, sdk: [] });
});

test('spans of two services in one process are sent under their own names, joined into one trace', async () => {
  await using collector = await startCollector();
  const gateway = await startTracing({ service: 'gateway', endpoint: `${collector.endpoint}/`, protocol: 'http/json', exportTimeoutMs });
  const payments = await startTracing({ service: 'payments', endpoint: collector.endpoint, protocol: 'http/json', exportTimeoutMs });
  const headers: Record<string, string> = {};
  await inSpan(gateway.tracer, 'POST /api/payments/intent', {}, async () => {
    await Promise.resolve();
    propagation.inject(context.active(), headers);
  });
  await inSpan(payments.tracer, 'CreateIntent', { parent: propagation.extract(context.active(), headers) }, () => {});
  await gateway[Symbol.asyncDispose]();
  await payments[Symbol.asyncDispose]();
  const [first, second] = collector.spans();
  expect(first).toMatchObject({ name: 'POST /api/payments/intent', service: 'kiosk-gateway' });
  expect(second).toMatchObject({ name: 'CreateIntent', service: 'kiosk-payments', traceId: first?.traceId, parentSpanId: first?.spanId });
  expect(collector.received.map(({ path }) => path)).toEqual(['/v1/traces', '/v1/traces']);
  expect(trace.getTracer('any').startSpan('global').isRecording()).toBe(false);
});

test('X2 a failed span tells the reason or the name of the error, never its message', async () => {
  await using collector = await startCollector();
  const tracing = await startTracing({ service: 'reporting', endpoint: collector.endpoint, protocol: 'http/json', exportTimeoutMs });
  const fault = Object.assign(new Error('canary'), { kind: 'unavailable', reason: 'smtp_down' });
  await expect(inSpan(tracing.tracer, 'fault', {}, () => Promise.reject(fault))).rejects.toBe(fault);
  await expect(inSpan(tracing.tracer, 'bug', {}, () => { throw new TypeError('canary'); })).rejects.toThrow(TypeError);
  await tracing[Symbol.asyncDispose]();
  expect(collector.spans().map(({ status }) => status)).toEqual([{ code: 2, message: 'smtp_down' }, { code: 2, message: 'TypeError' }]);
  expect(collector.received.map(({ text }) => text).join('')).not.toContain('canary');
});

test('protobuf is sent when it is chosen', async () => {
  await using collector = await startCollector();
  const tracing = await startTracing({ service: 'sessions', endpoint: collector.endpoint, protocol: 'http/protobuf', exportTimeoutMs });
  await inSpan(tracing.tracer, 'work', {}, () => {});
  await tracing[Symbol.asyncDispose]();
  expect(collector.received.map(({ type }) => type)).toEqual(['application/x-protobuf']);
});

test.each(['refuses', 'hangs'])('G5 a collector that %s does not hold up the stop', async (manner) => {
  const collector = await startCollector({ answers: false });
  const tracing = await startTracing({ service: 'sessions', endpoint: collector.endpoint, protocol: 'http/json' });
  await inSpan(tracing.tracer, 'work', {}, () => {});
  if (manner === 'refuses') await collector[Symbol.asyncDispose]();
  const before = performance.now();
  await tracing[Symbol.asyncDispose]();
  expect(performance.now() - before).toBeLessThan(8000);
  if (manner === 'hangs') await collector[Symbol.asyncDispose]();
});
