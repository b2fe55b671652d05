import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { allRoutes, problemOf, sessionId, startTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

test.each(['/', '/api', '/api/nope', '/API/sessions', '/api/sessions/a/b/c', '/api/payments/qr/pay_1.gif'])('an unknown address (%s) is a 404 problem', async (path) => {
  const response = await gateway.send(path);
  expect(response.status).toBe(404);
  expect(await problemOf(response)).toMatchObject({ reason: 'route_not_found' });
});

test.each([
  ['PUT', '/api/sessions', 'POST, GET, HEAD'],
  ['OPTIONS', `/api/sessions/${sessionId}`, 'GET, HEAD, PATCH, DELETE'],
  ['GET', '/api/payments/intent', 'POST'],
  ['DELETE', '/metrics', 'GET, HEAD'],
  ['GET', '/api/reports/diagnostics', 'POST'],
  ['GET', '/api/payments/webhook', 'POST'],
])('another method (%s %s) is a 405 problem that names the allowed ones', async (method, path, allow) => {
  const response = await gateway.send(path, { method });
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe(allow);
  expect(await problemOf(response)).toMatchObject({ reason: 'method_not_allowed' });
});

test('every POST takes a key or is repeatable without one, so that a kiosk may ask each again', () => {
  const posts = allRoutes().filter(({ method, answers }) => method === 'post' && Object.keys(answers).length > 0);
  expect(posts.filter(({ idempotent, repeatable }) => Boolean(idempotent) === Boolean(repeatable)).map(({ path }) => path)).toEqual([]);
  expect(posts.filter(({ idempotent }) => idempotent).map(({ name }) => name)).toEqual([
    'createSession', 'createIntent', 'refundIntent', 'createDiagnosticsReport', 'createThicknessReport', 'deliverReport',
  ]);
});

test('a HEAD is answered as its GET, without the body', async () => {
  const response = await gateway.send(`/api/sessions/${sessionId}`, { method: 'HEAD' });
  expect(response.status).toBe(200);
  expect(Number(response.headers.get('content-length'))).toBeGreaterThan(100);
});

test('answers are not cached, not sniffed and say nothing about what runs here', async () => {
  const { headers } = await gateway.send(`/api/sessions/${sessionId}`);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.has('x-powered-by')).toBe(false);
  expect(headers.has('etag')).toBe(false);
});
