import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { intentId, problemOf, reportId, sessionId, startTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

const intent = { amount: 35_000, currency: 'RUB', sessionId };
const session = { type: 'thickness' };
const thickness = { sessionId, vehicleType: 'sedan', measurements: [{ zone: 'hood', value: 120 }], timestamp: '2026-11-20T11:05:40Z' };
const diagnostics = { sessionId, vehicleMake: 'LADA', vehicleModel: 'Granta', dtcCodes: [], timestamp: '2026-11-20T11:05:40Z' };
const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });

const badBodies: [what: string, path: string, body: unknown, error: { path?: string }][] = [
  ['an unknown field', '/api/sessions', { ...session, colour: 'red' }, { path: 'colour' }],
  ['an unknown field inside', '/api/sessions', { ...session, contact: { fax: '1' } }, { path: 'contact.fax' }],
  ['a name of the language', '/api/sessions', '{"type":"thickness","__proto__":{"a":1}}', { path: '__proto__' }],
  ['no type', '/api/sessions', {}, { path: 'type' }],
  ['another type', '/api/sessions', { type: 'wash' }, { path: 'type' }],
  ['an empty e-mail', '/api/sessions', { ...session, contact: { email: '' } }, { path: 'contact.email' }],
  ['a ttl below the least', '/api/sessions', { ...session, ttlMs: 999 }, { path: 'ttlMs' }],
  ['a ttl above the most', '/api/sessions', { ...session, ttlMs: 86_400_001 }, { path: 'ttlMs' }],
  ['metadata that are a list', '/api/sessions', { ...session, metadata: [] }, { path: 'metadata' }],
  ['metadata above 16 KiB', '/api/sessions', { ...session, metadata: { a: 'я'.repeat(8200) } }, { path: 'metadata' }],
  ['a kiosk that is no name', '/api/sessions', { ...session, kioskId: 'a b' }, { path: 'kioskId' }],
  ['a list for an object', '/api/sessions', [], { path: '' }],
  ['null for an object', '/api/sessions', 'null', { path: '' }],
  ['no body', '/api/sessions', '', { path: '' }],
  ['a failure without a reason', `/api/sessions/${sessionId}/fail`, {}, { path: 'reason' }],
  ['a field where none is known', `/api/sessions/${sessionId}/expire`, { now: true }, { path: 'now' }],
  ['null where nothing is needed', `/api/sessions/${sessionId}/complete`, 'null', { path: '' }],
  ['half a kopeck', '/api/payments/intent', { ...intent, amount: 1.5 }, { path: 'amount' }],
  ['an amount as text', '/api/payments/intent', { ...intent, amount: '100' }, { path: 'amount' }],
  ['no amount', '/api/payments/intent', { ...intent, amount: undefined }, { path: 'amount' }],
  ['nothing to pay', '/api/payments/intent', { ...intent, amount: 0 }, { path: 'amount' }],
  ['a negative amount', '/api/payments/intent', { ...intent, amount: -1 }, { path: 'amount' }],
  ['an amount beyond whole numbers', '/api/payments/intent', '{"amount":1e400,"currency":"RUB","sessionId":"ses_1"}', { path: 'amount' }],
  ['a session with a NUL in its name', '/api/payments/intent', { ...intent, sessionId: 'ses_\u0000' }, { path: 'sessionId' }],
  ['another currency', '/api/payments/intent', { ...intent, currency: 'rub' }, { path: 'currency' }],
  ['a measurement as text', '/api/reports/thickness', { data: { ...thickness, measurements: [{ zone: 'hood', value: '120' }] } }, { path: 'data.measurements[0].value' }],
  ['a year beyond the contract\'s type', '/api/reports/diagnostics', { data: { ...diagnostics, year: 2 ** 31 } }, { path: 'data.year' }],
  ['a day that is none', '/api/reports/diagnostics', { data: { ...diagnostics, timestamp: '2026-02-30T11:05:40Z' } }, { path: 'data.timestamp' }],
  ['a time without seconds', '/api/reports/diagnostics', { data: { ...diagnostics, timestamp: '2026-02-20T11:05Z' } }, { path: 'data.timestamp' }],
  ['a time without an offset', '/api/reports/diagnostics', { data: { ...diagnostics, timestamp: '2026-02-20T11:05:40' } }, { path: 'data.timestamp' }],
  ['a delivery to nobody', `/api/reports/${reportId}/deliver`, {}, { path: '' }],
];

