/**
 * Every query that erases. Of an intent go the description, the metadata and the frozen request with its receipt; of a refund its request and what looks like a
 * contact in its reason; amounts, times, the PSP's word and the audit stay (X4).
 */
import { biteRows, inBites, type Tx } from '@kiosk/database';
import type { Events } from './events.ts';
import { withoutContacts } from './refund.ts';
import type { Store } from './store.ts';
import type { Origin, Rows, Tables } from './tables.ts';

/** Finished together: the file is scrubbed once for all of them. */
const mostUnfinished = 200;
/** While one of these is the case the request's bytes are still needed. */
const unsent = ['created', 'submitting'] as const;

export class ErasureStore {
  readonly #rows: Rows;
  readonly #events: Events;
  readonly #store: Store;

  constructor({ rows, events, store }: { rows: Rows; events: Events; store: Store }) {
    this.#rows = rows;
    this.#events = events;
    this.#store = store;
  }

  /** Ends what is pending, takes no payment any more, and erases what can be erased at once. Answers whether there is any payment of the session. */
  async begin(sessionId: string, { now, origin }: { now: number; origin: Origin }): Promise<boolean> {
    return this.#rows.transaction(async (tx) => {
      const begun = await tx.db.insertInto('erased_sessions').values({ session_id: sessionId, at: now, done_at: null })
        .onConflict((conflict) => conflict.column('session_id').doNothing()).returning('session_id').executeTakeFirst();
      await this.#store.cancelPendingOf(tx, sessionId, { now, origin });
      const ids = await this.#erase(tx, sessionId, now);
      if (begun) await this.#events.erased(tx, { sessionId, count: ids.length, origin });
      return ids.length > 0;
    });
  }

  /** Erases the rest. Answers whether nothing is left that a request under way still needs. */
  async erase(sessionId: string, now: number): Promise<boolean> {
    return this.#rows.transaction(async (tx) => {
      const ids = await this.#erase(tx, sessionId, now);
      if (ids.length === 0) return true;
      const intent = await tx.db.selectFrom('intents').select('id').where('id', 'in', ids).where('submission', 'in', unsent).executeTakeFirst();
      const refund = await tx.db.selectFrom('refunds').select('id').where('intent_id', 'in', ids).where('submission', 'in', unsent).executeTakeFirst();
      return !intent && !refund;
    });
  }

  async isDone(sessionId: string): Promise<boolean> {
    const row = await this.#rows.read.selectFrom('erased_sessions').select('done_at').where('session_id', '=', sessionId).executeTakeFirst();
    return row !== undefined && row.done_at !== null;
  }

  async done(sessionIds: readonly string[], now: number): Promise<void> {
    await this.#rows.transaction(({ db }) => db.updateTable('erased_sessions').set({ done_at: now }).where('session_id', 'in', sessionIds).where('done_at', 'is', null).execute());
  }

  /** The sessions whose erasure is not finished. */
  async unfinished(): Promise<string[]> {
    const rows = await this.#rows.read.selectFrom('erased_sessions').select('session_id').where('done_at', 'is', null).orderBy('at').limit(mostUnfinished).execute();
    return rows.map(({ session_id: sessionId }) => sessionId);
  }

  /** What is kept of the customers of payments from before then. Answers of how many. */
  async eraseOld({ before, now }: { before: number; now: number }): Promise<number> {
    return inBites(() => this.#rows.transaction(async (tx) => {
      const old = await tx.db.selectFrom('intents').select('id').where('erased_at', 'is', null).where('created_at', '<', before).where('submission', 'not in', unsent)
        .where((not) => not.not(not.exists(not.selectFrom('refunds').select('refunds.id').whereRef('intent_id', '=', 'intents.id').where('refunds.submission', 'in', unsent))))
        .orderBy('created_at').limit(biteRows).execute();
      if (old.length > 0) await this.#eraseIntents(tx, old.map(({ id }) => id), now);
      return old.length;
    }));
  }

  async #erase(tx: Tx<Tables>, sessionId: string, now: number): Promise<string[]> {
    const ids = (await tx.db.selectFrom('intents').select('id').where('session_id', '=', sessionId).execute()).map(({ id }) => id);
    if (ids.length > 0) {
      await this.#eraseIntents(tx, ids, now);
      // A caller's key is the caller's own text, and its body's hash could be guessed from.
      await tx.db.deleteFrom('idempotency_keys').where('entity_id', 'in', ids).execute();
    }
    return ids;
  }

  async #eraseIntents({ db }: Tx<Tables>, ids: readonly string[], now: number): Promise<void> {
    await db.updateTable('intents').set({ description: null, metadata: '{}', erased_at: now }).where('id', 'in', ids).where('erased_at', 'is', null).execute();
    await db.updateTable('intents').set({ psp_request: '{}' }).where('id', 'in', ids).where('submission', 'not in', unsent).where('psp_request', '<>', '{}').execute();
    for (const { id, reason } of await db.selectFrom('refunds').select(['id', 'reason']).where('intent_id', 'in', ids).execute()) {
      await db.updateTable('refunds').set({ reason: withoutContacts(reason) }).where('id', '=', id).execute();
      await db.updateTable('refunds').set({ psp_request: '{}' }).where('id', '=', id).where('submission', 'not in', unsent).execute();
    }
  }
}
