/**
 * One function per business event. Each feeds the audit (in the transaction), and the log, the metrics and those who watch once it is on disk. A recipient
 * appears in none of them.
 */
import { appendAudit, type Tx } from '@kiosk/database';
import type { Changes, Log, Metrics } from '@kiosk/service';
import type { Consent } from './consent.ts';
import { channels, type Delivery } from './delivery.ts';
import type { Severity } from './diagnostics.ts';
import { makeLabel } from './makes.ts';
import type { RenderFailure, Report } from './report.ts';
import { operatorTroubles } from './send-error.ts';
import type { Origin, Tables } from './tables.ts';

/** A scan takes from seconds to minutes. */
const scanBucketsSeconds = [10, 20, 30, 45, 60, 90, 120, 180, 240, 300];

/** What the metrics want to know of the data. */
export type Scan = { vehicleMake?: string; durationMs?: number; severities: readonly Severity[] };

export type Events = ReturnType<typeof createEvents>;

const worker: Origin = { requestId: 'deliveries', caller: { role: 'service', name: 'reporting' } };

export function createEvents({ log, metrics, changes, now }: {
  log: Log; metrics: Metrics; now: () => number;
  /** By the session's id. */
  changes: Changes;
}) {
  const scans = metrics.counter({ name: 'diagnostics_scans_total', help: 'Diagnostics scans reported.', labels: ['make'] });
  const codes = metrics.counter({ name: 'diagnostics_dtc_found_total', help: 'Fault codes found.', labels: ['severity'] });
  const scanDuration = metrics.histogram({
    name: 'diagnostics_duration_seconds', help: 'How long a scan took, as the kiosk says.', labels: ['make'], buckets: scanBucketsSeconds,
  });
  const generated = metrics.counter({ name: 'reports_generated_total', help: 'Reports whose PDF was made.', labels: ['type'] });
  const delivered = metrics.counter({ name: 'reports_delivered_total', help: 'Deliveries that a provider took.', labels: ['type', 'method'] });
  const failed = metrics.counter({
    name: 'reports_failed_total', help: 'PDFs that could not be made (method pdf) and deliveries given up.', labels: ['type', 'method', 'reason'],
  });
  const repeated = metrics.counter({
    name: 'reports_ambiguous_attempts_total', help: 'Attempts that may have arrived although we were not told, and are repeated.', labels: ['method'],
  });

  const troubles = metrics.counter({
    name: 'reports_provider_troubles_total', help: 'Attempts that failed for what only the operator can put right.', labels: ['method', 'reason'],
  });

  const arrived = metrics.counter({ name: 'reports_arrived_total', help: 'Deliveries that the provider says arrived.', labels: ['method'] });
  const rerouted = metrics.counter({ name: 'reports_rerouted_total', help: 'Deliveries made in place of one that the other channel refused.', labels: ['method'] });
  const opened = metrics.counter({ name: 'reports_links_opened_total', help: 'Downloads by a link.' });
  const erasures = metrics.counter({ name: 'reports_erased_total', help: 'Reports whose file and data were erased.', labels: ['cause'] });
  const sweeps = metrics.counter({ name: 'reports_sweep_total', help: 'Files and rows that disagreed, as the sweep found them.', labels: ['found'] });

  // What has not happened yet is 0, not absent: an alarm would not see the first of it rise.
  for (const method of channels) for (const reason of operatorTroubles) troubles.inc({ method, reason }, 0);
  for (const method of channels) for (const type of ['thickness', 'diagnostics']) delivered.inc({ type, method }, 0);
  for (const type of ['thickness', 'diagnostics']) generated.inc({ type }, 0);
  for (const found of ['file_without_row', 'row_without_file', 'row_without_file_for_good']) sweeps.inc({ found }, 0);

  const audit = (tx: Tx<Tables>, event: string, entityId: string, details: object, { requestId, caller }: Origin): Promise<void> =>
    appendAudit(tx, { at: now(), event, entityId, details, requestId, caller });

  /** That there was consent outlives the recipients, whose deliveries it names. */
  async function consented(tx: Tx<Tables>, { report, deliveries, consent, origin }: {
    report: Report; deliveries: readonly Delivery[]; consent?: Consent; origin: Origin;
  }): Promise<void> {
    if (consent && deliveries.length > 0) await audit(tx, 'report.consent', report.id, { ...consent, deliveries: named(deliveries) }, origin);
  }

  /** Those who watch the session are to look again. */
  async function touch(tx: Tx<Tables>, reportId: string): Promise<void> {
    const { session_id: sessionId } = await tx.db.selectFrom('reports').select('session_id').where('id', '=', reportId).executeTakeFirstOrThrow();
    tx.afterCommit(() => changes.touch(sessionId));
  }

  return {
    async created(tx: Tx<Tables>, { report, deliveries, consent, scan, origin }: {
      report: Report; deliveries: readonly Delivery[]; consent?: Consent; scan: Scan; origin: Origin;
    }): Promise<void> {
      const { id: reportId, sessionId, type, paidIntentId } = report;
      await audit(tx, 'report.created', reportId, { sessionId, type, paidIntentId, deliveries: named(deliveries) }, origin);
      await consented(tx, { report, deliveries, consent, origin });
      tx.afterCommit(() => {
        if (type === 'diagnostics') {
          const make = makeLabel(scan.vehicleMake ?? '');
          scans.inc({ make });
          for (const severity of scan.severities) codes.inc({ severity });
          if (scan.durationMs !== undefined) scanDuration.observe({ make }, scan.durationMs / 1000);
        }
        log.info({ event: 'report.created', reportId, sessionId, type, requestId: origin.requestId }, 'report asked for');
      });
    },

    async ready(tx: Tx<Tables>, { report, origin }: { report: Report; origin: Origin }): Promise<void> {
      const { id: reportId, sessionId, type, sha256, pages } = report;
      await audit(tx, 'report.ready', reportId, { sha256, pages }, origin);
      tx.afterCommit(() => {
        changes.touch(sessionId);
        generated.inc({ type });
        log.info({ event: 'report.ready', reportId, sessionId, type, pages, requestId: origin.requestId }, 'report ready');
      });
    },

    async renderFailed(tx: Tx<Tables>, { report, reason, origin }: { report: Report; reason: RenderFailure; origin: Origin }): Promise<void> {
      const { id: reportId, sessionId, type } = report;
      await audit(tx, 'report.failed', reportId, { reason }, origin);
      tx.afterCommit(() => {
        changes.touch(sessionId);
        failed.inc({ type, method: 'pdf', reason });
        log.error({ event: 'report.failed', reportId, sessionId, type, reason, requestId: origin.requestId }, 'no PDF could be made of a report');
      });
    },

    async resent(tx: Tx<Tables>, { report, deliveries, consent, origin }: {
      report: Report; deliveries: readonly Delivery[]; consent?: Consent; origin: Origin;
    }): Promise<void> {
      await audit(tx, 'report.resent', report.id, { deliveries: named(deliveries) }, origin);
      await consented(tx, { report, deliveries, consent, origin });
      await touch(tx, report.id);
      tx.afterCommit(() => log.info({ event: 'report.resent', reportId: report.id, count: deliveries.length, requestId: origin.requestId }, 'report to be sent again'));
    },

    /** An attempt begins. What becomes of it is worth the audit. */
    begun: (tx: Tx<Tables>, { reportId }: Delivery): Promise<void> => touch(tx, reportId),

    /** An attempt ended: sent, to be repeated, or dead. One that only waits for its repetition is logged and not audited: an outage makes many. */
    async attempted(tx: Tx<Tables>, { before, after, report: { type } }: { before: Delivery; after: Delivery; report: Report }): Promise<void> {
      const { id: deliveryId, reportId, channel, attempts: attempt, lastError: reason } = after;
      const ambiguous = after.ambiguousAttempts > before.ambiguousAttempts;
      const final = after.status === 'sent' || after.status === 'dead';
      if (final || ambiguous) await audit(tx, `delivery.${final ? after.status : 'ambiguous'}`, deliveryId, { reportId, channel, attempt, reason }, worker);
      await touch(tx, reportId);
      tx.afterCommit(() => {
        const fields = { event: `delivery.${after.status}`, deliveryId, reportId, channel, attempt };
        if (ambiguous) repeated.inc({ method: channel });
        if (reason !== undefined && operatorTroubles.includes(reason)) {
          troubles.inc({ method: channel, reason });
          log.error({ ...fields, reason, provider: after.provider }, 'the provider refuses us: look at its settings and its account');
        }
        if (after.status === 'sent') {
          delivered.inc({ type, method: channel });
          log.info(fields, 'report sent');
        } else if (after.status === 'dead') {
          failed.inc({ type, method: channel, reason: reason ?? 'internal' });
          log.error({ ...fields, reason }, 'a delivery was given up');
        } else {
          log.warn({ ...fields, reason, nextAttemptAt: after.nextAttemptAt }, 'a delivery is tried again later');
        }
      });
    },

    /** A provider said what became of a message. */
    async settled(tx: Tx<Tables>, { delivery, type }: { delivery: Delivery; type: Report['type'] }): Promise<void> {
      const { id: deliveryId, reportId, channel, status, lastError: reason, provider } = delivery;
      await audit(tx, `delivery.${status}`, deliveryId, { reportId, channel, provider, reason }, worker);
      await touch(tx, reportId);
      tx.afterCommit(() => {
        const fields = { event: `delivery.${status}`, deliveryId, reportId, channel, provider };
        if (status === 'dead') {
          failed.inc({ type, method: channel, reason: reason ?? 'undeliverable' });
          log.error({ ...fields, reason }, 'the provider could not deliver a message');
        } else {
          arrived.inc({ method: channel });
          log.info(fields, 'the provider says that a message arrived');
        }
      });
    },

    /** The other channel is tried in place of one that refused. */
    async rerouted(tx: Tx<Tables>, { refused, instead }: { refused: Delivery; instead: Delivery }): Promise<void> {
      await audit(tx, 'delivery.rerouted', instead.id, { reportId: instead.reportId, channel: instead.channel, insteadOf: refused.id }, worker);
      await touch(tx, instead.reportId);
      tx.afterCommit(() => {
        rerouted.inc({ method: instead.channel });
        log.info({ event: 'delivery.rerouted', deliveryId: instead.id, reportId: instead.reportId, channel: instead.channel }, 'the other channel is tried');
      });
    },

    linkOpened: (): void => opened.inc(),

    async linksRevoked(tx: Tx<Tables>, { reportId, count, origin }: { reportId: string; count: number; origin: Origin }): Promise<void> {
      await audit(tx, 'report.links_revoked', reportId, { count }, origin);
      tx.afterCommit(() => log.info({ event: 'report.links_revoked', reportId, count, requestId: origin.requestId }, 'the links of a report were revoked'));
    },

    async erased(tx: Tx<Tables>, { reportId, cause, origin }: { reportId: string; cause: 'asked' | 'retention'; origin: Origin }): Promise<void> {
      await audit(tx, 'report.erased', reportId, { cause }, origin);
      await touch(tx, reportId);
      tx.afterCommit(() => {
        erasures.inc({ cause });
        log.info({ event: 'report.erased', reportId, reason: cause, requestId: origin.requestId }, 'a report was erased');
      });
    },

    /** The sweep found that files and rows disagreed. */
    swept(found: 'file_without_row' | 'row_without_file' | 'row_without_file_for_good', reportId?: string): void {
      sweeps.inc({ found });
      const fields = { event: 'sweep', reason: found, reportId };
      if (found === 'row_without_file_for_good') log.error(fields, 'the file of a report is missing and cannot be made again: restore it from a backup');
      else log.warn(fields, 'a file and its row disagreed; that is mended');
    },

    /** Its worker went away in the middle of an attempt. */
    async interrupted(tx: Tx<Tables>, { id: deliveryId, reportId, channel, attempts: attempt }: Delivery): Promise<void> {
      await audit(tx, 'delivery.ambiguous', deliveryId, { reportId, channel, attempt, reason: 'interrupted' }, worker);
      await touch(tx, reportId);
      tx.afterCommit(() => {
        repeated.inc({ method: channel });
        log.warn({ event: 'delivery.interrupted', deliveryId, reportId, channel, attempt }, 'a delivery was interrupted and is tried again');
      });
    },
  };
}

function named(deliveries: readonly Delivery[]): { id: string; channel: string }[] {
  return deliveries.map(({ id, channel }) => ({ id, channel }));
}
