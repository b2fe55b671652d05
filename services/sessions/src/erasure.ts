/**
 * Erasing a customer (X4). This service remembers every erasure that was asked for; payments and reporting read the list by themselves, so that one that was
 * away when the operator asked, or was restored from an older backup, erases as well.
 */
import { Fault, invalid } from '@kiosk/fault';
import type { Log } from '@kiosk/service';
import type { ErasureStore } from './erasure-store.ts';
import type { Origin } from './store.ts';

export type Erasure = ReturnType<typeof createErasure>;

const restoring: Origin = { requestId: 'restore', caller: { role: 'service', name: 'sessions' } };
const retention: Origin = { requestId: 'retention', caller: { role: 'service', name: 'sessions' } };
const pageLimit = 200;
const dayMs = 24 * 3_600_000;
const retryAfterMs = 60_000;

export function createErasure({ store, scrub, contactRetentionMs, log, now }: {
  store: ErasureStore;
  /** Leaves nothing of what was deleted in the files; fails where that cannot be done now. */
  scrub: (options?: { unlessWithinMs?: number }) => Promise<boolean>;
  contactRetentionMs: number; log: Log; now: () => number;
}) {
  /** Whether retention left traces in the files. */
  let hasTraces = false;

  async function finish(): Promise<void> {
    const askedBy = now();
    await scrub();
    await store.finish({ askedBy, now: now() });
  }

  return {
    /** Answers whether there is, or was, such a session. Fails with `operator_only`, and with `erasure_unfinished` where traces stay in the files for now. */
    async erase(sessionId: string, origin: Origin): Promise<boolean> {
      refuseKiosk(origin);
      if (!/^ses_\w{1,60}$/.test(sessionId)) throw invalid('invalid_session_id', 'session_id must be the id of a session.', 'session_id');
      const known = await store.erase(sessionId, { now: now(), origin });
      try {
        await finish();
      } catch (error) {
        log.warn({ error, sessionId }, 'an erasure is not finished: the database file could not be scrubbed now');
        throw new Fault({ kind: 'unavailable', reason: 'erasure_unfinished', message: 'The erasure is under way and finishes by itself.', retryAfterMs, cause: error });
      }
      return known;
    },

    /** Erases those whom a restore brought back; to be called before anybody is served. Their traces in the files go with the next resume. */
    async eraseRestored(sessionIds: readonly string[]): Promise<void> {
      for (const id of sessionIds) await store.erase(id, { now: now(), origin: restoring });
    },

    /** Finishes what could not be finished when it was asked for. */
    async resume(): Promise<void> {
      if (await store.isUnfinished()) await finish();
    },

    /** Fails with `operator_only` and `invalid_limit`. */
    async list({ after, limit }: { after: string; limit: number }, origin: Origin): Promise<{ id: string; sessionId: string }[]> {
      refuseKiosk(origin);
      if (limit < 0 || limit > pageLimit) throw invalid('invalid_limit', `limit must be from 1 to ${pageLimit}.`, 'limit');
      return store.listAfter(after, limit || pageLimit);
    },

    /** Contacts whose time is over. Their traces in the files, and those of the sessions that were deleted, go once a day. */
    async eraseOld({ deleted }: { deleted: number }): Promise<void> {
      const count = await store.eraseContacts({ before: now() - contactRetentionMs, origin: retention });
      if (count > 0) log.info({ job: 'retention', count }, 'old contacts erased');
      if (count + deleted > 0) hasTraces = true;
      if (hasTraces && await scrub({ unlessWithinMs: dayMs })) hasTraces = false;
    },
  };
}

function refuseKiosk({ caller }: Origin): void {
  if (caller.role === 'kiosk') throw new Fault({ kind: 'forbidden', reason: 'operator_only', message: 'Only an operator may ask this.' });
}
