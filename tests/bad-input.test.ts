/** Whatever a client sends, it gets a 4xx problem document, and nothing changes. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { expectProblem, kioskAt, sampleOf, type Kiosk, type Session } from './kiosk.ts';

let stack: Stack;
let kiosk: Kiosk;
let active: Session;
let final: Session;
let failed: Session;
let untouched: unknown;

beforeAll(async () => {
  stack = await startStack({ settings: { DEV_MANUAL_MODE: 'true' } });
  kiosk = kioskAt(stack.url);
  active = await kiosk.openSession({ type: 'diagnostics', contact: { email: 'a@example.com' }, metadata: { a: 1 } });
  final = await kiosk.openSession({ type: 'diagnostics' });
  await kiosk.must(200, kiosk.post(`/api/sessions/${final.id}/complete`));
  failed = await kiosk.openSession({ type: 'diagnostics' });
  await kiosk.must(200, kiosk.post(`/api/sessions/${failed.id}/fail`, { reason: 'scanner_lost' }));
  untouched = await everything();
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

/** All that the lists show. */
function everything() {
  const lists = ['/api/sessions', '/api/payments', ...[active, final, failed].map(({ id }) => `/api/reports/session/${id}`)];
  return Promise.all(lists.map((path) => kiosk.must(200, kiosk.get(path))));
}

async function expectRefused(method: string, path: string, body: unknown, expected: { status: number; reason?: string }, headers?: Record<string, string>): Promise<void> {
  expectProblem(await kiosk.send(method, path, { body, headers }), expected);
  expect(await everything()).toEqual(untouched);
}

const intent = (changes: object) => () => ({ amount: 48_000, currency: 'RUB', sessionId: active.id, ...changes });
// A default keeps Jest from taking a parameter that a row leaves out for its `done` callback.
const anyReason: string | undefined = undefined;
const unknownId = 'ses_00000000000000000000000000';

test.each<[what: string, body: () => unknown, status: number, reason?: string]>([
  ['an unknown field', intent({ amonut: 1 }), 400, 'invalid_request'],
  ['one and a half kopecks', intent({ amount: 1.5 }), 400, 'invalid_request'],
  ['an amount as text', intent({ amount: '100' }), 400, 'invalid_request'],
  ['no amount', intent({ amount: undefined }), 400, 'invalid_request'],
  ['an amount of nothing', intent({ amount: 0 }), 400],
  ['a negative amount', intent({ amount: -100 }), 400],
  ['an amount beyond the safe integers', intent({ amount: 2 ** 53 }), 400],
  ['an infinite amount', () => `{"amount":1e400,"currency":"RUB","sessionId":"${active.id}"}`, 400],
  ['a foreign currency', intent({ currency: 'GBP' }), 400],
  ['a currency in lower case', intent({ currency: 'rub' }), 400],
  ['an unknown session', intent({ sessionId: unknownId }), 404, 'session_not_found'],
  ['something that is no session id', intent({ sessionId: "' OR 1=1 --" }), 404, 'session_not_found'],
  ['a session that is completed', () => intent({ sessionId: final.id })(), 409, 'session_final'],
  ['a session that failed', () => intent({ sessionId: failed.id })(), 409, 'session_final'],
  ['metadata that is a list', intent({ metadata: [1] }), 400],
  ['metadata with a nested object', intent({ metadata: { a: { b: 1 } } }), 400],
  ['a description that is too long', intent({ description: 'ж'.repeat(129) }), 400],
  ['a list instead of an object', () => [1], 400],
  ['null', () => 'null', 400],
  ['broken JSON', () => '{"amount":', 400, 'invalid_json'],
  ['two megabytes', intent({ description: 'x'.repeat(2 * 1024 * 1024) }), 413, 'body_too_large'],
  ['very deep JSON', () => `${'['.repeat(5000)}${']'.repeat(5000)}`, 400],
  ['bytes that are no UTF-8', () => new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400],
])('G2 an intent for %s', async (_, body, status, reason = anyReason) => {
  await expectRefused('POST', '/api/payments/intent', body(), { status, reason });
});

test.each<[what: string, body: unknown, status?: number]>([
  ['no body', undefined],
  ['an unknown type', { type: 'paint' }],
  ['an unknown field', { type: 'thickness', colour: 'red' }],
  ['an unknown field of the contact', { type: 'thickness', contact: { telegram: '@a' } }],
  ['an e-mail that is none', { type: 'thickness', contact: { email: 'nobody' } }],
  ['an e-mail with a line break', { type: 'thickness', contact: { email: 'a@example.com\r\nBcc: b@example.com' } }],
  ['two mailboxes', { type: 'thickness', contact: { email: 'a@example.com, b@example.com' } }],
  ['a phone that is none', { type: 'thickness', contact: { phone: '12' } }],
  ['a phone as a number', { type: 'thickness', contact: { phone: 79001234567 } }],
  ['a time to live under a second', { type: 'thickness', ttlMs: 999 }],
  ['a time to live over a day', { type: 'thickness', ttlMs: 86_400_001 }],
  ['metadata over 16 KiB', { type: 'thickness', metadata: { a: 'x'.repeat(17_000) } }],
  ['a kiosk id with blanks', { type: 'thickness', kioskId: 'kiosk 7' }],
  ['two megabytes', { type: 'thickness', metadata: { a: 'x'.repeat(2 * 1024 * 1024) } }, 413],
])('G2 D9 a session with %s', async (_, body, status = 400) => {
  await expectRefused('POST', '/api/sessions', body, { status });
});

