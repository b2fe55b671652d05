/** By setting: money for a visit that failed or expired without any report goes back by itself. A report that was made earns it for good. */
import { Fault } from '@kiosk/fault';
import type { Events } from './events.ts';
import { intentFromRow } from './intent-row.ts';
import type { Intent } from './intent.ts';
import type { SessionView } from './payments.ts';
import type { RefundStore } from './refund-store.ts';
import type { Origin, Rows } from './tables.ts';

/** A visit that is still going on is looked at again. */
const checkIntervalMs = 60_000;
const biteRows = 50;

const origin: Origin = { requestId: 'service-watch', caller: { role: 'service', name: 'payments' } };

export function createServiceWatch({ rows, refunds, events, getSession, now, graceMs }: {
  rows: Rows; refunds: RefundStore; events: Events; now: () => number;
  getSession: (id: string, origin: Origin) => Promise<SessionView>;
  /** How long after its end a visit may still get its report. */
  graceMs: number;
}) {
  return {
    /** The session got its report. */
    async record({ sessionId, reportId }: { sessionId: string; reportId: string }): Promise<void> {
      await rows.transaction(async ({ db }) => {
        await db.insertInto('services_rendered').values({ session_id: sessionId, report_id: reportId, at: now() })
          .onConflict((known) => known.column('session_id').doNothing()).execute();
        await db.updateTable('intents').set({ serve_check_at: null }).where('session_id', '=', sessionId).where('status', '=', 'confirmed').execute();
      });
    },

    /** Looks at paid sessions whose time to be looked at has come. */
    async check(): Promise<void> {
      const due = await rows.read.selectFrom('intents').selectAll().where('serve_check_at', '<=', now()).limit(biteRows).execute();
      for (const row of due) await checkOne(intentFromRow(row));
    },
  };

  async function checkOne(intent: Intent): Promise<void> {
    const session = await getSession(intent.sessionId, origin).catch((error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      return error.kind === 'not_found' ? undefined : 'nobody can say' as const;
    });
    await rows.transaction(async (tx) => {
      const rendered = await tx.db.selectFrom('services_rendered').select('report_id').where('session_id', '=', intent.sessionId).executeTakeFirst();
      const lookAgainAt = (at: number | null) => tx.db.updateTable('intents').set({ serve_check_at: at }).where('id', '=', intent.id).execute();
      // One visit that cannot be looked at keeps no other waiting.
      if (session === 'nobody can say') return lookAgainAt(now() + checkIntervalMs);
      if (rendered || session?.ended === 'completed') return lookAgainAt(null);
      if (!session) {
        await events.anomaly(tx, { kind: 'unserved_unknown', objectId: intent.id, intentId: intent.id, details: { sessionId: intent.sessionId } });
        return lookAgainAt(null);
      }
      if (session.ended === undefined || now() < session.updatedAt + graceMs) return lookAgainAt(now() + checkIntervalMs);
      await refunds.openAutomatic(tx, intent, { source: 'unserved', reason: `session_${session.ended}_without_report`, origin, now: now() });
      return lookAgainAt(null);
    });
  }
}
