import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Fault, type FaultKind } from '@kiosk/fault';
import { problemOf, sessionId, startTestGateway, type TestGateway } from './testing.ts';

let fails: unknown;
let gateway: TestGateway;
const read = () => gateway.send(`/api/sessions/${sessionId}`);

beforeAll(async () => {
  gateway = await startTestGateway({ sessions: { getSession: async () => Promise.reject(fails as Error) } });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

const kinds: [FaultKind, string, number][] = [
  ['invalid', 'invalid_email', 400],
  ['invalid', 'idempotency_key_reused', 422],
  ['unauthenticated', 'no_key', 401],
  ['payment_required', 'payment_required', 402],
  ['forbidden', 'dev_only', 403],
  ['not_found', 'session_not_found', 404],
  ['conflict', 'session_final', 409],
  ['exhausted', 'rate_limited', 429],
  ['internal', 'internal', 500],
  ['unimplemented', 'unimplemented', 501],
  ['unavailable', 'sessions_unavailable', 503],
  ['unavailable', 'pdf_queue_full', 503],
  ['deadline', 'deadline_exceeded', 504],
];

test.each(kinds)('G1 a fault of kind %s and reason %s is answered as a problem document with status %i', async (kind, reason, status) => {
  fails = new Fault({ kind, reason, message: 'Words for people.', errors: [{ path: 'a', message: 'b' }] });
  const response = await read();
  expect(response.status).toBe(status);
  const problem = await problemOf(response);
  expect(problem).toMatchObject({ type: `urn:kiosk:problem:${reason}`, title: expect.any(String), status, reason, requestId: response.headers.get('x-request-id') });
  expect(problem).toMatchObject(kind === 'internal' ? { detail: 'Internal error.' } : { detail: 'Words for people.', errors: [{ path: 'a', message: 'b' }] });
  expect(response.headers.has('retry-after')).toBe(['exhausted', 'unavailable', 'deadline'].includes(kind));
});

const later: [FaultKind, number][] = [['conflict', 1], ['exhausted', 2500], ['unavailable', 0]];
test.each(later)('P3 a fault of kind %s that names a time says so in whole seconds', async (kind, retryAfterMs) => {
  fails = new Fault({ kind, reason: 'later', message: 'Later.', retryAfterMs });
  expect((await read()).headers.get('retry-after')).toBe(String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
});

test('G1 an error that is no fault keeps its words to itself and is logged once with its stack and the request id', async () => {
  fails = Object.assign(new Error('SELECT secret FROM /srv/kiosk/sessions.sqlite'), { code: 'SQLITE_CORRUPT' });
  const before = gateway.log().length;
  const response = await read();
  const text = await response.text();
  expect(response.status).toBe(500);
  expect(JSON.parse(text)).toMatchObject({ reason: 'internal', detail: 'Internal error.' });
  expect(text + JSON.stringify([...response.headers])).not.toMatch(/SELECT|srv|SQLITE|\.ts/);
  const errors = gateway.log().slice(before).filter(({ level }) => level === 'error');
  expect(errors).toEqual([expect.objectContaining({
    requestId: response.headers.get('x-request-id'),
    route: '/api/sessions/:id',
    error: expect.objectContaining({ code: 'SQLITE_CORRUPT', stack: expect.stringContaining('at ') }),
  })]);
  expect(JSON.stringify(errors)).not.toContain('SELECT');
});

test.each([undefined, null, 'text', 42, { status: 418, message: 'secret' }, { status: '400' }])('whatever is thrown (%p) is answered', async (thrown) => {
  fails = thrown;
  const response = await read();
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(JSON.stringify(await problemOf(response))).not.toContain('secret');
});