test.each<[what: string, path: () => string, body: unknown, status: number]>([
  ['a patch of a final session', () => `/api/sessions/${final.id}`, { metadata: { a: 2 } }, 409],
  ['a patch of an unknown session', () => `/api/sessions/${unknownId}`, { metadata: { a: 2 } }, 404],
  ['a patch with an unknown field', () => `/api/sessions/${active.id}`, { status: 'completed' }, 400],
  ['a patch of the metadata with text', () => `/api/sessions/${active.id}`, { metadata: 'a' }, 400],
  ['a patch with a bad phone', () => `/api/sessions/${active.id}`, { contact: { phone: '+7' } }, 400],
])('G2 %s', async (_, path, body, status) => {
  await expectRefused('PATCH', path(), body, { status });
});

const report = (changes: object, sessionId = () => active.id) => () => {
  const sample = sampleOf('diagnostics-granta', sessionId());
  return { ...sample, data: { ...sample.data, ...changes } };
};

test.each<[what: string, body: () => unknown, status: number, reason?: string]>([
  ['an unknown session', report({}, () => unknownId), 404, 'session_not_found'],
  ['a session that failed', report({}, () => failed.id), 409, 'session_final'],
  ['an unknown field', report({ colour: 'red' }), 400],
  ['a fault code that is none', report({ dtcCodes: [{ code: 'X9999' }] }), 400],
  ['a severity that is none', report({ dtcCodes: [{ code: 'P0301', severity: 'terrible' }] }), 400],
  ['a year as text', report({ year: '2019' }), 400],
  ['a year before there were cars', report({ year: 1500 }), 400],
  ['a VIN that is none', report({ vin: 'XTA' }), 400],
  ['a time without a zone', report({ timestamp: '2026-11-20 09:41' }), 400],
  ['no fault codes at all', report({ dtcCodes: undefined }), 400],
  ['a thousand fault codes', report({ dtcCodes: Array.from({ length: 1000 }, () => ({ code: 'P0301' })) }), 400],
  ['a recipient that is none', () => ({ ...report({})(), deliverTo: { email: 'nobody' } }), 400],
  ['two megabytes', report({ vehicleModel: 'x'.repeat(2 * 1024 * 1024) }), 413],
])('G2 a diagnostics report for %s', async (_, body, status, reason = anyReason) => {
  await expectRefused('POST', '/api/reports/diagnostics', body(), { status, reason });
});

const thickness = (changes: object) => () => {
  const sample = sampleOf('thickness-solaris', active.id);
  return { ...sample, data: { ...sample.data, ...changes } };
};

test.each<[what: string, body: () => unknown, status: number, reason?: string]>([
  ['a diagnostics session', thickness({}), 409, 'session_type_mismatch'],
  ['an unknown kind of car', thickness({ vehicleType: 'tractor' }), 400],
  ['a negative value', thickness({ measurements: [{ zone: 'hood', value: -1 }] }), 400],
  ['a value as text', thickness({ measurements: [{ zone: 'hood', value: '117' }] }), 400],
])('G2 a thickness report for %s', async (_, body, status, reason = anyReason) => {
  await expectRefused('POST', '/api/reports/thickness', body(), { status, reason });
});

test.each<[query: string]>([
  ['/api/sessions?limit=0'], ['/api/sessions?limit=201'], ['/api/sessions?limit=ten'], ['/api/sessions?limit=1&limit=2'], ['/api/sessions?colour=red'],
  ['/api/sessions?type=paint'], ['/api/sessions?status=open'], ['/api/sessions?createdFrom=yesterday'], ['/api/sessions?cursor=nonsense'],
  ['/api/payments?limit=-1'], ['/api/payments?status=paid'], ['/api/payments?cursor=nonsense'],
])('G2 GET %s is 400', async (path) => {
  await expectRefused('GET', path, undefined, { status: 400 });
});

test.each<[method: string, path: string, status: number]>([
  ['GET', '/api/sessions/nonsense', 404],
  ['GET', '/api/sessions/%00', 404],
  ['GET', '/api/sessions/%ff', 400],
  ['GET', `/api/sessions/${unknownId}`, 404],
  ['GET', '/api/payments/intent/pay_00000000000000000000000000', 404],
  ['GET', '/api/payments/status/nonsense', 404],
  ['GET', '/api/payments/qr/nonsense.svg', 404],
  ['POST', '/api/payments/cancel/pay_00000000000000000000000000', 404],
  ['POST', '/api/payments/confirm/pay_00000000000000000000000000', 404],
  ['GET', '/api/reports/rep_00000000000000000000000000', 404],
  ['GET', '/api/reports/rep_00000000000000000000000000/pdf', 404],
  ['GET', '/api/nothing', 404],
  ['GET', '/../../etc/passwd', 404],
  ['PUT', '/api/sessions', 405],
  ['DELETE', '/api/payments', 405],
])('G1 G2 %s %s is %i', async (method, path, status) => {
  await expectRefused(method, path, undefined, { status });
});

test.each<[what: string, headers: Record<string, string>, status: number]>([
  ['text', { 'content-type': 'text/plain' }, 415],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['compressed', { 'content-encoding': 'gzip' }, 415],
])('G2 a body that says it is %s is %i', async (_, headers, status) => {
  await expectRefused('POST', '/api/sessions', '{"type":"thickness"}', { status }, headers);
});

test('G1 a caller\'s own request id that is no id is replaced', async () => {
  const { headers } = await kiosk.get('/api/sessions', { 'x-request-id': 'a b<script>' });
  expect(headers.get('x-request-id')).toMatch(/^[\w-]+$/);
});
