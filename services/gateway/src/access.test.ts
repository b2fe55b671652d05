import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import type { Route } from './route.ts';
import { allRoutes, problemOf, reportId, requestFor, sessionId, startTestGateway, type TestGateway } from './testing.ts';

const keyOf = { own: 'kiosk-one-key-1111', ownNext: 'kiosk-one-key-2222', other: 'kiosk-two-key-1111', operator: 'operator-key-1111' };
const { keys } = readConfig({
  KIOSK_API_KEYS: `k-1:${keyOf.own},k-1:${keyOf.ownNext},k-2:${keyOf.other}`, OPERATOR_API_KEYS: `anna:${keyOf.operator}`,
});

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ owner: 'k-1', config: { keys } });
});
beforeEach(() => void gateway.asked.splice(0));
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

function ask(route: Pick<Route, 'method' | 'path'>, headers: Record<string, string> = {}): Promise<Response> {
  const { address, init } = requestFor(route);
  return gateway.send(address, { ...init, headers: { 'content-type': 'application/json', ...headers } });
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const routes = allRoutes().map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const);
const of = (role: string) => routes.filter(([, { roles }]) => (roles as readonly string[]).includes(role));
const shutOut = [401, 403, 404];

test('only these need no key', () => {
  expect(of('public').map(([name]) => name)).toEqual([
    'GET /api/payments/qr/:id.svg', 'GET /api/payments/qr/:id.png', 'GET /r/:token', 'GET /check/:id', 'POST /api/payments/webhook',
    'POST /api/deliveries/callbacks/twilio', 'POST /api/deliveries/callbacks/sendgrid',
    'GET /health/live', 'GET /health/ready', 'GET /openapi.json', 'GET /docs',
  ]);
  expect(of('local').map(([name]) => name)).toEqual(['GET /metrics']);
});

test('only these are not for kiosks', () => {
  const others = routes.filter(([, { roles }]) => !(['kiosk', 'public'] as string[]).includes(roles[0]));
  expect(others.map(([name]) => name)).toEqual([
    'DELETE /api/sessions/:id', 'POST /api/payments/refund/:id', 'POST /api/reports/:id/deliver', 'POST /api/reports/:id/links/revoke', 'GET /api/deliveries', 'GET /api/audit',
    'GET /metrics',
  ]);
});

const notKeys: [what: string, headers: Record<string, string>, challenge: string][] = [
  ['no key', {}, 'Bearer realm="kiosk"'],
  ['a wrong key', bearer('kiosk-one-key-1112'), 'Bearer realm="kiosk", error="invalid_token"'],
  ['a name for a key', bearer('k-1'), 'Bearer realm="kiosk", error="invalid_token"'],
  ['a key with its name', { 'x-api-key': `k-1:${keyOf.own}` }, 'Bearer realm="kiosk", error="invalid_token"'],
  ['two keys in one header', { 'x-api-key': `${keyOf.own}, ${keyOf.own}` }, 'Bearer realm="kiosk", error="invalid_token"'],
  ['a password', { authorization: `Basic ${keyOf.own}` }, 'Bearer realm="kiosk"'],
];

test.each(notKeys)('S3 %s is 401 wherever a key is needed, and no service is asked', async (_what, headers, challenge) => {
  for (const [, route] of routes) {
    if (route.roles[0] === 'public') continue;
    // Behind a proxy that nobody named the client is not here.
    const response = await ask(route, { ...headers, 'x-forwarded-for': '203.0.113.7' });
    expect([route.path, response.status, response.headers.get('www-authenticate')]).toEqual([route.path, 401, challenge]);
    expect(await problemOf(response)).toMatchObject({ reason: 'unauthenticated' });
  }
  expect(gateway.asked).toEqual([]);
});

test.each([...of('public'), ...of('local')])('%s needs no key, and is not disturbed by a wrong one', async (_name, route) => {
  for (const headers of [{}, bearer('wrong'), bearer(keyOf.other)]) {
    expect(shutOut).not.toContain((await ask(route, headers)).status);
  }
});

