/** The stores' own queries, as they are sent, explained by the database: none walks a table, and none sorts what an index has in order. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newId, openDatabase, type Database } from '@kiosk/database';
import { explain, growing, type Planner } from '@kiosk/database/testing-plans';
import { Changes, createLog, createMetrics } from '@kiosk/service';
import { join } from 'node:path';
import { createDeliveryList, type DeliveryFilter } from './delivery-list-store.ts';
import { DeliveryStore } from './delivery-store.ts';
import { ErasureStore } from './erasure-store.ts';
import { createEvents } from './events.ts';
import { LinkStore } from './link-store.ts';
import { createLinks } from './links.ts';
import { newDelivery } from './new-delivery.ts';
import { OutcomeStore } from './outcome-store.ts';
import type { ReportDocument } from './pdf/report-document.ts';
import type { Report } from './report.ts';
import { RerouteStore } from './reroute-store.ts';
import { Store } from './store.ts';
import type { Origin, Tables } from './tables.ts';
import { hourMs, migrations, startClock, temporaryFolder } from './testing.ts';
import { UnfinishedStore } from './unfinished-store.ts';

const { now } = startClock();
const at = now();
const folder = temporaryFolder();
const origin: Origin = { requestId: 'test', caller: { role: 'operator', name: 'olga' } };
const key = { caller: 'kiosk:1', key: 'k', bodySha256: 'b'.repeat(64) };
let database: Database<Tables>;
let plansOf: Planner<Tables>['plansOf'];
let store: Store;
let deliveries: DeliveryStore;
let listDeliveries: ReturnType<typeof createDeliveryList>;
let erasures: ErasureStore;
let outcomes: OutcomeStore;
let reroutes: RerouteStore;
let links: LinkStore;
let unfinished: UnfinishedStore;

beforeAll(async () => {
  database = await openDatabase<Tables>({ path: join(folder.path, 'reporting.sqlite'), migrations, onFatal: () => {} });
  const { rows, plansOf: explained } = explain(database);
  plansOf = explained;
  const events = createEvents({ log: createLog({ service: 'test', level: 'silent' }), metrics: createMetrics({ service: 'test' }), changes: new Changes(), now });
  store = new Store({ rows, events });
  deliveries = new DeliveryStore({ rows, events, links: createLinks({ key: Buffer.alloc(32), publicUrl: 'http://127.0.0.1', ttlMs: hourMs }) });
  listDeliveries = createDeliveryList({ rows });
  erasures = new ErasureStore({ rows, events });
  outcomes = new OutcomeStore({ rows, events });
  reroutes = new RerouteStore({ rows, events });
  links = new LinkStore({ rows, events });
  unfinished = new UnfinishedStore({ rows });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  folder.remove();
});

const page = { limit: 50, cursor: '' };
const growingStepsOf = async (run: () => Promise<unknown>): Promise<string[]> => (await plansOf(run)).filter((step) => growing.test(step));

describe('no query walks a table', () => {
  test('a report\'s whole way: asked for, ready, sent, opened, paid, erased', async () => {
    const report: Report = {
      id: newId('rep', at), sessionId: 'ses_1', type: 'diagnostics', status: 'rendering', summary: 'x', templateVersion: 1, createdAt: at, kioskId: 'kiosk-1',
    };
    const text = { reportId: report.id, channel: 'sms', recipient: '+79123456789', mailDomain: 'kiosk.example', at } as const;
    const scan = { vehicleMake: 'LADA', severities: [] };
    expect(await growingStepsOf(async () => {
      await store.open({ report, document: {} as ReportDocument, deliveries: [newDelivery({ ...text, cause: 'report' })], scan, key, origin });
      await store.replay(key);
      await store.ready(report.id, { sha256: 'a'.repeat(64), pages: 1, templateVersion: 1, now: at, origin });
      await store.document(report.id);
      await store.get(report.id, 'kiosk-1');
      await store.resend({ report, deliveries: [newDelivery({ ...text, cause: 'resend' })], key: { ...key, key: 'again' }, origin });
      await store.paid(report.id, 'pay_1');
      await store.recorded(report.id, at);
      const claim = (await deliveries.claimDue('sms', { now: at, leaseMs: 1000, token: 't', providers: ['dev'] }))!;
      await deliveries.textsBefore(claim.delivery, { since: at - hourMs });
      await deliveries.complete(claim, { ...claim.delivery, status: 'sent', sentAt: at, providerId: 'p-1' });
      await outcomes.settle({ providerId: 'p-1', outcome: 'delivered' }, { provider: 'dev', now: at });
      await links.find('a'.repeat(64));
      await links.opened('a'.repeat(64), { now: at });
      await links.revoke(report.id, { now: at, origin });
      await erasures.reportsOf('ses_1');
      await erasures.erase(report.id, { cause: 'asked', now: at, origin });
    })).toEqual([]);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['what is due', () => deliveries.claimDue('email', { now: at, leaseMs: 1000, token: 't', providers: ['dev'] })],
    ['what was interrupted', () => deliveries.takeUpInterrupted({ leaseEndedBy: at, now: at })],
    ['what a newer template may render', () => store.reopenFailed(3)],
    ['what is too old to keep', () => store.deleteOld({ auditBefore: at, keysBefore: at, now: at })],
    ['recipients that are too old to keep', () => erasures.eraseContacts({ before: at, now: at })],
    ['links that ended long ago', () => erasures.deleteLinks({ before: at })],
    ['reports that are too old to keep', () => erasures.reportsBefore(at)],
    ['whether files have a right to be', () => erasures.withFile(['rep_1', 'rep_2'])],
    ['reports that must have a file', () => erasures.readyAfter('rep_1', 200)],
    ['a session to erase', () => erasures.begin('ses_2', at)],
    ['whether it is erased', () => erasures.isDone('ses_2')],
    ['its end', () => erasures.done(['ses_2'], at)],
    ['what a provider is to be asked', () => outcomes.toAsk({ now: at, limit: 50 })],
    ['the metric of those that were given up', () => unfinished.dead({ channel: 'email', since: at })],
    ['the metric of waiting ones', () => unfinished.unfinished('email')],
    ['the metric of the oldest of them', () => unfinished.oldestUnfinished('email')],
    ['the audit of a time', () => store.listAudit({ from: at - 1000, to: at, limit: 50 })],
    ['the audit of a type', () => store.listAudit({ event: 'report.ready', limit: 50 })],
  ])('%s', async (_, run) => {
    expect(await growingStepsOf(run)).toEqual([]);
  });

  test.each<[string, DeliveryFilter]>([
    ['what was given up', { status: 'dead' }], ['what waits', { status: 'queued' }], ['what was sent by e-mail', { status: 'sent', channel: 'email' }], ['text messages', { channel: 'sms' }],
    ['what was sent on a day', { status: 'sent', createdFrom: at - 24 * hourMs, createdTo: at }], ['a day', { createdFrom: at - 24 * hourMs, createdTo: at }],
    ['a report', { reportId: 'rep_1' }],
  ])('the list of %s', async (_, filter) => {
    expect(await growingStepsOf(() => listDeliveries({ ...filter, ...page }, origin))).toEqual([]);
  });

  test('the list of what was given up of a report looks through that report\'s few', async () => {
    expect(await plansOf(() => listDeliveries({ reportId: 'rep_1', status: 'dead', channel: 'sms', ...page }, origin))).toEqual([
      'SEARCH reports USING INDEX sqlite_autoindex_reports_1 (id=?)', 'SEARCH deliveries USING INDEX deliveries_by_report (report_id=?)',
    ]);
  });

  test('the reports of a session are read in order, and their few deliveries sorted', async () => {
    expect(await plansOf(() => store.listBySession('ses_1', 'kiosk-1'))).toEqual([
      'SEARCH reports USING INDEX reports_by_session (session_id=?)', 'SEARCH deliveries USING INDEX deliveries_by_report (report_id=?)', 'USE TEMP B-TREE FOR ORDER BY',
    ]);
  });

  test('the metric of reports that nobody got looks at those that were given up lately', async () => {
    expect(await plansOf(() => unfinished.undelivered(at))).toEqual([
      'USE TEMP B-TREE FOR count(DISTINCT)', 'SEARCH deliveries USING INDEX deliveries_by_state (channel=? AND status=? AND id>?)',
      'CORRELATED SCALAR SUBQUERY 1', 'SEARCH other USING INDEX deliveries_by_report (report_id=?)',
    ]);
  });

  test.each<[string, string, () => Promise<unknown>]>([
    ['the list of everything', 'SCAN deliveries USING INDEX sqlite_autoindex_deliveries_1', () => listDeliveries(page, origin)],
    ['what is to be rendered', 'SCAN reports USING COVERING INDEX reports_unfinished', () => store.unfinished(50)],
    ['what payments has not been told of', 'SCAN reports USING INDEX reports_unrecorded', () => store.unrecorded(50)],
    ['what was refused', 'SCAN deliveries USING INDEX deliveries_to_reroute', () => reroutes.unseen(50)],
    ['what is being sent at the start', 'SCAN deliveries USING COVERING INDEX deliveries_leased', () => deliveries.takeUpInterrupted({ now: at })],
    ['what is being erased', 'SCAN erased_sessions USING INDEX erased_sessions_unfinished', () => erasures.unfinished()],
    ['the metric of reports that are being rendered', 'SCAN reports USING INDEX reports_unfinished', () => unfinished.oldestRendering()],
    ['the metric of reports of which there can be no PDF', 'SCAN reports USING INDEX reports_failed', () => unfinished.unrenderable()],
  ])('%s is read from the end of an index that has nothing else', async (_, plan, run) => {
    const [first, ...others] = await plansOf(run);
    expect(first).toBe(plan);
    expect(others.filter((step) => growing.test(step))).toEqual([]);
  });
});
