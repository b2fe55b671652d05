import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Session } from '@kiosk/contracts/sessions/v1/sessions';
import { failure, hourMs, startFixture, startOfTest, type Fixture } from './testing.ts';

let fixture: Fixture;
beforeAll(async () => { fixture = await startFixture(); });
afterAll(async () => { await fixture[Symbol.asyncDispose](); });

const get = async (sessionId: string): Promise<Session> => (await fixture.client.getSession({ sessionId })).session!;

test('a session opens with what the kiosk says, normalised', async () => {
  const session = await fixture.open({
    type: 'SESSION_TYPE_DIAGNOSTICS', contact: { email: ' Ivan@Example.RU', phone: '8 (900) 123-45-67' }, metadataJson: '{"place": "Тверь", "n": 1.50}', ttlMs: 60_000, kioskId: 'kiosk-7',
  });
  expect(session).toEqual({
    id: expect.stringMatching(/^ses_[0-9a-z]{26}$/), type: 'SESSION_TYPE_DIAGNOSTICS', status: 'SESSION_STATUS_ACTIVE',
    contact: { email: 'ivan@example.ru', phone: '+79001234567' }, metadataJson: '{"place":"Тверь","n":1.5}', kioskId: 'kiosk-7', failureReason: undefined,
    createdAt: new Date(startOfTest), updatedAt: new Date(startOfTest), completedAt: undefined, expiresAt: new Date(startOfTest + 60_000),
  });
  expect(await get(session.id)).toEqual(session);
});

test('a session opens without anything but its type, for the setting\'s time', async () => {
  const session = await fixture.open();
  expect(session).toMatchObject({ contact: {}, metadataJson: '{}', kioskId: undefined, expiresAt: new Date(startOfTest + hourMs) });
});

test.each<[string, Parameters<Fixture['open']>[0], string, string]>([
  ['no type', { type: 'SESSION_TYPE_UNSPECIFIED' }, 'invalid_type', 'type'],
  ['a type from the future', { type: 99 as never }, 'invalid_type', 'type'],
  ['a bad e-mail address', { contact: { email: 'nobody' } }, 'invalid_email', 'contact.email'],
  ['a bad phone number', { contact: { phone: '12' } }, 'invalid_phone', 'contact.phone'],
  ['metadata that is no object', { metadataJson: '[1]' }, 'invalid_metadata', 'metadata'],
  ['broken metadata', { metadataJson: '{' }, 'invalid_metadata', 'metadata'],
  ['large metadata', { metadataJson: `{"a":"${'x'.repeat(17_000)}"}` }, 'metadata_too_large', 'metadata'],
  ['deep metadata', { metadataJson: `{"a":${'['.repeat(2000)}${']'.repeat(2000)}}` }, 'metadata_too_deep', 'metadata'],
  ['a short time to live', { ttlMs: 999 }, 'invalid_ttl', 'ttlMs'],
  ['a long time to live', { ttlMs: 86_400_001 }, 'invalid_ttl', 'ttlMs'],
  ['no time to live', { ttlMs: 0 }, 'invalid_ttl', 'ttlMs'],
  ['a bad kiosk id', { kioskId: 'a b' }, 'invalid_kiosk_id', 'kioskId'],
])('G2 a session with %s is refused, names the field and leaves nothing behind', async (_, request, reason, path) => {
  const rows = () => fixture.sql('SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM audit_logs) AS audit');
  const before = await rows();
  expect(await failure(fixture.open(request))).toMatchObject({ kind: 'invalid', reason, errors: [{ path }] });
  expect(await rows()).toEqual(before);
});

test.each(['', 'ses_none', 'pay_01hv3', '../etc/passwd', 'ses_\u0000', '\'; DROP TABLE sessions; --'])('the session %j is not found', async (sessionId) => {
  const { client } = fixture;
  const calls = [
    client.getSession({ sessionId }), client.updateSession({ sessionId, contact: {} }), client.completeSession({ sessionId }),
    client.expireSession({ sessionId }), client.failSession({ sessionId, reason: 'x' }),
  ];
  for (const call of calls) expect(await failure(call)).toMatchObject({ kind: 'not_found', reason: 'session_not_found' });
});

test('an update merges metadata and contact, and moves updatedAt only', async () => {
  const { client, clock } = fixture;
  const session = await fixture.open({ contact: { email: 'a@b.ru' }, metadataJson: '{"a":1,"b":{"c":2}}' });
  clock.now += 1000;
  const { session: changed } = await client.updateSession({ sessionId: session.id, contact: { phone: '89001234567' }, metadataPatchJson: '{"b":{"d":3},"a":null}' });
  expect(changed).toEqual({
    ...session, contact: { email: 'a@b.ru', phone: '+79001234567' }, metadataJson: '{"b":{"c":2,"d":3}}', updatedAt: new Date(clock.now),
  });
  const { session: cleared } = await client.updateSession({ sessionId: session.id, contact: { email: '' } });
  expect(cleared).toMatchObject({ contact: { phone: '+79001234567' }, metadataJson: '{"b":{"c":2,"d":3}}' });
  expect(await get(session.id)).toEqual(cleared);
});