test.each(of('kiosk'))('S3 %s: the kiosk whose it is may, another gets 404 or its own, the operator may', async (name, route) => {
  for (const key of [keyOf.own, keyOf.operator]) expect(shutOut).not.toContain((await ask(route, bearer(key))).status);
  gateway.asked.splice(0);
  const { status } = await ask(route, bearer(keyOf.other));
  const ownOnly = ['POST /api/sessions', 'GET /api/sessions', 'GET /api/payments'];
  expect(ownOnly.includes(name) ? [200, 201] : [404]).toContain(status);
  for (const { call } of gateway.asked) expect(call?.caller).toMatchObject({ role: 'kiosk', name: 'k-2' });
});

test.each(of('operator').filter(([, { roles }]) => roles[0] === 'operator'))('%s is the operator\'s alone', async (_name, route) => {
  for (const key of [keyOf.own, keyOf.other]) {
    const response = await ask(route, bearer(key));
    expect(response.status).toBe(403);
    expect(await problemOf(response)).toMatchObject({ reason: 'operator_only' });
  }
  expect(gateway.asked).toEqual([]);
  expect(shutOut).not.toContain((await ask(route, bearer(keyOf.operator))).status);
  for (const { call } of gateway.asked) expect(call?.caller).toMatchObject({ role: 'operator', name: 'anna' });
});

test('a key is taken from either header, and a kiosk that changes its key may use the old one and the new one', async () => {
  const headers: Record<string, string>[] = [
    bearer(keyOf.own), bearer(keyOf.ownNext), { 'x-api-key': keyOf.own }, { authorization: `bearer ${keyOf.own}` }, { authorization: 'Basic x', 'x-api-key': keyOf.own },
  ];
  for (const each of headers) await (await ask({ method: 'get', path: '/api/sessions/:id' }, each)).arrayBuffer();
  expect(gateway.asked.map(({ call }) => call?.caller?.name)).toEqual(headers.map(() => 'k-1'));
});

test('metrics are for this machine and for operators', async () => {
  const elsewhere = { 'x-forwarded-for': '203.0.113.7' };
  const statuses = await Promise.all([{}, elsewhere, { ...elsewhere, ...bearer(keyOf.own) }, { ...elsewhere, ...bearer(keyOf.operator) }]
    .map(async (headers) => (await ask({ method: 'get', path: '/metrics' }, headers)).status));
  expect(statuses).toEqual([200, 401, 403, 200]);
});

test('S3 a kiosk\'s session is that kiosk\'s, whatever it says; an operator says whose', async () => {
  for (const key of [keyOf.other, keyOf.operator]) await gateway.post('/api/sessions', { type: 'thickness', kioskId: 'k-9' }, { headers: bearer(key) });
  expect(gateway.asked.map(({ request }) => request)).toMatchObject([{ kioskId: 'k-2' }, { kioskId: 'k-9' }]);
});

test('X2 the log names who asked and never the key', async () => {
  for (const key of [...Object.values(keyOf), 'wrong-key-canary-1']) await (await ask({ method: 'get', path: '/api/sessions/:id' }, bearer(key))).arrayBuffer();
  const lines = gateway.log().filter(({ msg }) => msg === 'request');
  expect(lines.slice(-5).map(({ actor }) => actor)).toEqual(['kiosk:k-1', 'kiosk:k-1', 'kiosk:k-2', 'operator:anna', 'anonymous']);
  for (const key of [...Object.values(keyOf), 'wrong-key-canary-1']) expect(JSON.stringify(gateway.log())).not.toContain(key);
});

test('without keys everything is open, and nobody is anybody, whatever key is sent', async () => {
  await using open = await startTestGateway();
  expect((await open.send(`/api/sessions/${sessionId}`, { headers: bearer(keyOf.own) })).status).toBe(200);
  expect((await open.post(`/api/reports/${reportId}/deliver`, { email: 'a@example.com' })).status).toBe(202);
  expect(open.asked.map(({ call }) => call?.caller?.role)).toEqual(['anonymous', 'anonymous']);
});
