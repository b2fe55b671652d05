import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { SessionStatus, SessionType } from '@kiosk/contracts/sessions/v1/sessions';
import { aSession, sessionId, startTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ sessions: { listSessions: async () => ({ sessions: [aSession, aSession], nextCursor: sessionId }) } });
});
beforeEach(() => void gateway.asked.splice(0));
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

const json = {
  id: sessionId, type: 'thickness', status: 'active', contact: { email: 'a@example.com' }, metadata: { seat: 1 },
  createdAt: '2026-11-23T09:00:00.123Z', updatedAt: '2026-11-23T09:00:00.123Z', expiresAt: '2026-11-23T09:00:00.123Z',
};

test('opening a session passes on what the kiosk says and answers 201 with the session', async () => {
  const response = await gateway.post('/api/sessions', {
    type: 'diagnostics', contact: { phone: '8 900 123-45-67' }, metadata: { ['__proto__']: 1, a: [null] }, ttlMs: 1000, kioskId: 'k-1',
  });
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual(json);
  expect(gateway.asked).toMatchObject([{
    method: 'createSession',
    request: {
      type: SessionType.SESSION_TYPE_DIAGNOSTICS, contact: { phone: '8 900 123-45-67' }, metadataJson: '{"__proto__":1,"a":[null]}', ttlMs: 1000, kioskId: 'k-1',
    },
  }]);
});

test('in a patch null removes, and what is absent stays', async () => {
  const path = `/api/sessions/${sessionId}`;
  const type = { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' } };
  expect(await (await gateway.post(path, { contact: { email: null }, metadata: { seat: null } }, type)).json()).toEqual(json);
  await gateway.post(path, { contact: null }, type);
  await gateway.post(path, {}, type);
  expect(gateway.asked.map(({ request }) => request)).toEqual([
    { sessionId, contact: { email: '', phone: undefined }, metadataPatchJson: '{"seat":null}' },
    { sessionId, contact: { email: '', phone: '' }, metadataPatchJson: undefined },
    { sessionId, contact: undefined, metadataPatchJson: undefined },
  ]);
});

test.each([
  ['complete', undefined, { method: 'completeSession', request: { sessionId } }],
  ['complete', { metadata: { a: 1 } }, { method: 'completeSession', request: { sessionId, metadataPatchJson: '{"a":1}' } }],
  ['expire', undefined, { method: 'expireSession', request: { sessionId } }],
  ['expire', {}, { method: 'expireSession', request: { sessionId } }],
  ['fail', { reason: 'no car' }, { method: 'failSession', request: { sessionId, reason: 'no car' } }],
])('a session ends by %s with %j', async (verb, body, asked) => {
  const path = `/api/sessions/${sessionId}/${verb}`;
  const response = body ? await gateway.post(path, body) : await gateway.send(path, { method: 'POST' });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(json);
  expect(gateway.asked).toMatchObject([asked]);
});

test('a list passes its filters on and tells how many it has and where it goes on', async () => {
  const query = new URLSearchParams({
    type: 'thickness', status: 'expired', kioskId: 'k-1', createdFrom: '2026-11-23T12:00:00+03:00', createdTo: '2026-11-24T00:00:00Z', limit: '2', cursor: sessionId,
  });
  expect(await (await gateway.send(`/api/sessions?${query.toString()}`)).json()).toEqual({ sessions: [json, json], count: 2, nextCursor: sessionId });
  await gateway.send('/api/sessions');
  expect(gateway.asked.map(({ request }) => request)).toEqual([
    {
      type: SessionType.SESSION_TYPE_THICKNESS, status: SessionStatus.SESSION_STATUS_EXPIRED, kioskId: 'k-1',
      createdFrom: new Date('2026-11-23T09:00:00Z'), createdTo: new Date('2026-11-24T00:00:00Z'), limit: 2, cursor: sessionId,
    },
    { type: SessionType.SESSION_TYPE_UNSPECIFIED, status: SessionStatus.SESSION_STATUS_UNSPECIFIED, limit: 0, cursor: '' },
  ]);
});
