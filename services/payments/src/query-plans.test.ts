/** The store's own queries, as they are sent, explained by the database: none walks a table, and none sorts what an index has in order. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase, type Database } from '@kiosk/database';
import { Changes, createLog, createMetrics } from '@kiosk/service';
import { sql, type CompiledQuery, type Kysely, type KyselyPlugin } from 'kysely';
import { join } from 'node:path';
import { createEvents } from './events.ts';
import { createDevPsp } from './psp-dev.ts';
import { RefundStore } from './refund-store.ts';
import { Store } from './store.ts';
import type { Origin, Rows, Tables } from './tables.ts';
import { migrations, startClock, temporaryFolder } from './testing.ts';
import { anIntent } from './testing-nouns.ts';
import { UnfinishedStore } from './unfinished-store.ts';

const { now } = startClock();
const folder = temporaryFolder();
const origin: Origin = { requestId: 'test', caller: { role: 'operator', name: 'olga' } };
let database: Database<Tables>;
let sent: CompiledQuery[] = [];
let store: Store;
let refunds: RefundStore;
let psp: ReturnType<typeof createDevPsp>;
let unfinished: UnfinishedStore;

/** Notes each query on its way. */
function recording(db: Kysely<Tables>): Kysely<Tables> {
  const plugin: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      sent.push(db.getExecutor().compileQuery(node, queryId));
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return Object.assign(db.withPlugin(plugin), {
    // Statements come compiled.
    executeQuery: (query: CompiledQuery) => {
      sent.push(query);
      return db.executeQuery(query);
    },
  }) as Kysely<Tables>;
}

beforeAll(async () => {
  database = await openDatabase<Tables>({ path: join(folder.path, 'payments.sqlite'), migrations, onFatal: () => {} });
  const rows: Rows = {
    read: recording(database.read),
    transaction: (work) => database.transaction((tx) => work({ ...tx, db: recording(tx.db) })),
  };
  const events = createEvents({ log: createLog({ service: 'test', level: 'silent' }), metrics: createMetrics({ service: 'test' }), changes: new Changes(), now, env: 'DEV' });
  psp = createDevPsp({ rows, now, autoConfirmDelayMs: 2000 });
  refunds = new RefundStore({ rows, events, psp });
  unfinished = new UnfinishedStore({ rows });
  store = new Store({ rows, events, refunds, serveCheckDelayMs: 900_000 });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  folder.remove();
});

/** The plan of every query that `run` sends, one line for each step. */
async function plansOf(run: () => Promise<unknown>): Promise<string[]> {
  sent = [];
  await run();
  const plans: string[] = [];
  // A new parent's look for children is planned, and skipped unless a foreign key is violated just then.
  await sql`PRAGMA foreign_keys = OFF`.execute(database.read);
  for (const { sql: statement, parameters, query, queryId } of sent) {
    const { rows } = await database.read.executeQuery<{ detail: string }>({ sql: `EXPLAIN QUERY PLAN ${statement}`, parameters, query, queryId });
    plans.push(...rows.map(({ detail }) => detail));
  }
  expect(plans.length).toBeGreaterThan(0);
  return plans;
}

// The audit is read from its ends, a few rows each time, which SQLite calls a scan.
const bad = /^SCAN (?!audit_)|USE TEMP B-TREE/;
const at = now();
const page = { limit: 51 };
const key = { caller: 'kiosk:1', key: 'k', bodySha256: 'x' };

