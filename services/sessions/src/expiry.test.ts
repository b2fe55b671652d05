import { expect, test } from '@jest/globals';
import { openDatabase, verifyAudit } from '@kiosk/database';
import type { Fault } from '@kiosk/fault';
import { Changes, createLog, createMetrics } from '@kiosk/service';
import fc from 'fast-check';
import { sql } from 'kysely';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEvents } from './events.ts';
import { createSessions } from './sessions.ts';
import { Store, type Origin, type Tables } from './store.ts';
import { dayMs, failure, hourMs, migrations, startFixture, startOfTest } from './testing.ts';

test('S2 a read past its time says expired although the sweep has not come', async () => {
  await using fixture = await startFixture();
  const { client, clock } = fixture;
  const { id } = await fixture.open({ ttlMs: 60_000 });
  const get = async () => (await client.getSession({ sessionId: id })).session!;
  clock.now = startOfTest + 59_999;
  expect((await get()).status).toBe('SESSION_STATUS_ACTIVE');
  clock.now = startOfTest + 60_000;
  const late = await get();
  expect(late).toMatchObject({ status: 'SESSION_STATUS_EXPIRED', updatedAt: new Date(startOfTest + 60_000) });
  expect(await fixture.sql('SELECT status FROM sessions')).toEqual([{ status: 'active' }]);
  for (const call of [client.completeSession({ sessionId: id }), client.failSession({ sessionId: id, reason: 'x' }), client.updateSession({ sessionId: id, contact: { email: 'a@b.ru' } })]) {
    expect(await failure(call)).toMatchObject({ kind: 'conflict', reason: 'session_final' });
  }
  expect((await client.expireSession({ sessionId: id })).session).toEqual(late);

  clock.now += 5 * hourMs;
  await fixture.service().sweep();
  expect(await fixture.sql('SELECT status FROM sessions')).toEqual([{ status: 'expired' }]);
  expect(await get()).toEqual(late);
  expect(await fixture.sql('SELECT event, caller, request_id FROM audit_logs ORDER BY id')).toMatchObject([
    { event: 'session.created' }, { event: 'session.expired', caller: 'service:sessions', request_id: 'sweep' },
  ]);
});

test('S2 a session whose time passed while the service was down is expired at the first read', async () => {
  await using fixture = await startFixture();
  const { id } = await fixture.open({ ttlMs: 60_000 });
  const { id: living } = await fixture.open();
  await fixture.stop();
  fixture.clock.now += 60_000;
  await fixture.start();
  const { session } = await fixture.client.getSession({ sessionId: id });
  expect(session).toMatchObject({ status: 'SESSION_STATUS_EXPIRED', updatedAt: new Date(startOfTest + 60_000) });
  expect((await fixture.client.getSession({ sessionId: living })).session).toMatchObject({ status: 'SESSION_STATUS_ACTIVE' });
});

test('G5 the sweep of a start takes up what a long outage left, each session once', async () => {
  await using fixture = await startFixture();
  await Promise.all(Array.from({ length: 450 }, () => fixture.open({ ttlMs: 1000 })));
  await fixture.stop();
  fixture.clock.now += 60_000;
  await fixture.start();
  await fixture.service().sweep();
  expect(await fixture.sql('SELECT status, count(*) AS n FROM sessions GROUP BY status')).toEqual([{ status: 'expired', n: 450 }]);
  expect(await fixture.sql('SELECT count(*) AS n, count(DISTINCT entity_id) AS entities FROM audit_logs WHERE event = \'session.expired\'')).toEqual([{ n: 450, entities: 450 }]);
  expect(await fixture.metric('sessions_expired_total{type="thickness"}')).toBe(450);
});

