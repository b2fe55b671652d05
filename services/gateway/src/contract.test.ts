import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { IntentStatus, RefundStatus } from '@kiosk/contracts/payments/v1/payments';
import { DeliveryChannel, DeliveryStatus } from '@kiosk/contracts/reporting/v1/reporting';
import { startHealth, createMetrics } from '@kiosk/service';
import { readFileSync } from 'node:fs';
import { answerNames, problemAnswer } from './answers.ts';
import { answerExamples, bodyExamples } from './examples.ts';
import { documentFile, documentText } from './openapi-file.ts';
import {
  aRefund, aReport, aSession, allRoutes, anIntent, document, intentId, nobody, operationOf, reportId, requestFor, sessionId, startTestGateway, type TestGateway,
} from './testing.ts';

const at = new Date('2026-11-23T09:00:00.123Z');
const delivery = { id: 'dlv_1', channel: DeliveryChannel.DELIVERY_CHANNEL_SMS, toMasked: '+7900***4567', status: DeliveryStatus.DELIVERY_STATUS_SENT, attempts: 1 };
/** Every field that may be there is there. */
const full = {
  session: { ...aSession, contact: { email: 'a@example.com', phone: '+79001234567' }, kioskId: 'k-1', failureReason: 'no car', completedAt: at },
  intent: {
    ...anIntent, status: IntentStatus.INTENT_STATUS_CONFIRMED, failureReason: 'x', confirmationUrl: 'https://pay.example', description: 'x', confirmedAt: at,
    refundedAmountMinor: 100, refunds: [{ ...aRefund, status: RefundStatus.REFUND_STATUS_CANCELED }],
  },
  report: { ...aReport, deliveries: [{ ...delivery, nextAttemptAt: at, lastError: 'busy', sentAt: at }, delivery] },
};

let whole: TestGateway;
let bare: TestGateway;
const stop = new AsyncDisposableStack();
beforeAll(async () => {
  const health = stop.use(await startHealth({ host: '127.0.0.1', port: 0, metrics: createMetrics({ service: 'x' }), ready: () => ({ database: 'ok' }) }));
  const peer = { ...nobody, metricsAddress: `127.0.0.1:${health.port}` };
  const peers = { sessions: peer, payments: peer, reporting: peer };
  bare = stop.use(await startTestGateway({ config: { peers } }));
  whole = stop.use(await startTestGateway({
    config: { peers },
    sessions: { getSession: async () => ({ session: full.session }), listSessions: async () => ({ sessions: [full.session], nextCursor: sessionId }) },
    payments: { getIntent: async () => ({ intent: full.intent }), listIntents: async () => ({ intents: [full.intent], nextCursor: intentId }) },
    reporting: { getReport: async () => ({ report: full.report }), listSessionReports: async () => ({ reports: [full.report] }) },
  }));
});
afterAll(() => stop.disposeAsync());

const built = allRoutes().filter(({ answers }) => Object.keys(answers).length > 0).map((route) => [route.name, route] as const);

test('openapi.json is what the routes and their schemas say', () => {
  expect(readFileSync(documentFile, 'utf8') === documentText()).toBe(true);
});

test('each route that is built is one operation, under a name of its own, with its path\'s parameters', () => {
  expect(new Set(built.map(([name]) => name)).size).toBe(built.length);
  for (const [name, route] of built) {
    const operation = operationOf(route)!;
    expect(operation.operationId).toBe(name);
    const inPath = operation.parameters.filter((parameter) => parameter.in === 'path').map((parameter) => `:${parameter.name}`);
    expect(inPath).toEqual(route.path.match(/:\w+/g) ?? []);
  }
  expect(Object.values(document.paths).flatMap((methods) => Object.keys(methods))).toHaveLength(built.length);
});

test('every reference in the document leads somewhere, and every schema is used', () => {
  const names = new Set([...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));
  expect(names).toEqual(new Set(Object.keys(document.components.schemas)));
});

test.each(built.filter(([, { body }]) => body))('the examples of %s are taken by its schema', (_name, route) => {
  const contents = Object.values(operationOf(route)!.requestBody!.content);
  const examples = contents.flatMap((content) => Object.values(content.examples ?? {}));
  expect(examples.length).toBeGreaterThan(0);
  for (const { value } of examples) expect(route.body!.safeParse(value)).toMatchObject({ success: true });
});

test('no example is left over, and the answers\' examples fit their schemas', () => {
  const names = built.map(([name]) => name);
  expect(Object.keys(bodyExamples).filter((name) => !names.includes(name))).toEqual([]);
  const schemas = built.flatMap(([, { answers }]) => Object.values(answers).flatMap(({ schema }) => (schema ? [schema] : [])));
  for (const schema of schemas) expect(schema.safeParse(answerExamples[answerNames.get(schema)!.id])).toMatchObject({ success: true });
});

test.each(built)('what %s really answers is what the document says', async (_name, route) => {
  for (const gateway of [bare, whole]) {
    const { address, init } = requestFor(route);
    const response = await gateway.send(address, { ...init, headers: { 'content-type': 'application/json', 'idempotency-key': `${Math.random()}` } });
    const answer = route.answers[response.status];
    const content = operationOf(route)!.responses[response.status]?.content ?? {};
    expect([response.status, Object.keys(content)]).toEqual([response.status, [response.headers.get('content-type')?.split(';')[0]].filter(Boolean)]);
    const body = await response.text();
    if (answer?.schema) answer.schema.parse(JSON.parse(body));
  }
});

test('what a service adds to an answer fails the comparison, so that it is written down', () => {
  const { schema } = built.find(([name]) => name === 'getReport')![1].answers[200]!;
  expect(schema!.safeParse({ ...answerExamples['Report'] as object, colour: 'red' }).success).toBe(false);
});

test.each<[number, string, RequestInit]>([
  [400, '/api/sessions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"colour":1}' }],
  [404, '/api/sessions/x', {}], [404, '/nope', {}], [405, '/metrics', { method: 'POST' }],
])('G1 a refusal with %i is a problem as the document describes it', async (status, path, init) => {
  const response = await bare.send(path, init);
  expect(response.status).toBe(status);
  problemAnswer.parse(await response.json());
});

test('the description by hand has every operation', () => {
  const text = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
  const variables: Record<string, string> = { sessions: '$SESSION', payments: '$INTENT', reports: '$REPORT', check: '$REPORT' };
  const addresses = built.map(([, { path }]) => path.replace(':sessionId', '$SESSION').replace(':token', '$TOKEN').replace(':id', variables[/^\/(?:api\/)?(\w+)/.exec(path)?.[1] ?? ''] ?? ''));
  expect(addresses.filter((address) => !text.includes(address))).toEqual([]);
});

test('GET /openapi.json is the file', async () => {
  const response = await bare.send('/openapi.json');
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(await response.text()).toBe(readFileSync(documentFile, 'utf8'));
});

test('GET /docs shows every operation, schema and example, and loads nothing', async () => {
  const response = await bare.send('/docs');
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'unsafe-inline'/);
  const page = await response.text();
  const ids = [...page.matchAll(/ id="(\w+)"/g)].map(([, id]) => id);
  expect(ids).toEqual(expect.arrayContaining([...built.map(([name]) => name), ...Object.keys(document.components.schemas)]));
  expect(new Set(ids).size).toBe(ids.length);
  const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!);
  expect(links.filter((href) => href !== 'openapi.json' && !ids.includes(href.slice(1)))).toEqual([]);
  expect(page).toContain('Нет связи с блоком ABS');
  expect(page).not.toMatch(/<script|<link|<img|src=|@import|url\(/);
  expect(page).not.toContain(reportId);
});
