import { expect, test } from '@jest/globals';
import { failure, kiosk, startFixture, startOfTest, type Fixture } from './testing.ts';

const verbs = {
  created: (fixture: Fixture) => fixture.client.createSession({ type: 'SESSION_TYPE_THICKNESS', idempotencyKey: '', metadataJson: '' }),
  updated: (fixture: Fixture, sessionId: string) => fixture.client.updateSession({ sessionId, contact: { email: 'new@example.com' } }),
  completed: (fixture: Fixture, sessionId: string) => fixture.client.completeSession({ sessionId }),
  expired: (fixture: Fixture, sessionId: string) => fixture.client.expireSession({ sessionId }),
  failed: (fixture: Fixture, sessionId: string) => fixture.client.failSession({ sessionId, reason: 'x' }),
  expiredBySweep: (fixture: Fixture) => {
    fixture.clock.now += 86_400_000;
    return fixture.service().sweep();
  },
};

test.each(Object.keys(verbs) as (keyof typeof verbs)[])('P13 where the audit of %s cannot be written, nothing has happened', async (verb) => {
  await using fixture = await startFixture();
  const { id } = await fixture.open();
  const rows = () => Promise.all([fixture.sql('SELECT * FROM sessions ORDER BY id'), fixture.sql('SELECT * FROM audit_logs ORDER BY id')]);
  const before = await rows();
  await fixture.sql('CREATE TRIGGER no_audit BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(ABORT, \'canary\'); END');
  const error = await failure(verbs[verb](fixture, id) as Promise<unknown>);
  expect(await rows()).toEqual(before);
  // The sweep's error stays in the process; a caller hears none of its words.
  expect((error as Error).message).toBe(verb === 'expiredBySweep' ? 'canary' : 'Internal error.');
  for (const total of ['created', 'completed', 'expired']) expect(await fixture.metric(`sessions_${total}_total{type="thickness"}`)).toBe(total === 'created' ? 1 : 0);
  expect(fixture.log.join('')).not.toContain('session ended');

  await fixture.sql('DROP TRIGGER no_audit');
  await verbs[verb](fixture, id);
  expect(await rows()).not.toEqual(before);
});

test('who did what is audited, the contact is named and never shown', async () => {
  await using fixture = await startFixture();
  const call = { requestId: 'req-1', caller: { role: 'kiosk', name: 'kiosk-7', ip: '10.0.0.5', userAgent: 'Kiosk/1.0' } } as const;
  const { id } = await fixture.open({ contact: { email: 'canary@example.com' } }, call);
  await fixture.client.updateSession({ sessionId: id, contact: { email: '', phone: '89001234567' }, metadataPatchJson: '{"name":"canary"}' }, { ...call, requestId: 'req-2' });
  await fixture.client.completeSession({ sessionId: id }, { requestId: 'req-3' });
  const common = { at: startOfTest, entity_id: id, caller: 'kiosk:kiosk-7', ip: '10.0.0.5', user_agent: 'Kiosk/1.0' };
  expect(await fixture.sql('SELECT at, event, entity_id, json(details) AS details, request_id, caller, ip, user_agent FROM audit_logs ORDER BY id')).toEqual([
    { ...common, event: 'session.created', request_id: 'req-1', details: JSON.stringify({ type: 'thickness', kioskId: 'kiosk-7', expiresAt: startOfTest + 3_600_000 }) },
    { ...common, event: 'session.updated', request_id: 'req-2', details: JSON.stringify({ fields: ['contact.email', 'contact.phone', 'metadata'] }) },
    { at: startOfTest, entity_id: id, event: 'session.completed', request_id: 'req-3', caller: 'anonymous:', ip: null, user_agent: null, details: JSON.stringify({ from: 'active' }) },
  ]);
});

test('X2 no contact and no metadata reaches the log, the metrics or the audit', async () => {
  await using fixture = await startFixture();
  const { id } = await fixture.open({ contact: { email: 'canary@example.com', phone: '89001234567' }, metadataJson: '{"name":"canary"}' });
  await fixture.client.updateSession({ sessionId: id, contact: { email: 'canary2@example.com' } });
  await failure(fixture.client.updateSession({ sessionId: id, contact: { email: 'canary@@' } }));
  await fixture.sql('CREATE TRIGGER no_update BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, \'canary\'); END');
  await failure(fixture.client.completeSession({ sessionId: id }));
  await fixture.sql('DROP TRIGGER no_update');
  const metrics = await (await fetch(`http://127.0.0.1:${fixture.service().metricsPort}/metrics`)).text();
  const audit = JSON.stringify(await fixture.sql('SELECT * FROM audit_logs'));
  expect(fixture.log.some((line) => line.includes('a call failed'))).toBe(true);
  for (const text of [fixture.log.join(''), metrics, audit]) expect(text).not.toMatch(/canary|9001234567/);
});