test.each(badBodies)('G2 %s is 400 for %s, names the field and asks no service', async (_what, path, body, error) => {
  const before = gateway.asked.length;
  const response = await gateway.post(path, body);
  expect(response.status).toBe(400);
  expect(await problemOf(response)).toMatchObject({ reason: 'invalid_request', errors: [expect.objectContaining(error)] });
  expect(gateway.asked).toHaveLength(before);
});

test('X2 a refusal never repeats a value, nor a name that is none', async () => {
  const response = await gateway.post('/api/payments/intent', { amount: 'canary-1', currency: 'canary-2', sessionId: ['canary-3'], 'canary@example.com': 1 });
  expect(await response.text()).not.toContain('canary');
});

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const broken: [what: string, init: { body: RequestInit['body']; type?: string; encoding?: string }, status: number, reason: string][] = [
  ['broken JSON', { body: '{"type":' }, 400, 'invalid_json'],
  ['bad UTF-8', { body: bytes('{"type":"thickness","kioskId":"\xff\xfe"}') }, 400, 'invalid_encoding'],
  ['half a character', { body: '{"type":"thickness","metadata":{"a":"\\ud800"}}' }, 400, 'invalid_encoding'],
  ['33 levels of JSON', { body: JSON.stringify(deep(33)) }, 400, 'json_too_deep'],
  ['60 000 levels of JSON', { body: '['.repeat(30_000) + ']'.repeat(30_000) }, 400, 'json_too_deep'],
  ['a body of 2 MB', { body: JSON.stringify({ type: 'x'.repeat(2_000_000) }) }, 413, 'body_too_large'],
  ['a form', { body: 'type=thickness', type: 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
  ['a body without a type', { body: bytes('{"type":"thickness"}'), type: '' }, 415, 'unsupported_media_type'],
  ['a compressed body', { body: bytes('\x1f\x8b'), encoding: 'gzip' }, 415, 'unsupported_media_type'],
];

test.each(broken)('G2 %s is refused', async (_what, { body, type = 'application/json', encoding }, status, reason) => {
  const headers: Record<string, string> = { ...(type ? { 'content-type': type } : {}), ...(encoding ? { 'content-encoding': encoding } : {}) };
  const response = await gateway.send('/api/sessions', { method: 'POST', headers, body });
  expect(response.status).toBe(status);
  expect(await problemOf(response)).toMatchObject({ status, reason });
});

test('metadata of 31 levels within the body\'s 32 pass', async () => {
  expect((await gateway.post('/api/sessions', { ...session, metadata: deep(31) })).status).toBe(201);
});

test('a report may be longer than another body, and has its limit too', async () => {
  const report = (description: string) => ({ data: { ...diagnostics, dtcCodes: [{ code: 'P0301', description }] } });
  expect((await gateway.post('/api/reports/diagnostics', report('x'.repeat(200_000)))).status).toBe(201);
  expect((await gateway.post('/api/reports/diagnostics', report('x'.repeat(270_000)))).status).toBe(413);
  expect((await gateway.post('/api/sessions', { ...session, metadata: { a: 'x'.repeat(70_000) } })).status).toBe(413);
});

test.each([
  'limit=0', 'limit=201', 'limit=1.5', 'limit=', 'limit=1&limit=2', 'colour=red', 'status=open', 'createdFrom=yesterday',
  'createdTo=2026-13-01T00:00:00Z', 'cursor=', 'cursor=%00', '__proto__=1',
])('G2 the query %s is 400 for every list', async (query) => {
  for (const path of ['/api/sessions', '/api/payments']) {
    const response = await gateway.send(`${path}?${query}`);
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ reason: 'invalid_request', errors: [expect.anything()] });
  }
});

