/** One request, one trace. */
import { expect, test } from '@jest/globals';
import { startProcesses } from '@kiosk/stack';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startCollector, type Span } from './collector.ts';
import { kioskAt, prices } from './kiosk.ts';
import { until } from './until.ts';

const server = 2;
const client = 3;

test('the request for an intent is one trace from HTTP through gateway and payments to sessions, each span under its caller\'s', async () => {
  await using collector = await startCollector();
  await using processes = await startProcesses({
    settings: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', DEV_MANUAL_MODE: 'true' },
    env: { OTEL_BSP_SCHEDULE_DELAY: '100' },
  });
  const kiosk = kioskAt(processes.url);
  const kioskSpanId = 'b7ad6b7169203331';
  const path = [
    { service: 'kiosk-gateway', kind: server, name: 'POST /api/payments/intent' },
    { service: 'kiosk-gateway', kind: client, name: 'kiosk.payments.v1.Payments/CreateIntent' },
    { service: 'kiosk-payments', kind: server, name: 'kiosk.payments.v1.Payments/CreateIntent' },
    { service: 'kiosk-payments', kind: client, name: 'kiosk.sessions.v1.Sessions/GetSession' },
    { service: 'kiosk-sessions', kind: server, name: 'kiosk.sessions.v1.Sessions/GetSession' },
  ];
  const spansOf = (traceId: string): (Span | undefined)[] => path.map((step) =>
    collector.spans.find((span) => span.traceId === traceId && span.service === step.service && span.kind === step.kind && span.name === step.name));
  const isWhole = (spans: readonly (Span | undefined)[]): boolean => spans.every((span) => span !== undefined);
  // What the collector does not take within a second is lost, and a busy machine may stand still for as long: then once more.
  const spans = await until(async () => {
    const traceId = randomBytes(16).toString('hex');
    const session = await kiosk.openSession({ type: 'diagnostics' });
    const answer = await kiosk.post('/api/payments/intent', { amount: prices.diagnostics, currency: 'RUB', sessionId: session.id }, { traceparent: `00-${traceId}-${kioskSpanId}-01` });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('traceparent')).toMatch(new RegExp(`^00-${traceId}-`));
    return until(() => spansOf(traceId), isWhole, { withinMs: 5000 }).catch(() => spansOf(traceId));
  }, isWhole, { withinMs: 30_000 });
  expect(spans.map((span) => span?.parentSpanId)).toEqual([kioskSpanId, ...spans.slice(0, -1).map((span) => span?.spanId)]);
});

test('a request without a trace of its own starts one, which its answer names', async () => {
  await using collector = await startCollector();
  await using processes = await startProcesses({
    settings: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    env: { OTEL_BSP_SCHEDULE_DELAY: '100' },
  });
  const services = await until(async () => {
    const { headers } = await kioskAt(processes.url).get('/api/sessions');
    const [, traceId] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/.exec(headers.get('traceparent') ?? '') ?? [];
    expect(traceId).toBeDefined();
    const found = () => new Set(collector.spans.filter((span) => span.traceId === traceId).map(({ service }) => service));
    return until(found, ({ size }) => size >= 2, { withinMs: 5000 }).catch(found);
  }, ({ size }) => size >= 2, { withinMs: 30_000 });
  expect(services).toEqual(new Set(['kiosk-gateway', 'kiosk-sessions']));
});

test('without a collector no process loads the tracing SDK', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kiosk-modules-'));
  try {
    const recorder = join(folder, 'record.mjs');
    await writeFile(recorder, `
      import { appendFileSync } from 'node:fs';
      import { registerHooks } from 'node:module';
      registerHooks({ load(url, context, next) {
        appendFileSync(${JSON.stringify(folder)} + '/' + process.pid + '.modules', url + '\\n');
        return next(url, context);
      } });
    `);
    await using processes = await startProcesses({ env: { NODE_OPTIONS: `--import=${pathToFileURL(recorder).href}` } });
    const kiosk = kioskAt(processes.url);
    const { headers } = await kiosk.get('/api/sessions');
    expect(headers.get('traceparent')).toBeNull();
    const recorded = (await readdir(folder)).filter((name) => name.endsWith('.modules'));
    expect(recorded.length).toBeGreaterThanOrEqual(4);
    const modules = (await Promise.all(recorded.map((name) => readFile(join(folder, name), 'utf8')))).join('').split('\n');
    expect(modules.some((url) => /@opentelemetry\/api\//.test(url))).toBe(true);
    expect(modules.filter((url) => /@opentelemetry\/(?!api\/)/.test(url))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
