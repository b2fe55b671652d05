/** Forgetting: after its time, or when the customer asks. The row goes first, so that a file that stays behind is found by the sweep and served by nobody. */
import type { ErasureStore } from './erasure-store.ts';
import type { ReportFiles } from './files.ts';
import type { Origin } from './tables.ts';

export type Erasure = ReturnType<typeof createErasure>;

const retention: Origin = { requestId: 'retention', caller: { role: 'service', name: 'reporting' } };

/** For so long after its end a link is still called expired. */
const deadLinkMs = 30 * 24 * 3_600_000;

export function createErasure({ store, files, reportRetentionMs, contactRetentionMs, now }: {
  store: ErasureStore; files: Pick<ReportFiles, 'remove'>; reportRetentionMs: number; contactRetentionMs: number; now: () => number;
}) {
  async function erase(report: { id: string; createdAt: number }, cause: 'asked' | 'retention', origin: Origin): Promise<void> {
    await store.erase(report.id, { cause, now: now(), origin });
    await files.remove(report);
  }

  return {
    /** How many reports of the session were erased. */
    async eraseSession(sessionId: string, origin: Origin): Promise<number> {
      const reports = await store.reportsOf(sessionId);
      for (const report of reports) await erase(report, 'asked', origin);
      return reports.length;
    },

    /** Reports and contacts whose time is over. */
    async eraseOld(): Promise<void> {
      await store.eraseContacts({ before: now() - contactRetentionMs, now: now() });
      await store.deleteLinks({ before: now() - deadLinkMs });
      for (;;) {
        const reports = await store.reportsBefore(now() - reportRetentionMs);
        if (reports.length === 0) return;
        for (const report of reports) await erase(report, 'retention', retention);
      }
    },
  };
}
