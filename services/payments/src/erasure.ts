/**
 * Forgetting customers: after the time that is set, or when the operator erases a session (X4). The gateway asks for that; the sessions service remembers it,
 * and a job here reads what it remembers, so that an erasure is not missed by a service that was away or was restored from an older backup.
 */
import { Fault } from '@kiosk/fault';
import type { Log } from '@kiosk/service';
import type { ErasureStore } from './erasure-store.ts';
import type { Origin } from './tables.ts';

export type Erasure = ReturnType<typeof createErasure>;
/** The sessions that were erased after this erasure, oldest first; none: there are no more. */
export type ListErasures = (after: string, origin: Origin) => Promise<{ id: string; sessionId: string }[]>;

const sweeper: Origin = { requestId: 'erasures', caller: { role: 'service', name: 'payments' } };
const dayMs = 24 * 3_600_000;
const retryAfterMs = 60_000;

export function createErasure({ store, listErasures, scrub, customerRetentionMs, log, now }: {
  store: ErasureStore;
  listErasures: ListErasures;
  /** Leaves nothing of what was deleted in the files; fails where that cannot be done now. */
  scrub: (options?: { unlessWithinMs?: number }) => Promise<boolean>;
  customerRetentionMs: number; log: Log; now: () => number;
}) {
  /** The last erasure that was seen. Each start begins at the oldest: what is done costs one look. */
  let seen = '';
  let hasTraces = false;

  async function begin(sessionId: string): Promise<void> {
    if (!await store.isDone(sessionId)) await store.begin(sessionId, { now: now(), origin: sweeper });
  }

  /** Erases what is left of these. Answers whether nothing is. */
  async function finish(sessionIds: readonly string[]): Promise<boolean> {
    const finished: string[] = [];
    for (const id of sessionIds) if (await store.erase(id, now())) finished.push(id);
    if (finished.length > 0) {
      await scrub();
      await store.done(finished, now());
    }
    return finished.length === sessionIds.length;
  }

  return {
    /** Answers whether there is any payment of the session. Fails with `operator_only`, and with `erasure_unfinished` while something has to stay for now. */
    async eraseSession(sessionId: string, origin: Origin): Promise<boolean> {
      if (origin.caller.role === 'kiosk') throw new Fault({ kind: 'forbidden', reason: 'operator_only', message: 'Only an operator may ask this.' });
      const known = await store.begin(sessionId, { now: now(), origin });
      const finished = await finish([sessionId]).catch((error: unknown) => {
        log.warn({ error, sessionId }, 'an erasure is not finished: the database file could not be scrubbed now');
        return false;
      });
      if (!finished) throw new Fault({ kind: 'unavailable', reason: 'erasure_unfinished', message: 'The erasure is under way and finishes by itself.', retryAfterMs });
      return known;
    },

    /** Erases those whom a restore brought back; to be called before anybody is served. Their traces in the files go with the next resume. */
    async eraseRestored(sessionIds: readonly string[]): Promise<void> {
      for (const id of sessionIds) await begin(id);
    },

    /** Begins the erasures that the sessions service knows and this one does not, and finishes those that were begun. */
    async resume(): Promise<void> {
      await finish(await store.unfinished());
      for (;;) {
        const erasures = await listErasures(seen, sweeper);
        for (const { sessionId } of erasures) await begin(sessionId);
        const last = erasures.at(-1);
        if (!last) break;
        seen = last.id;
      }
      await finish(await store.unfinished());
    },

    /** What is kept of customers for long enough. Its traces in the files go once a day. */
    async eraseOld(): Promise<void> {
      const count = await store.eraseOld({ before: now() - customerRetentionMs, now: now() });
      if (count > 0) {
        hasTraces = true;
        log.info({ job: 'retention', count }, 'what was kept of the customers of old payments was erased');
      }
      if (hasTraces && await scrub({ unlessWithinMs: dayMs })) hasTraces = false;
    },
  };
}
