/** The store's own queries, as they are sent, explained by the database: none walks a table, and none sorts what an index has in order. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase, type Database } from '@kiosk/database';
import { explain, growing, type Planner } from '@kiosk/database/testing-plans';
import { Changes, createLog, createMetrics } from '@kiosk/service';
import { join } from 'node:path';
import { ErasureStore } from './erasure-store.ts';
import { createEvents } from './events.ts';
import { createInbox, type Inbox } from './inbox.ts';
import { createDevPsp } from './psp-dev.ts';
import { createReconciliation } from './reconciliation.ts';
import { RefundStore } from './refund-store.ts';
import { createRefunds } from './refunds.ts';
import { createServiceWatch } from './service-watch.ts';
import { createSettlement } from './settlement.ts';
import { Store } from './store.ts';
import type { Origin, Tables } from './tables.ts';
import { migrations, startClock, temporaryFolder } from './testing.ts';
import { anIntent } from './testing-nouns.ts';
import { UnfinishedStore } from './unfinished-store.ts';

const { now } = startClock();
const folder = temporaryFolder();
const origin: Origin = { requestId: 'test', caller: { role: 'operator', name: 'olga' } };
let database: Database<Tables>;
let plansOf: Planner<Tables>['plansOf'];
let store: Store;
let refunds: RefundStore;
let psp: ReturnType<typeof createDevPsp>;
let unfinished: UnfinishedStore;
let inbox: Inbox;
let erasures: ErasureStore;
let serviceWatch: ReturnType<typeof createServiceWatch>;
let reconciliation: ReturnType<typeof createReconciliation>;

beforeAll(async () => {
  database = await openDatabase<Tables>({ path: join(folder.path, 'payments.sqlite'), migrations, onFatal: () => {} });
  const { rows, plansOf: explained } = explain(database);
  plansOf = explained;
  const log = createLog({ service: 'test', level: 'silent' });
  const events = createEvents({ log, metrics: createMetrics({ service: 'test' }), changes: new Changes(), now, env: 'DEV' });
  psp = createDevPsp({ rows, now, autoConfirmDelayMs: 2000 });
  refunds = new RefundStore({ rows, events, psp });
  unfinished = new UnfinishedStore({ rows });
  store = new Store({ rows, events, refunds, serveCheckDelayMs: 900_000 });
  const settlement = createSettlement({ store, psp, log, now, isSessionActive: async () => true });
  const refundsVerbs = createRefunds({ store: refunds, psp, log, now, submitWaitMs: 0, misconfigured: settlement.misconfigured });
  inbox = createInbox({ rows, store, refundStore: refunds, psp, settlement, refunds: refundsVerbs, events, now, allowedAddresses: undefined, wake: () => {} });
  erasures = new ErasureStore({ rows, events, store });
  serviceWatch = createServiceWatch({ rows, refunds, events, now, graceMs: 0, getSession: () => Promise.reject(new Error('not asked')) });
  reconciliation = createReconciliation({ rows, store, refundStore: refunds, psp, settlement, events, now });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  folder.remove();
});

const at = now();
const page = { limit: 51 };
const key = { caller: 'kiosk:1', key: 'k', bodySha256: 'x' };

describe('no query walks a table', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['what is to be made at the PSP', () => store.claimDue('make', { now: at, leaseMs: 45_000, limit: 8, besides: new Set() })],
    ['what is due at the PSP', () => store.claimDue('ask', { now: at, leaseMs: 45_000, limit: 8, besides: new Set() })],
    ['what is overdue', () => store.expireDue(at, origin)],
    ['claims to release at the start', () => store.releaseClaims(at)],
    ['what is too old to keep', () => store.deleteOld({ auditBefore: at, keysBefore: at, now: at })],
    ['old notifications', () => inbox.deleteOld(at)],
    ['what is kept of customers for too long', () => erasures.eraseOld({ before: at, now: at })],
    ['a session to erase', () => erasures.begin('ses_1', { now: at, origin })],
    ['the rest of it', () => erasures.erase('ses_1', at)],
    ['payments that may have got no report', () => serviceWatch.check()],
    ['a report that was made', () => serviceWatch.record({ sessionId: 'ses_1', reportId: 'rep_1' })],
    ['a day at the PSP', () => reconciliation.reconcile('2026-01-10')],
    ['days that are not reconciled', () => reconciliation.reconcileDaily()],
    ['the development PSP’s day', () => psp.listPayments({ createdFrom: at - 86_400_000, createdTo: at })],
    ['the development PSP’s refunds of a day', () => psp.listRefunds({ createdFrom: at - 86_400_000, createdTo: at })],
    ['a kiosk’s failed ones', () => store.list({ ...page, kioskId: 'kiosk-1', status: 'failed' }, at)],
    ['a refund by the PSP’s', () => refunds.findByPspId('dev_1')],
    ['the audit of a type', () => store.listAudit({ event: 'intent.created', limit: 50 })],
    ['the audit of a time', () => store.listAudit({ from: at - 1000, to: at, limit: 50 })],
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
    ['refunds that are due', () => refunds.claimDue({ now: at, leaseMs: 45_000, limit: 8, besides: new Set() })],
    ['refunds to release at the start', () => refunds.releaseClaims(at)],
    ['the metric of requests with an unknown outcome', () => unfinished.unknown(at)],
    ['the metric of pending receipts', () => unfinished.oldestPendingReceipt()],
    ['the metric of anomalies', () => unfinished.anomalies(at - 86_400_000)],
    ['the development PSP’s payment', () => psp.getPayment('dev_1').catch(() => {})],
  ])('%s', async (_, run) => {
    expect((await plansOf(run)).filter((step) => growing.test(step))).toEqual([]);
  });

  test('an intent’s whole way: made, sent, asked, paid, given back, erased', async () => {
    const intent = anIntent({ createdAt: at, pspRequest: psp.freezePayment({ ...anIntent(), id: 'pay_x' }) });
    const plans = await plansOf(async () => {
      await store.open(intent, { key, origin, now: at, leaseMs: 45_000 });
      await store.claimSubmission(intent.id, { now: at + 45_000, leaseMs: 45_000 });
      const payment = await psp.createPayment({ key: intent.id, body: psp.freezePayment(intent) });
      await store.settle(intent.id, payment, { psp, source: 'submit', now: at, origin });
      await store.claimDue('ask', { now: at + 2000, leaseMs: 45_000, limit: 8, besides: new Set() });
      await store.settle(intent.id, { ...payment, status: 'succeeded', paid: true }, { psp, source: 'poll', now: at + 2000, origin });
      await store.get(intent.id, undefined, at + 2000);
      await inbox.receive({ body: Buffer.from(JSON.stringify({ type: 'notification', event: 'payment.succeeded', object: { id: payment.id } })), sourceIp: '127.0.0.1' });
      await refunds.open({ intentId: intent.id, reason: 'test', key, origin, now: at + 2000 });
      await erasures.begin(intent.sessionId, { now: at + 2000, origin });
      await erasures.erase(intent.sessionId, at + 2000);
    });
    expect(plans.filter((step) => growing.test(step))).toEqual([]);
  });

  test('the metric of open payments counts those that are live', async () => {
    expect(await plansOf(() => unfinished.open(at))).toEqual(['SEARCH intents USING INDEX intents_due (status=? AND expires_at>?)', 'USE TEMP B-TREE FOR GROUP BY']);
  });

  test('the metric of payments without a report reads those of the span', async () => {
    expect((await plansOf(() => unfinished.unserved({ from: at - 86_400_000, to: at })))[0]).toBe('SEARCH intents USING INDEX intents_by_psp_time (psp_created_at>? AND psp_created_at<?)');
  });

  test.each<[string, string[], () => Promise<unknown>]>([
    ['the metric of pending refunds', ['SCAN refunds USING COVERING INDEX refunds_pending'], () => unfinished.oldestPendingRefund()],
    ['the metric of reconciliations', ['SCAN reconciliations'], () => unfinished.reconciled(3)],
    ['what nobody knows yet', ['SEARCH strangers USING COVERING INDEX strangers_asked (asked_at>? AND asked_at<?)', 'SCAN strangers USING INDEX strangers_waiting'], () => inbox.meetStrangers()],
    ['what is being erased', ['SCAN erased_sessions USING INDEX erased_sessions_unfinished'], () => erasures.unfinished()],
    ['the list of anomalies', ['SCAN anomalies USING INDEX anomalies_by_time'], () => store.listAnomalies(50)],
  ])('%s is read from its end and no further than needed', async (_, plan, run) => {
    expect(await plansOf(run)).toEqual(plan);
  });

  test('the refunds of a page are sorted, which are a few', async () => {
    expect(await plansOf(() => refunds.listOf(['pay_1', 'pay_2']))).toEqual(['SEARCH refunds USING INDEX refunds_by_intent (intent_id=?)', 'USE TEMP B-TREE FOR ORDER BY']);
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
