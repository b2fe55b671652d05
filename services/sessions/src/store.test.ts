import { expect, test } from '@jest/globals';
import { openDatabase, type Database, type Tx } from '@kiosk/database';
import { CompiledQuery, SqliteQueryCompiler, type KyselyPlugin, type RootOperationNode } from 'kysely';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Events } from './events.ts';
import { Store, type ListFilter, type Tables } from './store.ts';
import { migrations } from './testing.ts';

/** A store over an empty database, and how the database would run each query that the store has made. */
async function startStore() {
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-sessions-'));
  const database = await openDatabase<Tables>({
    path: join(folder, 'sessions.sqlite'), migrations, onFatal: (error) => { throw error; },
  });
  const built = new Map<unknown, RootOperationNode>();
  const queries: RootOperationNode[] = [];
  const recorder: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      built.set(queryId, node);
      return node;
    },
    // Subqueries are built as well, but not run by themselves.
    transformResult: async ({ result, queryId }) => {
      queries.push(built.get(queryId)!);
      return result;
    },
  };
  const recorded = {
    read: database.read.withPlugin(recorder),
    transaction: <T>(work: (tx: Tx<Tables>) => Promise<T>) => database.transaction((tx) => work({ ...tx, db: tx.db.withPlugin(recorder) })),
  } as unknown as Database<Tables>;
  const store = new Store({ database: recorded, events: {} as Events });
  return {
    store,
    async plans(run: (store: Store) => Promise<unknown>): Promise<string[]> {
      queries.length = 0;
      await run(store);
      const plans: string[] = [];
      // The audit's queries are texts, and proven in libs/database.
      for (const node of queries.splice(0).filter(Boolean)) {
        const { sql, parameters } = new SqliteQueryCompiler().compileQuery(node, { queryId: 'test' });
        const { rows } = await database.read.executeQuery<{ detail: string }>(CompiledQuery.raw(`EXPLAIN QUERY PLAN ${sql}`, [...parameters]));
        plans.push(rows.map(({ detail }) => detail).join('; '));
      }
      return plans;
    },
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const now = Date.UTC(2026, 6, 1);
const cursor = 'ses_01j00000000000000000000000';

test('the sweep, the retention and the gauge find their rows by index', async () => {
  await using database = await startStore();
  expect(await database.plans((store) => store.expireDue(now, { requestId: '', caller: { role: 'service', name: '' } }))).toEqual([
    expect.stringContaining('USING INDEX sessions_due (status=? AND expires_at<?)'),
  ]);
  const retention = await database.plans((store) => store.deleteOld({ unfinishedBefore: now, completedBefore: now, keysBefore: now, auditBefore: now, now }));
  expect(retention).toHaveLength(4);
  for (const plan of retention.slice(0, 3)) expect(plan).toContain('sessions_old (status=? AND updated_at<?)');
  expect(retention[3]).toContain('idempotency_keys_by_time (created_at<?)');
  for (const plan of retention) expect(plan).not.toContain('SCAN');
  expect(await database.plans((store) => store.countActive(now))).toEqual([expect.stringContaining('USING INDEX sessions_due (status=? AND expires_at>?)')]);
});

test.each<[string, Omit<ListFilter, 'limit'>]>([
  ['by type', { type: 'thickness' }], ['by kiosk', { kioskId: 'kiosk-7' }], ['by kiosk and status', { kioskId: 'kiosk-7', status: 'completed' }],
  ['of active ones', { status: 'active' }], ['of expired ones', { status: 'expired' }], ['of completed ones', { status: 'completed' }], ['of failed ones', { status: 'failed' }],
  ['of a time', { createdFrom: now, createdTo: now + 1 }], ['from a cursor on', { after: cursor }],
  ['by everything', { type: 'thickness', kioskId: 'kiosk-7', status: 'expired', createdFrom: now, createdTo: now + 1, after: cursor }],
])('a list %s scans no table', async (_, filter) => {
  await using database = await startStore();
  const [plan, ...more] = await database.plans((store) => store.list({ ...filter, limit: 51 }, now));
  expect(more).toEqual([]);
  expect(plan).toMatch(/SEARCH sessions USING/);
  expect(plan).not.toContain('SCAN');
});

test('a list of everything reads in the order of the ids and sorts nothing', async () => {
  await using database = await startStore();
  expect(await database.plans((store) => store.list({ limit: 51 }, now))).toEqual(['SCAN sessions']);
});