test('D5 expired and failed sessions are kept 4 days, long enough for a text that comes back, completed ones 30 days, active ones whatever their age, the audit 90 days', async () => {
  await using fixture = await startFixture();
  const { client, clock } = fixture;
  const ids = { expired: '', failed: '', completed: '', active: '' };
  for (const name of Object.keys(ids) as (keyof typeof ids)[]) ids[name] = (await fixture.open({ ttlMs: dayMs })).id;
  await client.expireSession({ sessionId: ids.expired });
  await client.failSession({ sessionId: ids.failed, reason: 'x' });
  await client.completeSession({ sessionId: ids.completed });
  const left = async () => {
    await fixture.service().retain();
    const rows = (await fixture.sql('SELECT id FROM sessions')).map(({ id }) => id);
    return Object.entries(ids).filter(([, id]) => rows.includes(id)).map(([name]) => name);
  };
  clock.now = startOfTest + 4 * dayMs;
  expect(await left()).toEqual(['expired', 'failed', 'completed', 'active']);
  clock.now = startOfTest + 4 * dayMs + 1;
  expect(await left()).toEqual(['completed', 'active']);
  await fixture.service().sweep();
  expect(await left()).toEqual(['completed', 'active']);
  clock.now = startOfTest + 5 * dayMs + 1;
  expect(await left()).toEqual(['completed']);
  expect(await failure(client.getSession({ sessionId: ids.active }))).toMatchObject({ kind: 'not_found' });
  clock.now = startOfTest + 30 * dayMs + 1;
  expect(await left()).toEqual([]);
  expect(await fixture.sql('SELECT count(*) AS n FROM audit_logs')).toEqual([{ n: 8 }]);
  clock.now = startOfTest + 90 * dayMs + 1;
  await left();
  expect(await fixture.sql('SELECT id, event, json(details) AS details FROM audit_logs ORDER BY id')).toMatchObject([
    { id: 8, event: 'session.expired' }, { id: 9, event: 'audit.pruned', details: expect.stringMatching(/^{"upToId":7,"hash":"[0-9a-f]{64}","rows":7}$/) },
  ]);
  expect(verifyAudit(fixture.databasePath)).toEqual({ rows: 2, unchained: 0, head: { id: 9, hash: expect.any(String) } });
});

/** The verbs without the wire, so that a test decides when each of them reads the clock. */
async function startVerbs() {
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-sessions-'));
  const clock = { now: startOfTest };
  const database = await openDatabase<Tables>({
    path: join(folder, 'sessions.sqlite'), migrations, onFatal: (error) => { throw error; },
  });
  const changes = new Changes();
  const events = createEvents({ log: createLog({ service: 'sessions', level: 'silent' }), metrics: createMetrics({ service: 'sessions' }), changes, now: () => clock.now, countActive: async () => [] });
  const store = new Store({ database, events });
  return {
    clock, database, store, sessions: createSessions({ store, changes, now: () => clock.now, defaultTtlMs: hourMs, consentRequired: false }),
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const origin: Origin = { requestId: 'test', caller: { role: 'service', name: 'test' } };

test('S1 S2 a sweep and the kiosk\'s verbs at the last moment, in any order: exactly one wins, and all agree on which', async () => {
  await using verbs = await startVerbs();
  const { clock, database, store, sessions } = verbs;
  const order = fc.shuffledSubarray(['sweep', 'complete', 'fail', 'expire'] as const, { minLength: 2 });
  await fc.assert(fc.asyncProperty(order, fc.scheduler(), async (names, scheduler) => {
    clock.now = startOfTest;
    const { id, expiresAt } = await sessions.create({ idempotencyKey: '', type: 'thickness', metadataJson: '' }, origin);
    const run = {
      sweep: async () => { await store.expireDue(expiresAt, origin); return 'swept'; },
      complete: async () => (await sessions.complete(id, {}, origin)).status,
      fail: async () => (await sessions.fail(id, { reason: 'x' }, origin)).status,
      expire: async () => (await sessions.expire(id, origin)).status,
    };
    // Each answers with the state it has seen, or with the reason of its refusal.
    const answers = Promise.all(names.map(async (name) => {
      await scheduler.schedule(Promise.resolve(), name);
      clock.now = expiresAt - 1;
      return run[name]().then((status) => status as string, ({ reason }: Fault) => reason);
    }));
    await scheduler.waitAll();
    const results = await answers;
    const rows = await database.read.selectFrom('audit_logs').select('event').where('entity_id', '=', id).orderBy(sql`id`).execute();
    const final = (await sessions.get(id, origin)).status;
    expect(rows.map(({ event }) => event)).toEqual(['session.created', `session.${final}`]);
    for (const answer of results) expect(answer).toBe(['session_final', 'swept'].includes(answer) ? answer : final);
  }), { numRuns: 60 });
});
