/** One function per business event. Each feeds the audit (in the transaction), and the log, the metrics and those who watch once it is on disk. */
import { appendAudit, type Tx } from '@kiosk/database';
import type { Changes, Log, Metrics } from '@kiosk/service';
import type { Consent } from './contact.ts';
import type { Session } from './session.ts';
import type { Origin, Tables } from './store.ts';

/** A visit takes minutes. */
const durationBucketsSeconds = [60, 120, 300, 600, 900, 1200, 1800, 2700, 3600];

const types = ['thickness', 'diagnostics'];

export type Events = ReturnType<typeof createEvents>;

export function createEvents({ log, metrics, changes, now, countActive }: {
  log: Log; metrics: Metrics; changes: Changes; now: () => number; countActive: () => Promise<{ type: string; count: number }[]>;
}) {
  const created = metrics.counter({ name: 'sessions_created_total', help: 'Sessions opened.', labels: ['type'] });
  const completed = metrics.counter({ name: 'sessions_completed_total', help: 'Sessions completed.', labels: ['type'] });
  const expired = metrics.counter({ name: 'sessions_expired_total', help: 'Sessions that expired.', labels: ['type'] });
  const duration = metrics.histogram({
    name: 'sessions_duration_seconds', help: 'From opening to the final state.', labels: ['type', 'status'], buckets: durationBucketsSeconds,
  });
  // What has not happened yet is 0, not absent: a dashboard would not see the first of it rise.
  for (const counter of [created, completed, expired]) for (const type of types) counter.inc({ type }, 0);
  metrics.gauge({
    name: 'sessions_active', help: 'Sessions that are active now.', labels: ['type'],
    async collect() {
      this.reset();
      for (const type of types) this.set({ type }, 0);
      for (const { type, count } of await countActive()) this.set({ type }, count);
    },
  });

  const audit = (tx: Tx<Tables>, event: string, entityId: string, details: object, { requestId, caller }: Origin): Promise<void> =>
    appendAudit(tx, { at: now(), event, entityId, details, requestId, caller });

  /** What the customer agreed to, without who that is: it outlives the contact. */
  async function consented(tx: Tx<Tables>, { id, contact: { consent } }: Session, origin: Origin): Promise<void> {
    if (consent) await audit(tx, 'session.consent', id, { textVersion: consent.textVersion, at: consent.at }, origin);
  }

  return {
    async created(tx: Tx<Tables>, session: Session, origin: Origin): Promise<void> {
      await audit(tx, 'session.created', session.id, { type: session.type, kioskId: session.kioskId, expiresAt: session.expiresAt }, origin);
      await consented(tx, session, origin);
      tx.afterCommit(() => {
        created.inc({ type: session.type });
        log.info({ event: 'session.created', sessionId: session.id, type: session.type, requestId: origin.requestId }, 'session created');
      });
    },

    /** Contact and metadata are named, never shown. */
    async changed(tx: Tx<Tables>, { before, after, origin }: { before: Session; after: Session; origin: Origin }): Promise<void> {
      tx.afterCommit(() => changes.touch(after.id));
      if (before.status === after.status) {
        await audit(tx, 'session.updated', after.id, { fields: changedFields(before, after) }, origin);
        if (isNews(before.contact.consent, after.contact.consent)) await consented(tx, after, origin);
        return;
      }
      await audit(tx, `session.${after.status}`, after.id, { from: before.status, reason: after.failureReason && withoutContacts(after.failureReason) }, origin);
      tx.afterCommit(() => {
        if (after.status === 'completed') completed.inc({ type: after.type });
        if (after.status === 'expired') expired.inc({ type: after.type });
        duration.observe({ type: after.type, status: after.status }, (after.updatedAt - after.createdAt) / 1000);
        log.info({ event: `session.${after.status}`, sessionId: after.id, type: after.type, requestId: origin.requestId }, 'session ended');
      });
    },

    async erased(tx: Tx<Tables>, { sessionId, origin }: { sessionId: string; origin: Origin }): Promise<void> {
      await audit(tx, 'session.erased', sessionId, {}, origin);
      tx.afterCommit(() => {
        changes.touch(sessionId);
        log.info({ event: 'session.erased', sessionId, requestId: origin.requestId }, 'a customer was erased from a session');
      });
    },

    async contactErased(tx: Tx<Tables>, { sessionId, origin }: { sessionId: string; origin: Origin }): Promise<void> {
      await audit(tx, 'session.contact_erased', sessionId, { cause: 'retention' }, origin);
    },
  };
}

function changedFields(before: Session, after: Session): string[] {
  const fields: string[] = [];
  if (before.contact.email !== after.contact.email) fields.push('contact.email');
  if (before.contact.phone !== after.contact.phone) fields.push('contact.phone');
  if (isNews(before.contact.consent, after.contact.consent)) fields.push('contact.consent');
  if (before.metadata !== after.metadata) fields.push('metadata');
  return fields;
}

function isNews(before: Consent | undefined, after: Consent | undefined): boolean {
  return before?.textVersion !== after?.textVersion || before?.at !== after?.at;
}

/** A kiosk's own words, in which somebody may have typed an address or a number: the audit is for good. */
function withoutContacts(text: string): string {
  return text.replaceAll(/\S+@\S+/g, '***').replaceAll(/\+?\d[\d\s()-]{5,}\d/g, '***');
}
