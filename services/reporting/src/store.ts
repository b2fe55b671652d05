/** Every query on reports. A method is one whole transaction: load, decide, save, append the audit. */
import { biteRows, inBites, listAudit, pruneAudit, type AuditFilter, type AuditRow, type Tx } from '@kiosk/database';
import { conflict, notFound } from '@kiosk/fault';
import { sql } from 'kysely';
import type { Consent } from './consent.ts';
import type { Delivery } from './delivery.ts';
import type { Events, Scan } from './events.ts';
import type { ReportDocument } from './pdf/report-document.ts';
import { mostRenderCrashes, type RenderFailure, type Report } from './report.ts';
import { deliveryFromRow, deliveryToRow, reportColumns, reportFromRow } from './rows.ts';
import { sameBody, type Key, type Origin, type Rows, type Scope, type Tables } from './tables.ts';

/** A report with its deliveries, oldest first. */
export type ReportView = { report: Report; deliveries: readonly Delivery[] };

/** A visit has one report, and a few where it was repeated. */
const listLimit = 200;

export class Store {
  readonly #rows: Rows;
  readonly #events: Events;

  constructor({ rows, events }: { rows: Rows; events: Events }) {
    this.#rows = rows;
    this.#events = events;
  }

  /** The report that a key was answered with before. Fails with `idempotency_key_reused` for another body. */
  async replay(key: Key): Promise<string | undefined> {
    const row = await this.#rows.read.selectFrom('idempotency_keys').selectAll().where('caller', '=', key.caller).where('key', '=', key.key).executeTakeFirst();
    return row && sameBody(row, key).report_id;
  }

