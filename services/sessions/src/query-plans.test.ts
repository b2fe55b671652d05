/** The store's own queries, as they are sent, explained by the database: none walks a table, and none sorts what an index has in order. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newId, openDatabase, type Database } from '@kiosk/database';
import { explain, growing, type Planner } from '@kiosk/database/testing-plans';
import { Changes, createLog, createMetrics } from '@kiosk/service';
import { mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ErasureStore } from './erasure-store.ts';
import { createEvents } from './events.ts';
import { openSession, type Session } from './session.ts';
import { Store, type ListFilter, type Origin, type Tables } from './store.ts';
import { dayMs, migrations } from './testing.ts';

const now = Date.UTC(2026, 6, 1);
const folder = mkdtempDisposableSync(join(tmpdir(), 'kiosk-sessions-'));
const origin: Origin = { requestId: 'test', caller: { role: 'operator', name: 'olga' } };
const key = { caller: 'kiosk:1', key: 'k', bodySha256: 'b'.repeat(64) };
let database: Database<Tables>;
let plansOf: Planner<Tables>['plansOf'];
let store: Store;
let erasures: ErasureStore;

beforeAll(async () => {
  database = await openDatabase<Tables>({ path: join(folder.path, 'sessions.sqlite'), migrations, onFatal: (error) => { throw error; } });
  const { rows, plansOf: explained } = explain(database);
  plansOf = explained;
  const log = createLog({ service: 'test', level: 'silent' });
  const events = createEvents({ log, metrics: createMetrics({ service: 'test' }), changes: new Changes(), now: () => now, countActive: async () => [] });
  store = new Store({ database: rows, events });
  erasures = new ErasureStore({ rows, events });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  folder.remove();
});

const opened = (at: number): Session =>
  openSession({ id: newId('ses', at), type: 'thickness', contact: { email: 'ivan@example.com' }, metadata: {}, ttlMs: 60_000, now: at, kioskId: 'kiosk-7' });
const page = { limit: 51 };
const aDay = { createdFrom: now - dayMs, createdTo: now };

describe('no query walks a table', () => {
  test('a session\'s whole way: opened, read, changed, overdue, kept for long enough, erased', async () => {
    const [session, erased] = [opened(now), opened(now + 1)];
    const plans = await plansOf(async () => {
      for (const each of [session, erased]) await store.open(each, { key: { ...key, key: each.id }, origin });
      await store.open(session, { key: { ...key, key: session.id }, origin });
      await store.get(session.id, 'kiosk-7', now);
      await store.change(session.id, { scope: undefined, now: now + 1, origin, change: (before) => ({ ...before, metadata: { a: 1 }, updatedAt: now + 1 }) });
      await erasures.erase(erased.id, { now: now + 1, origin });
      await erasures.finish({ askedBy: now + 1, now: now + 1 });
      expect(await store.expireDue(now + dayMs, origin)).toBe(1);
      expect(await erasures.eraseContacts({ before: now + dayMs, origin })).toBe(1);
      const old = now + 2 * dayMs;
      expect(await store.deleteOld({ unfinishedBefore: old, completedBefore: old, keysBefore: old, auditBefore: old, now: old })).toBe(2);
    });
    expect(plans.filter((step) => growing.test(step))).toEqual([]);
    for (const index of ['sessions_due (status=? AND expires_at<?)', 'sessions_old (status=? AND updated_at<?)', 'sessions_with_contact (updated_at<?)', 'idempotency_keys_by_time (created_at<?)']) {
      expect(plans).toContainEqual(expect.stringContaining(index));
    }
  });

  test.each<[string, Omit<ListFilter, 'limit'>]>([
    ['a type', { type: 'thickness' }], ['a kiosk', { kioskId: 'kiosk-7' }], ['what a kiosk completed', { kioskId: 'kiosk-7', status: 'completed' }],
    ['what failed', { status: 'failed' }], ['what was completed', { status: 'completed' }], ['what failed of a type', { status: 'failed', type: 'thickness' }], ['a day', aDay],
    ['what failed on a day', { status: 'failed', ...aDay }], ['a kiosk\'s day', { kioskId: 'kiosk-7', ...aDay }], ['all from a cursor on', { after: 'ses_01j00000000000000000000000' }],
  ])('the list of %s', async (_, filter) => {
    expect((await plansOf(() => store.list({ ...filter, ...page }, now))).filter((step) => growing.test(step))).toEqual([]);
  });

  test('the list of everything walks the primary key backwards and stops after its page', async () => {
    expect(await plansOf(() => store.list(page, now))).toEqual(['SCAN sessions']);
  });

  const live = ['SEARCH sessions USING INDEX sessions_due (status=? AND expires_at>?)', 'USE TEMP B-TREE FOR ORDER BY'];
  const unrecorded = ['SEARCH sessions USING INDEX sessions_due (status=? AND expires_at<?)', 'USE TEMP B-TREE FOR ORDER BY'];

  test.each<[string, Omit<ListFilter, 'limit'>]>([['all', {}], ['a type', { type: 'thickness' }], ['a kiosk', { kioskId: 'kiosk-7' }]])(
    'the list of active ones of %s sorts those that are live, and that of expired ones those that nobody has recorded yet', async (_, filter) => {
      expect(await plansOf(() => store.list({ ...filter, ...page, status: 'active' }, now))).toEqual(live);
      const [merge, left, ended, right, ...overdue] = await plansOf(() => store.list({ ...filter, ...page, status: 'expired' }, now));
      expect([merge, left, right, ...overdue]).toEqual(['MERGE (UNION ALL)', 'LEFT', 'RIGHT', ...unrecorded]);
      expect(ended).toMatch(/^SEARCH sessions USING INDEX sessions_by_(status|type|kiosk) \(.*status=\?/);
    },
  );

  test('the metric of active sessions counts those that are live', async () => {
    expect(await plansOf(() => store.countActive(now))).toEqual(['SEARCH sessions USING INDEX sessions_due (status=? AND expires_at>?)', 'USE TEMP B-TREE FOR GROUP BY']);
  });

  test('erasures are read from where the last reading ended, and those under way from their own index', async () => {
    expect(await plansOf(() => erasures.listAfter('era_1', 200))).toEqual(['SEARCH erasures USING PRIMARY KEY (id>?)']);
    expect(await plansOf(() => erasures.isUnfinished())).toEqual(['SCAN erasures USING INDEX erasures_unfinished']);
  });

  test('the audit of a session is a few rows, whatever type of them is asked for', async () => {
    const few = ['SEARCH audit_logs USING INDEX audit_logs_by_entity (entity_id=?)', 'USE TEMP B-TREE FOR ORDER BY'];
    expect(await plansOf(() => store.listAudit({ entityId: 'ses_1', ...page }))).toEqual(few);
    expect(await plansOf(() => store.listAudit({ entityId: 'ses_1', event: 'session.created', from: now, to: now + dayMs, ...page }))).toEqual(few);
  });
});
