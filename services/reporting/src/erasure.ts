/**
 * Forgetting: after its time, or when the customer asks (X4). The row goes first, so that a file that stays behind is found by the sweep and served by nobody.
 * The gateway asks for the erasure of a session; the sessions service remembers it, and a job here reads what it remembers, so that an erasure is not missed
 * by a service that was away or was restored from an older backup.
 */
import { Fault } from '@kiosk/fault';
import type { Log } from '@kiosk/service';
import type { ErasureStore } from './erasure-store.ts';
import type { ReportFiles } from './files.ts';
import type { Origin } from './tables.ts';

export type Erasure = ReturnType<typeof createErasure>;
/** The sessions that were erased after this erasure, oldest first; none: there are no more. */
export type ListErasures = (after: string, origin: Origin) => Promise<{ id: string; sessionId: string }[]>;

const retention: Origin = { requestId: 'retention', caller: { role: 'service', name: 'reporting' } };
const sweeper: Origin = { requestId: 'erasures', caller: { role: 'service', name: 'reporting' } };

const dayMs = 24 * 3_600_000;
const retryAfterMs = 60_000;
/** For so long after its end a link is still called expired. */
const deadLinkMs = 30 * dayMs;

export function createErasure({ store, files, listErasures, scrub, reportRetentionMs, contactRetentionMs, log, now }: {
  store: ErasureStore; files: Pick<ReportFiles, 'remove'>;
  listErasures: ListErasures;
  /** Leaves nothing of what was deleted in the database's files; fails where that cannot be done now. */
  scrub: (options?: { unlessWithinMs?: number }) => Promise<boolean>;
  reportRetentionMs: number; contactRetentionMs: number; log: Log; now: () => number;
}) {
  /** The last erasure that was seen. Each start begins at the oldest: what is done costs one look. */
  let seen = '';
  let hasTraces = false;

  async function erase(report: { id: string; createdAt: number }, cause: 'asked' | 'retention', origin: Origin): Promise<void> {
    await store.erase(report.id, { cause, now: now(), origin });
    await files.remove(report);
  }

  async function eraseReports(sessionIds: readonly string[], origin: Origin, signal?: AbortSignal) {
    const reports = (await Promise.all(sessionIds.map((id) => store.reportsOf(id)))).flat();
    for (const report of reports) {
      signal?.throwIfAborted();
      await erase(report, 'asked', origin);
    }
    return reports;
  }

  /** Erases every report of these sessions, and what is left of them in the files. */
  async function finish(sessionIds: readonly string[], origin: Origin, signal?: AbortSignal): Promise<{ known: boolean; erased: number }> {
    const reports = await eraseReports(sessionIds, origin, signal);
    if (sessionIds.length > 0) {
      signal?.throwIfAborted();
      await scrub();
      await store.done(sessionIds, now());
    }
    return { known: reports.length > 0, erased: reports.filter(({ isErased }) => !isErased).length };
  }

  return {
    /** Whether the session has, or had, reports, and how many were erased now. Fails with `operator_only`, and with `erasure_unfinished` where it is to be finished later. */
    async eraseSession(sessionId: string, origin: Origin): Promise<{ known: boolean; erased: number }> {
      if (origin.caller.role === 'kiosk') throw new Fault({ kind: 'forbidden', reason: 'operator_only', message: 'Only an operator may ask this.' });
      await store.begin(sessionId, now());
      try {
        return await finish([sessionId], origin);
      } catch (error) {
        log.warn({ error, sessionId }, 'an erasure is not finished');
        throw new Fault({ kind: 'unavailable', reason: 'erasure_unfinished', message: 'The erasure is under way and finishes by itself.', retryAfterMs, cause: error });
      }
    },

    /** Erases those whom a restore brought back; to be called before anything is served or sent. Their traces in the database's files go with the next resume. */
    async eraseRestored(sessionIds: readonly string[]): Promise<void> {
      for (const id of sessionIds) {
        if (await store.isDone(id)) continue;
        await store.begin(id, now());
        await eraseReports([id], sweeper);
      }
    },

    /** Begins the erasures that the sessions service knows and this one does not, and finishes those that were begun. */
    async resume(signal?: AbortSignal): Promise<void> {
      await finish(await store.unfinished(), sweeper, signal);
      for (;;) {
        signal?.throwIfAborted();
        const erasures = await listErasures(seen, sweeper);
        for (const { sessionId } of erasures) if (!await store.isDone(sessionId)) await store.begin(sessionId, now());
        const last = erasures.at(-1);
        if (!last) break;
        seen = last.id;
      }
      await finish(await store.unfinished(), sweeper, signal);
    },

    /** Reports and contacts whose time is over. Their traces in the database's files go once a day. */
    async eraseOld(signal?: AbortSignal): Promise<void> {
      if (await store.eraseContacts({ before: now() - contactRetentionMs, now: now(), signal }) > 0) hasTraces = true;
      await store.deleteLinks({ before: now() - deadLinkMs, signal });
      for (;;) {
        signal?.throwIfAborted();
        const reports = await store.reportsBefore(now() - reportRetentionMs);
        if (reports.length === 0) break;
        for (const report of reports) await erase(report, 'retention', retention);
        hasTraces = true;
      }
      if (hasTraces && await scrub({ unlessWithinMs: dayMs })) hasTraces = false;
    },
  };
}