test.each<[string, { contact?: object; metadataPatchJson?: string }, string]>([
  ['a bad contact beside good metadata', { contact: { email: 'x' }, metadataPatchJson: '{"a":2}' }, 'invalid_email'],
  ['bad metadata beside a good contact', { contact: { email: 'c@d.ru' }, metadataPatchJson: '7' }, 'invalid_metadata'],
  ['metadata that together is too large', { metadataPatchJson: `{"b":"${'x'.repeat(10_000)}"}` }, 'metadata_too_large'],
])('an update with %s changes nothing', async (_, request, reason) => {
  const session = await fixture.open({ contact: { email: 'a@b.ru' }, metadataJson: `{"a":"${'x'.repeat(10_000)}"}` });
  fixture.clock.now += 1000;
  expect(await failure(fixture.client.updateSession({ sessionId: session.id, ...request }))).toMatchObject({ kind: 'invalid', reason });
  expect(await get(session.id)).toEqual(session);
});

const ends = {
  completed: (sessionId: string) => fixture.client.completeSession({ sessionId, metadataPatchJson: '{"done":true}' }),
  expired: (sessionId: string) => fixture.client.expireSession({ sessionId }),
  failed: (sessionId: string) => fixture.client.failSession({ sessionId, reason: ' сканер не отвечает ' }),
};
type End = keyof typeof ends;
const names = Object.keys(ends) as End[];

test.each(names)('S1 a session that is %s says so and stays so, and the same again answers the same', async (end) => {
  const { clock, client } = fixture;
  const session = await fixture.open();
  clock.now += 90_000;
  const { session: ended } = await ends[end](session.id);
  expect(ended).toEqual({
    ...session,
    status: `SESSION_STATUS_${end.toUpperCase()}`,
    updatedAt: new Date(clock.now),
    metadataJson: end === 'completed' ? '{"done":true}' : '{}',
    completedAt: end === 'completed' ? new Date(clock.now) : undefined,
    failureReason: end === 'failed' ? 'сканер не отвечает' : undefined,
  });
  clock.now += 1000;
  expect((await ends[end](session.id)).session).toEqual(ended);
  const refusals = [client.updateSession({ sessionId: session.id, contact: { email: 'a@b.ru' } }), ...names.filter((name) => name !== end).map((name) => ends[name](session.id))];
  for (const refusal of refusals) expect(await failure(refusal)).toMatchObject({ kind: 'conflict', reason: 'session_final' });
  expect(await get(session.id)).toEqual(ended);
  const audit = await fixture.sql('SELECT event FROM audit_logs WHERE entity_id = ? ORDER BY id', session.id);
  expect(audit.map(({ event }) => event)).toEqual(['session.created', `session.${end}`]);
});

test.each(names.flatMap((from) => ['active', ...names].filter((to) => to !== from).map((to) => [from, to] as const)))(
  'S1 the database itself refuses %s → %s',
  async (from, to) => {
    const { id } = await fixture.open();
    await ends[from](id);
    await expect(fixture.sql(
      `UPDATE sessions SET status = ?, completed_at = ${to === 'completed' ? '1' : 'NULL'}, failure_reason = ${to === 'failed' ? '\'x\'' : 'NULL'} WHERE id = ?`, to, id,
    )).rejects.toThrow('a final session stays as it is');
  },
);

test.each(['id = \'ses_x\'', 'type = \'diagnostics\'', 'kiosk_id = \'other\'', 'created_at = created_at + 1', 'expires_at = expires_at + 1'])('the database itself refuses SET %s', async (set) => {
  const { id } = await fixture.open();
  await expect(fixture.sql(`UPDATE sessions SET ${set} WHERE id = ?`, id)).rejects.toThrow('what a session is never changes');
});

test('the audit is append-only', async () => {
  await expect(fixture.sql('UPDATE audit_logs SET event = \'nothing\'')).rejects.toThrow('the audit is append-only');
});

test.each(['', ' ', 'x'.repeat(201), 'a\nb'])('a failure for the reason %j is refused', async (reason) => {
  const { id } = await fixture.open();
  expect(await failure(fixture.client.failSession({ sessionId: id, reason }))).toMatchObject({ kind: 'invalid', reason: 'invalid_reason' });
  expect((await get(id)).status).toBe('SESSION_STATUS_ACTIVE');
});
