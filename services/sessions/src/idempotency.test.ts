/** A kiosk that lost the answer opens its session again with the same key. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { dayMs, failure, hourMs, kiosk, startFixture, type Fixture } from './testing.ts';

let fixture: Fixture;
beforeAll(async () => { fixture = await startFixture(); });
afterAll(async () => { await fixture[Symbol.asyncDispose](); });

let idempotencyKey = '';
let tests = 0;
beforeEach(() => { idempotencyKey = `key ${++tests}`; });

const request = { type: 'SESSION_TYPE_THICKNESS', contact: { email: 'ivan@example.ru', phone: '8 900 123-45-67' }, metadataJson: '{"a":{"b":1,"c":[{"d":2,"e":3}]},"f":4}', ttlMs: 60_000 } as const;
const count = async (table: string): Promise<number> => Number((await fixture.sql(`SELECT count(*) AS n FROM ${table}`))[0]!['n']);

test('P3 thirty calls at once with one key open one session, and every answer names it', async () => {
  const before = [await count('sessions'), await count('audit_logs')];
  const answers = await Promise.all(Array.from({ length: 30 }, () => fixture.open({ ...request, idempotencyKey })));
  expect(answers).toEqual(answers.map(() => answers[0]));
  expect([await count('sessions'), await count('audit_logs')]).toEqual(before.map((n) => n + 1));
});

test('P1 the same key answers the session as it is now, after a restart too', async () => {
  const session = await fixture.open({ ...request, idempotencyKey });
  const { session: changed } = await fixture.client.updateSession({ sessionId: session.id, metadataPatchJson: '{"f":5}' });
  expect(await fixture.open({ ...request, idempotencyKey })).toEqual(changed);
  await fixture.stop();
  await fixture.start();
  fixture.clock.now += 60_000;
  expect(await fixture.open({ ...request, idempotencyKey })).toMatchObject({ id: session.id, status: 'SESSION_STATUS_EXPIRED' });
});

test.each<[string, Partial<Parameters<Fixture['open']>[0]>]>([
  ['another type', { type: 'SESSION_TYPE_DIAGNOSTICS' }],
  ['another e-mail address', { contact: { email: 'olga@example.ru', phone: '+79001234567' } }],
  ['no phone number', { contact: { email: 'ivan@example.ru' } }],
  ['other metadata', { metadataJson: '{"a":{"b":1,"c":[{"d":2,"e":"3"}]},"f":4}' }],
  ['another order of an array', { metadataJson: '{"a":{"b":1,"c":[{"e":3},{"d":2}]},"f":4}' }],
  ['another time to live', { ttlMs: 60_001 }],
  ['the usual time to live', { ttlMs: undefined }],
  ['another kiosk', { kioskId: 'k-9' }],
])('P2 the same key with %s is refused and opens nothing', async (_, changed) => {
  await fixture.open({ ...request, idempotencyKey });
  const before = await count('sessions');
  expect(await failure(fixture.open({ ...request, idempotencyKey, ...changed }))).toMatchObject({ kind: 'invalid', reason: 'idempotency_key_reused' });
  expect(await count('sessions')).toBe(before);
});

test.each<[string, Partial<Parameters<Fixture['open']>[0]>]>([
  ['order of names and white space', { metadataJson: ' {"f":4.0, "a" : {"c":[{"e":3,"d":2}],"b":1}} ' }],
  ['writing of a phone number and an address', { contact: { phone: '+7 (900) 1234567', email: ' Ivan@Example.RU ' } }],
])('P2 %s does not make another body', async (_, changed) => {
  const { id } = await fixture.open({ ...request, idempotencyKey });
  expect(await fixture.open({ ...request, idempotencyKey, ...changed })).toMatchObject({ id });
});

test('P4 a call that was refused has not used up its key', async () => {
  expect(await failure(fixture.open({ ...request, idempotencyKey, ttlMs: 1 }))).toMatchObject({ reason: 'invalid_ttl' });
  expect(await fixture.open({ ...request, idempotencyKey, ttlMs: 1000 })).toMatchObject({ status: 'SESSION_STATUS_ACTIVE' });
});

test('S3 two kiosks may use the same key', async () => {
  const [one, two] = await Promise.all(['k-1', 'k-2'].map((name) => fixture.open({ ...request, idempotencyKey }, kiosk(name))));
  expect([one!.kioskId, two!.kioskId]).toEqual(['k-1', 'k-2']);
});

test('without a key each call opens a session', async () => {
  const [one, two] = [await fixture.open(request), await fixture.open(request)];
  expect(one.id).not.toBe(two.id);
});

test('a key has at most 255 characters', async () => {
  expect(await failure(fixture.open({ ...request, idempotencyKey: 'x'.repeat(256) }))).toMatchObject({ kind: 'invalid', reason: 'invalid_idempotency_key' });
  await fixture.open({ ...request, idempotencyKey: 'x'.repeat(255) });
});

test('X4 once the contact is gone nothing is kept that it could be guessed from, and the key still answers', async () => {
  const session = await fixture.open({ ...request, idempotencyKey });
  await fixture.client.updateSession({ sessionId: session.id, contact: { email: '', phone: '' } });
  expect(await fixture.sql('SELECT body_sha256 FROM idempotency_keys WHERE session_id = ?', session.id)).toEqual([{ body_sha256: null }]);
  expect(await fixture.open({ ...request, idempotencyKey })).toMatchObject({ id: session.id, contact: {} });
});

test('a key goes with its session, and after a week at the latest', async () => {
  const { client, clock } = fixture;
  const ended = await fixture.open({ ...request, idempotencyKey });
  const completed = await fixture.open({ ...request, idempotencyKey: `${idempotencyKey} completed` });
  await client.completeSession({ sessionId: completed.id });
  const kept = async () => (await fixture.sql('SELECT session_id FROM idempotency_keys')).map((row) => row['session_id']);
  clock.now += hourMs;
  await fixture.service().sweep();
  await fixture.service().retain();
  expect(await kept()).toContain(ended.id);
  clock.now += 4 * dayMs;
  await fixture.service().retain();
  expect(await kept()).not.toContain(ended.id);
  expect(await kept()).toContain(completed.id);
  clock.now += 3 * dayMs;
  await fixture.service().retain();
  expect(await kept()).toEqual([]);
});