  /** Claims the key and makes the report with its deliveries, all or nothing; or finds the report that the key made. Answers its id. */
  async open({ report, document, deliveries, consent, scan, key, origin }: {
    report: Report; document: ReportDocument; deliveries: readonly Delivery[]; consent?: Consent; scan: Scan; key?: Key; origin: Origin;
  }): Promise<string> {
    return this.#rows.transaction(async (tx) => {
      const known = key && await findKey(tx, key);
      if (known) return known;
      // Between the look at the session and now it may have been erased.
      const erased = await tx.db.selectFrom('erased_sessions').select('at').where('session_id', '=', report.sessionId).executeTakeFirst();
      if (erased) throw conflict('session_final', 'The session has been erased: it gets no report.');
      await tx.db.insertInto('reports').values({
        id: report.id, session_id: report.sessionId, type: report.type, status: report.status, kiosk_id: report.kioskId ?? null,
        paid_intent_id: report.paidIntentId ?? null, template_version: report.templateVersion, summary: report.summary, document: JSON.stringify(document),
        created_at: report.createdAt,
      }).execute();
      await insertDeliveries(tx, deliveries);
      if (key) await insertKey(tx, key, report);
      await this.#events.created(tx, { report, deliveries, consent, scan, origin });
      return report.id;
    });
  }

  /** Adds deliveries of a report, or finds that the key has done so. They wait for a report that is not ready. */
  async resend({ report, deliveries, consent, key, origin }: {
    report: Report; deliveries: readonly Delivery[]; consent?: Consent; key?: Key; origin: Origin;
  }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      if (key && await findKey(tx, key)) return;
      const { status, erased_at: erasedAt } = await tx.db.selectFrom('reports').select(['status', 'erased_at']).where('id', '=', report.id).executeTakeFirstOrThrow();
      if (erasedAt !== null) throw conflict('report_erased', 'The report\'s data has been erased.');
      await insertDeliveries(tx, deliveries.map((delivery) => ({ ...delivery, nextAttemptAt: status === 'ready' ? delivery.createdAt : undefined })));
      if (key) await insertKey(tx, key, { id: report.id, createdAt: deliveries[0]!.createdAt });
      await this.#events.resent(tx, { report, deliveries, consent, origin });
    });
  }

  /** Fails with `report_not_found`. */
  async get(id: string, scope: Scope): Promise<Report> {
    const row = await this.#rows.read.selectFrom('reports').select(reportColumns).where('id', '=', id).executeTakeFirst();
    if (!row || (scope !== undefined && row.kiosk_id !== scope)) throw notFound('report_not_found', 'There is no such report.');
    return reportFromRow(row);
  }

  async document(id: string): Promise<ReportDocument> {
    const { document } = await this.#rows.read.selectFrom('reports').select('document').where('id', '=', id).executeTakeFirstOrThrow();
    return JSON.parse(document) as ReportDocument;
  }

  /** Fails with `report_not_found`. */
  async view(id: string, scope: Scope): Promise<ReportView> {
    const report = await this.get(id, scope);
    return { report, deliveries: await this.#deliveriesOf([id]) };
  }

  /** Newest first, without those that are still being rendered. */
  async listBySession(sessionId: string, scope: Scope): Promise<ReportView[]> {
    let query = this.#rows.read.selectFrom('reports').select(reportColumns).where('session_id', '=', sessionId).where('status', '<>', 'rendering');
    if (scope !== undefined) query = query.where('kiosk_id', '=', scope);
    const reports = (await query.orderBy('id', 'desc').limit(listLimit).execute()).map(reportFromRow);
    const deliveries = Map.groupBy(await this.#deliveriesOf(reports.map(({ id }) => id)), ({ reportId }) => reportId);
    return reports.map((report) => ({ report, deliveries: deliveries.get(report.id) ?? [] }));
  }

  /** Remembers that the report is paid: a confirmed payment stays one. */
  async paid(id: string, intentId: string): Promise<void> {
    await this.#rows.transaction(async ({ db }) => {
      await db.updateTable('reports').set({ paid_intent_id: intentId }).where('id', '=', id).where('paid_intent_id', 'is', null).execute();
    });
  }

  /** The file is there: the report is ready, and its deliveries may go. False where it was erased meanwhile, and must have no file. */
  async ready(id: string, { sha256, pages, templateVersion, now, origin }: {
    sha256: string; pages: number; templateVersion: number; now: number; origin: Origin;
  }): Promise<boolean> {
    return this.#rows.transaction(async (tx) => {
      const row = await tx.db.updateTable('reports').set({ status: 'ready', sha256, pages, template_version: templateVersion, ready_at: now })
        .where('id', '=', id).where('status', '=', 'rendering').returning(reportColumns).executeTakeFirst();
      if (!row) return false;
      await tx.db.updateTable('deliveries').set({ next_attempt_at: now }).where('report_id', '=', id).where('status', '=', 'queued').execute();
      await this.#events.ready(tx, { report: reportFromRow(row), origin });
      return true;
    });
  }

  /** No file can be made of it. */
  async failed(id: string, { reason, origin }: { reason: RenderFailure; origin: Origin }): Promise<void> {
    await this.#rows.transaction((tx) => this.#fail(tx, id, reason, origin));
  }

  /** A rendering took its worker down; too many such, and the report has failed. */
  async crashed(id: string, { origin }: { origin: Origin }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const row = await tx.db.updateTable('reports').set((set) => ({ render_crashes: set('render_crashes', '+', 1) }))
        .where('id', '=', id).where('status', '=', 'rendering').returning('render_crashes').executeTakeFirst();
      if (row && row.render_crashes >= mostRenderCrashes) await this.#fail(tx, id, 'render_crashed', origin);
    });
  }

  /** The oldest reports that are still to be rendered. */
  async unfinished(limit: number): Promise<string[]> {
    const rows = await this.#rows.read.selectFrom('reports').select('id').where('status', '=', sql.lit('rendering')).orderBy('id').limit(limit).execute();
    return rows.map(({ id }) => id);
  }

  /** What an older template could not render is tried with this one. */
  async reopenFailed(templateVersion: number): Promise<void> {
    await this.#rows.transaction(async ({ db }) => {
      await db.updateTable('reports').set({ status: 'rendering', failure_reason: null, render_crashes: 0, template_version: templateVersion })
        .where('status', '=', sql.lit('failed')).where('template_version', '<', templateVersion).where('erased_at', 'is', null).execute();
    });
  }

  /** The oldest ready reports that payments has not been told of. */
  async unrecorded(limit: number): Promise<{ id: string; sessionId: string }[]> {
    return this.#rows.read.selectFrom('reports').select(['id', 'session_id as sessionId'])
      .where('status', '=', sql.lit('ready')).where('recorded_at', 'is', null).orderBy('id').limit(limit).execute();
  }

  async recorded(id: string, now: number): Promise<void> {
    await this.#rows.transaction(async ({ db }) => {
      await db.updateTable('reports').set({ recorded_at: now }).where('id', '=', id).execute();
    });
  }

  /** With `sessionId`: of the session, its reports and their deliveries. */
  async listAudit({ sessionId, ...filter }: AuditFilter & { sessionId?: string }): Promise<AuditRow[]> {
    return listAudit(this.#rows.read, { ...filter, entityIds: sessionId === undefined ? undefined : await this.#auditedOf(sessionId) });
  }

  async #auditedOf(sessionId: string): Promise<string[]> {
    const reports = (await this.#rows.read.selectFrom('reports').select('id').where('session_id', '=', sessionId).execute()).map(({ id }) => id);
    const deliveries = reports.length === 0 ? [] : await this.#rows.read.selectFrom('deliveries').select('id').where('report_id', 'in', reports).execute();
    return [sessionId, ...reports, ...deliveries.map(({ id }) => id)];
  }

  async deleteOld({ auditBefore, keysBefore, now, signal }: { auditBefore: number; keysBefore: number; now: number; signal?: AbortSignal }): Promise<void> {
    await pruneAudit((work) => this.#rows.transaction(work), { before: auditBefore, now, signal });
    await inBites(() => this.#rows.transaction(async ({ db }) => Number((await db.deleteFrom('idempotency_keys').where((or) => or(
      or.refTuple('caller', 'key'), 'in',
      db.selectFrom('idempotency_keys').select(['caller', 'key']).where('created_at', '<', keysBefore).limit(biteRows).$asTuple('caller', 'key'),
    )).executeTakeFirst()).numDeletedRows)), { signal });
  }

  async #deliveriesOf(reportIds: readonly string[]): Promise<Delivery[]> {
    if (reportIds.length === 0) return [];
    const rows = await this.#rows.read.selectFrom('deliveries').selectAll().where('report_id', 'in', reportIds)
      .orderBy('created_at').orderBy('channel').orderBy('id').execute();
    return rows.map(deliveryFromRow);
  }

  async #fail(tx: Tx<Tables>, id: string, reason: RenderFailure, origin: Origin): Promise<void> {
    const row = await tx.db.updateTable('reports').set({ status: 'failed', failure_reason: reason })
      .where('id', '=', id).where('status', '=', 'rendering').returning(reportColumns).executeTakeFirst();
    if (row) await this.#events.renderFailed(tx, { report: reportFromRow(row), reason, origin });
  }
}

async function findKey(tx: Tx<Tables>, key: Key): Promise<string | undefined> {
  const row = await tx.db.selectFrom('idempotency_keys').selectAll().where('caller', '=', key.caller).where('key', '=', key.key).executeTakeFirst();
  return row && sameBody(row, key).report_id;
}

async function insertKey(tx: Tx<Tables>, { caller, key, bodySha256 }: Key, { id, createdAt }: { id: string; createdAt: number }): Promise<void> {
  await tx.db.insertInto('idempotency_keys').values({ caller, key, body_sha256: bodySha256, report_id: id, created_at: createdAt }).execute();
}

async function insertDeliveries(tx: Tx<Tables>, deliveries: readonly Delivery[]): Promise<void> {
  if (deliveries.length > 0) await tx.db.insertInto('deliveries').values(deliveries.map(deliveryToRow)).execute();
}