test('every metric of sessions moves with what really happened', async () => {
  await using fixture = await startFixture();
  const { client, clock, metric } = fixture;
  expect(await metric('sessions_active{type="thickness"}')).toBe(0);
  const [a, b, c, d] = await Promise.all([fixture.open(), fixture.open(), fixture.open({ ttlMs: 60_000 }), fixture.open({ type: 'SESSION_TYPE_DIAGNOSTICS' })]);
  expect(await metric('sessions_created_total{type="thickness"}')).toBe(3);
  expect(await metric('sessions_created_total{type="diagnostics"}')).toBe(1);
  expect(await metric('sessions_active{type="thickness"}')).toBe(3);
  clock.now += 90_000;
  // Past its time, although no sweep has come.
  expect(await metric('sessions_active{type="thickness"}')).toBe(2);
  await client.completeSession({ sessionId: a.id });
  await client.completeSession({ sessionId: a.id });
  await client.expireSession({ sessionId: b.id });
  await client.failSession({ sessionId: d.id, reason: 'x' });
  await fixture.service().sweep();
  await fixture.service().sweep();
  expect(c.status).toBe('SESSION_STATUS_ACTIVE');
  expect(await metric('sessions_completed_total{type="thickness"}')).toBe(1);
  expect(await metric('sessions_expired_total{type="thickness"}')).toBe(2);
  expect(await metric('sessions_duration_seconds_sum{type="thickness",status="completed"}')).toBe(90);
  expect(await metric('sessions_duration_seconds_sum{type="thickness",status="expired"}')).toBe(150);
  expect(await metric('sessions_duration_seconds_count{type="diagnostics",status="failed"}')).toBe(1);
  expect(await metric('sessions_active{type="thickness"}')).toBe(0);
  expect(await metric('rpc_duration_seconds_count{side="server",method="kiosk.sessions.v1.Sessions/CompleteSession",code="OK"}')).toBe(2);
});

test('the buckets of a visit\'s duration go from a minute to an hour', async () => {
  await using fixture = await startFixture();
  const { id } = await fixture.open();
  await fixture.client.completeSession({ sessionId: id });
  const text = await (await fetch(`http://127.0.0.1:${fixture.service().metricsPort}/metrics`)).text();
  const bounds = [...text.matchAll(/sessions_duration_seconds_bucket\{le="([^"]+)"/g)].map(([, bound]) => bound);
  expect([bounds[0], bounds.at(-2), bounds.at(-1)]).toEqual(['60', '3600', '+Inf']);
});

test('S3 a kiosk neither reads nor changes another kiosk\'s session, and opens its own only', async () => {
  await using fixture = await startFixture();
  const { client } = fixture;
  const own = await fixture.open({ kioskId: 'kiosk-2' }, kiosk('kiosk-1'));
  expect(own.kioskId).toBe('kiosk-1');
  const nobodys = await fixture.open();
  for (const [session, name] of [[own, 'kiosk-2'], [own, ''], [nobodys, 'kiosk-1']] as const) {
    const call = kiosk(name);
    const sessionId = session.id;
    const calls = [
      client.getSession({ sessionId }, call), client.updateSession({ sessionId, contact: { email: 'a@b.ru' } }, call), client.completeSession({ sessionId }, call),
      client.expireSession({ sessionId }, call), client.failSession({ sessionId, reason: 'x' }, call),
    ];
    for (const refusal of calls) expect(await failure(refusal)).toMatchObject({ kind: 'not_found', reason: 'session_not_found', message: 'There is no such session.' });
    expect((await client.getSession({ sessionId })).session).toEqual(session);
  }
  expect((await client.completeSession({ sessionId: own.id }, kiosk('kiosk-1'))).session).toMatchObject({ status: 'SESSION_STATUS_COMPLETED' });
});