test.each([['empty', ''], ['of 256 characters', 'x'.repeat(256)], ['outside ASCII', 'clé']])('an idempotency key that is %s is 400', async (_what, key) => {
  const posts = [['/api/payments/intent', intent], ['/api/reports/thickness', { data: thickness }], [`/api/reports/${reportId}/deliver`, { email: 'a@example.com' }]] as const;
  for (const [path, body] of posts) {
    const response = await gateway.post(path, body, { headers: { 'idempotency-key': key } });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ reason: 'invalid_idempotency_key' });
  }
});

test.each(['/api/sessions/%E0%A4%A', '/api/sessions/%', '/api/payments/qr/%ff.svg'])('G2 the address %s is 4xx', async (path) => {
  const response = await gateway.send(path);
  expect(response.status).toBe(400);
  expect(await problemOf(response)).toMatchObject({ reason: 'malformed_request' });
});

const noIds = ['ses_%00', 'ses_%0d%0a', 'pay_01hv3', `ses_${'1'.repeat(80)}`, '..%2f..%2fetc'];
test.each(noIds)('an id that cannot be ours (%s) is unknown, and no service is asked', async (id) => {
  const before = gateway.asked.length;
  const response = await gateway.send(`/api/sessions/${id}`);
  expect(response.status).toBe(404);
  expect(await problemOf(response)).toMatchObject({ reason: 'session_not_found' });
  expect(gateway.asked).toHaveLength(before);
});

const writes: [method: string, path: string][] = [
  ['POST', '/api/sessions'], ['PATCH', `/api/sessions/${sessionId}`],
  ['POST', `/api/sessions/${sessionId}/complete`], ['POST', `/api/sessions/${sessionId}/expire`], ['POST', `/api/sessions/${sessionId}/fail`],
  ['POST', '/api/payments/intent'], ['POST', `/api/payments/cancel/${intentId}`], ['POST', `/api/payments/confirm/${intentId}`],
  ['POST', '/api/reports/diagnostics'], ['POST', '/api/reports/thickness'], ['POST', `/api/reports/${reportId}/deliver`],
];

test('G2 whatever JSON is sent to whatever route, the answer is never 5xx', async () => {
  const names = fc.constantFrom(
    'type', 'contact', 'email', 'phone', 'metadata', 'ttlMs', 'kioskId', 'reason', 'amount', 'currency', 'sessionId', 'data', 'deliverTo',
    'dtcCodes', 'measurements', 'value', 'zone', 'timestamp', 'year', '__proto__', 'constructor', 'toString',
  );
  const values = fc.oneof(fc.jsonValue(), fc.constantFrom('thickness', 'RUB', 35_000, sessionId, '2026-11-20T11:05:40Z'));
  const likely = fc.dictionary(names, fc.oneof(values, fc.dictionary(names, values)), { maxKeys: 8 });
  const body = fc.oneof(fc.json(), likely.map((value) => JSON.stringify(value)), fc.string());
  await fc.assert(fc.asyncProperty(fc.constantFrom(...writes), body, async ([method, path], text) => {
    const response = await gateway.send(path, { method, headers: { 'content-type': 'application/json' }, body: text });
    if (response.status >= 400) await problemOf(response);
    else await response.arrayBuffer();
    expect(response.status).toBeLessThan(500);
  }), { numRuns: 400 });
});

test('G2 whatever the address or the query, the answer is never 5xx', async () => {
  const paths = fc.constantFrom(
    '/api/sessions', '/api/payments', '/api/sessions/', '/api/payments/status/', '/api/payments/qr/', '/api/reports/', '/api/reports/session/', '/',
  );
  await fc.assert(fc.asyncProperty(paths, fc.webPath(), fc.webQueryParameters(), async (path, rest, query) => {
    const response = await gateway.send(`${path}${rest.replace(/^\/+/, '')}?${query}`);
    await response.arrayBuffer();
    expect(response.status).toBeLessThan(500);
  }), { numRuns: 300 });
});