describe('no query walks a table', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['what is due at the PSP', () => store.claimDue({ now: at, leaseMs: 45_000, limit: 8 })],
    ['what is overdue', () => store.expireDue(at, origin)],
    ['claims to release at the start', () => store.releaseClaims(at)],
    ['what is too old to keep', () => store.deleteOld({ auditBefore: at, keysBefore: at, now: at })],
    ['a key’s answer', () => store.replay(key, at)],
    ['one by its PSP payment', () => store.findByPspId('dev_1', at)],
    ['what a session’s watcher sees', () => store.listOfSession('ses_1', 'kiosk-1', at)],
    ['the payment of a session', () => store.findConfirmed('ses_1')],
    ['the list of a session', () => store.list({ ...page, sessionId: 'ses_1' }, at)],
    ['the list of a session’s pending ones', () => store.list({ ...page, sessionId: 'ses_1', status: 'pending' }, at)],
    ['the list of a session’s expired ones', () => store.list({ ...page, sessionId: 'ses_1', status: 'expired' }, at)],
    ['the list of a kiosk', () => store.list({ ...page, kioskId: 'kiosk-1' }, at)],
    ['the list of a kiosk, from a cursor on', () => store.list({ ...page, kioskId: 'kiosk-1', after: 'pay_1' }, at)],
    ['the list of a kiosk’s session', () => store.list({ ...page, kioskId: 'kiosk-1', sessionId: 'ses_1' }, at)],
    ['the list of confirmed ones', () => store.list({ ...page, status: 'confirmed' }, at)],
    ['the list of failed ones of a day', () => store.list({ ...page, status: 'failed', createdFrom: at - 86_400_000, createdTo: at }, at)],
    ['the list of all of a day', () => store.list({ ...page, createdFrom: at - 86_400_000, createdTo: at }, at)],
    ['the list of all from a cursor on', () => store.list({ ...page, after: 'pay_1' }, at)],
    ['refunds that are due', () => refunds.claimDue({ now: at, leaseMs: 45_000, limit: 8 })],
    ['refunds to release at the start', () => refunds.releaseClaims(at)],
    ['the metric of requests with an unknown outcome', () => unfinished.unknown(at)],
    ['the metric of pending receipts', () => unfinished.oldestPendingReceipt()],
    ['the metric of anomalies', () => unfinished.anomalies(at - 86_400_000)],
    ['the development PSP’s payment', () => psp.getPayment('dev_1').catch(() => {})],
  ])('%s', async (_, run) => {
    expect((await plansOf(run)).filter((step) => bad.test(step))).toEqual([]);
  });

  test('an intent’s whole way: made, sent, asked, paid', async () => {
    const intent = anIntent({ createdAt: at, pspRequest: psp.freezePayment({ ...anIntent(), id: 'pay_x' }) });
    const plans = await plansOf(async () => {
      await store.open(intent, { key, origin, now: at });
      await store.claimSubmission(intent.id, { now: at, leaseMs: 45_000 });
      const payment = await psp.createPayment({ key: intent.id, body: psp.freezePayment(intent) });
      await store.settle(intent.id, payment, { psp, source: 'submit', now: at, origin });
      await store.claimDue({ now: at + 2000, leaseMs: 45_000, limit: 8 });
      await store.settle(intent.id, { ...payment, status: 'succeeded', paid: true }, { psp, source: 'poll', now: at + 2000, origin });
      await store.get(intent.id, undefined, at + 2000);
    });
    expect(plans.filter((step) => bad.test(step))).toEqual([]);
  });

  test('the metric of open payments counts those that are live', async () => {
    expect(await plansOf(() => unfinished.open(at))).toEqual(['SEARCH intents USING INDEX intents_due (status=? AND expires_at>?)', 'USE TEMP B-TREE FOR GROUP BY']);
  });

  test('the metric of payments without a report reads those of the span', async () => {
    expect((await plansOf(() => unfinished.unserved({ from: at - 86_400_000, to: at })))[0]).toBe('SEARCH intents USING INDEX intents_by_psp_time (psp_created_at>? AND psp_created_at<?)');
  });

  test('the metric of pending refunds reads the oldest and stops', async () => {
    expect(await plansOf(() => unfinished.oldestPendingRefund())).toEqual(['SCAN refunds USING COVERING INDEX refunds_pending']);
  });

  test('the metric of reconciliations reads the newest days and stops', async () => {
    expect(await plansOf(() => unfinished.reconciled(3))).toEqual(['SCAN reconciliations']);
  });

  test('the list of everything walks the primary key backwards and stops after its page', async () => {
    expect(await plansOf(() => store.list(page, at))).toEqual(['SCAN intents']);
  });

  test('the list of all pending ones sorts those that are live, and that of expired ones those that nobody has recorded yet', async () => {
    expect(await plansOf(() => store.list({ ...page, status: 'pending' }, at))).toEqual(['SEARCH intents USING INDEX intents_due (status=? AND expires_at>?)', 'USE TEMP B-TREE FOR ORDER BY']);
    expect(await plansOf(() => store.list({ ...page, status: 'expired' }, at))).toEqual(expect.arrayContaining([
      'MERGE (UNION ALL)',
      'LEFT', 'SEARCH intents USING INDEX intents_by_status (status=?)',
      'RIGHT', 'SEARCH intents USING INDEX intents_due (status=? AND expires_at<?)', 'USE TEMP B-TREE FOR ORDER BY',
    ]));
  });
});
