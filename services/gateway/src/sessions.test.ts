import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { SessionStatus, SessionType } from '@kiosk/contracts/sessions/v1/sessions';
import { Fault } from '@kiosk/fault';
import { readConfig } from './config.ts';
import { aSession, problemOf, sessionId, startTestGateway, type TestGateway } from './testing.ts';

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

const masked = { ...json, contact: { email: 'a***@example.com' } };

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
    { sessionId, contact: { email: '', phone: '', consent: { textVersion: '' } }, metadataPatchJson: undefined },
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
  expect(await (await gateway.send(`/api/sessions?${query.toString()}`)).json()).toEqual({ sessions: [masked, masked], count: 2, nextCursor: sessionId });
  await gateway.send('/api/sessions');
  expect(gateway.asked.map(({ request }) => request)).toEqual([
    {
      type: SessionType.SESSION_TYPE_THICKNESS, status: SessionStatus.SESSION_STATUS_EXPIRED, kioskId: 'k-1',
      createdFrom: new Date('2026-11-23T09:00:00Z'), createdTo: new Date('2026-11-24T00:00:00Z'), limit: 2, cursor: sessionId,
    },
    { type: SessionType.SESSION_TYPE_UNSPECIFIED, status: SessionStatus.SESSION_STATUS_UNSPECIFIED, limit: 0, cursor: '' },
  ]);
});

test('X2 a contact is shown in full to the kiosk that says it and to an operator who reads one session, and masked to everybody else', async () => {
  const contact = { email: 'canary@example.com', phone: '+79001234567', consent: { textVersion: 'offer-1', at: new Date('2026-11-23T08:59:00Z') } };
  const session = async () => ({ session: { ...aSession, contact } });
  const [kiosk, operator] = ['kiosk-one-key-1111', 'operator-key-1111'] as const;
  const { keys } = readConfig({ KIOSK_API_KEYS: `k-1:${kiosk}`, OPERATOR_API_KEYS: `anna:${operator}` });
  await using both = await startTestGateway({
    config: { keys },
    sessions: {
      createSession: session, updateSession: session, getSession: session, completeSession: session, expireSession: session, failSession: session,
      listSessions: async () => ({ sessions: [{ ...aSession, contact }], nextCursor: '' }),
    },
  });
  const shown = async (key: string, method: string, path: string, body?: object): Promise<unknown> => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const answer = await (await both.send(path, { method, headers, body: body && JSON.stringify(body) })).json() as { contact?: unknown; sessions?: { contact: unknown }[] };
    return answer.contact ?? answer.sessions?.[0]?.contact;
  };
  const full = { email: 'canary@example.com', phone: '+79001234567', consent: { textVersion: 'offer-1', at: '2026-11-23T08:59:00.000Z' } };
  const hidden = { ...full, email: 'c***@example.com', phone: '+7900***4567' };
  const one = `/api/sessions/${sessionId}`;
  expect(await shown(kiosk, 'POST', '/api/sessions', { type: 'thickness', contact: full })).toEqual(full);
  expect(await shown(kiosk, 'PATCH', one, { contact: { phone: '89001234567' } })).toEqual(full);
  for (const [method, path, body] of [['GET', one, undefined], ['POST', `${one}/complete`, {}], ['POST', `${one}/expire`, {}], ['POST', `${one}/fail`, { reason: 'x' }]] as const) {
    expect(await shown(kiosk, method, path, body)).toEqual(hidden);
    expect(await shown(operator, method, path, body)).toEqual(full);
  }
  for (const key of [kiosk, operator]) expect(await shown(key, 'GET', '/api/sessions')).toEqual(hidden);
});

test('X4 erasing asks sessions first and then everybody else, and says who could not', async () => {
  expect((await gateway.send(`/api/sessions/${sessionId}`, { method: 'DELETE' })).status).toBe(204);
  expect(gateway.asked.map(({ method }) => method)).toEqual(['eraseSession', 'eraseSession', 'eraseSessionReports']);
  const away = async () => {
    throw new Fault({ kind: 'unavailable', reason: 'payments_unavailable', message: 'The payments service does not answer.' });
  };
  await using one = await startTestGateway({ payments: { eraseSession: away } });
  const refused = await one.send(`/api/sessions/${sessionId}`, { method: 'DELETE' });
  expect([refused.status, (await problemOf(refused))['reason']]).toEqual([503, 'payments_unavailable']);
  expect(one.asked.map(({ method }) => method)).toContain('eraseSessionReports');
  const unknown = async () => ({ known: false });
  await using none = await startTestGateway({ sessions: { eraseSession: unknown }, payments: { eraseSession: unknown }, reporting: { eraseSessionReports: async () => ({ known: false, erased: 0 }) } });
  expect((await none.send(`/api/sessions/${sessionId}`, { method: 'DELETE' })).status).toBe(404);
});
