/**
 * Every query that erases. What a report was made of, its recipients and its links go; its row, hash, payment and audit stay (X4). A delivery that waits or
 * is on its way ends as dead, so that nothing is sent any more and a worker's late word changes nothing.
 */
import { biteRows, inBites } from '@kiosk/database';
import { sql } from 'kysely';
import type { Events } from './events.ts';
import type { Origin, Rows } from './tables.ts';

/** Finished together: the file is scrubbed once for all of them. */
const mostUnfinished = 200;
type Erasable = { id: string; createdAt: number };

export class ErasureStore {
  readonly #rows: Rows;
  readonly #events: Events;

  constructor({ rows, events }: { rows: Rows; events: Events }) {
    this.#rows = rows;
    this.#events = events;
  }

  /** The oldest that are not erased. */
  async reportsBefore(before: number): Promise<Erasable[]> {
    return this.#rows.read.selectFrom('reports').select(['id', 'created_at as createdAt']).where('erased_at', 'is', null).where('created_at', '<', before)
      .orderBy('created_at').limit(biteRows).execute();
  }

  /** Those that are erased already too: their files may be left. */
  async reportsOf(sessionId: string): Promise<(Erasable & { isErased: boolean })[]> {
    const rows = await this.#rows.read.selectFrom('reports').select(['id', 'created_at', 'erased_at']).where('session_id', '=', sessionId).execute();
    return rows.map((row) => ({ id: row.id, createdAt: row.created_at, isErased: row.erased_at !== null }));
  }

  /** Remembers that the session's customer is erased: it gets no report any more. */
  async begin(sessionId: string, now: number): Promise<void> {
    await this.#rows.transaction(({ db }) => db.insertInto('erased_sessions').values({ session_id: sessionId, at: now, done_at: null })
      .onConflict((conflict) => conflict.column('session_id').doNothing()).execute());
  }

  async isDone(sessionId: string): Promise<boolean> {
    const row = await this.#rows.read.selectFrom('erased_sessions').select('done_at').where('session_id', '=', sessionId).executeTakeFirst();
    return row !== undefined && row.done_at !== null;
  }

  /** The sessions whose erasure is not finished. */
  async unfinished(): Promise<string[]> {
    const rows = await this.#rows.read.selectFrom('erased_sessions').select('session_id').where('done_at', 'is', null).orderBy('at').limit(mostUnfinished).execute();
    return rows.map(({ session_id: sessionId }) => sessionId);
  }

  async done(sessionIds: readonly string[], now: number): Promise<void> {
    await this.#rows.transaction(({ db }) => db.updateTable('erased_sessions').set({ done_at: now }).where('session_id', 'in', sessionIds).where('done_at', 'is', null).execute());
  }

  async erase(id: string, { cause, now, origin }: { cause: 'asked' | 'retention'; now: number; origin: Origin }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const { db } = tx;
      await db.updateTable('reports').set({ status: 'failed', failure_reason: 'erased' }).where('id', '=', id).where('status', '=', 'rendering').execute();
      const row = await db.updateTable('reports').set({ document: '{}', summary: '', erased_at: now }).where('id', '=', id).where('erased_at', 'is', null)
        .returning('id').executeTakeFirst();
      if (!row) return;
      const erased = { recipient: '', erased_at: now, ask_at: null };
      await db.updateTable('deliveries').set({
        ...erased, status: 'dead', dead_at: now, last_error: 'erased', next_attempt_at: null, lease_token: null, lease_until: null, rerouted_at: now,
      }).where('report_id', '=', id).where('status', 'in', ['queued', 'sending']).execute();
      await db.updateTable('deliveries').set(erased).where('report_id', '=', id).where('erased_at', 'is', null).execute();
      // A caller's key is the caller's own text, and its body's hash could be guessed from.
      await db.deleteFrom('idempotency_keys').where('report_id', '=', id).execute();
      await db.updateTable('report_links').set({ revoked_at: now }).where('report_id', '=', id).where('revoked_at', 'is', null).execute();
      await this.#events.erased(tx, { reportId: id, cause, origin });
    });
  }

  /** Recipients of deliveries that ended before then. Answers how many. */
  async eraseContacts({ before, now, signal }: { before: number; now: number; signal?: AbortSignal }): Promise<number> {
    return inBites(() => this.#rows.transaction(async ({ db }) => Number((await db.updateTable('deliveries').set({ recipient: '', erased_at: now, ask_at: null }).where('id', 'in',
      db.selectFrom('deliveries').select('id').where('erased_at', 'is', null).where('created_at', '<', before)
        .where('status', 'in', ['sent', 'delivered', 'dead']).limit(biteRows)).executeTakeFirst()).numUpdatedRows)), { signal });
  }

  /** Links that ended before then; who has one hears that it is unknown rather than expired. */
  async deleteLinks({ before, signal }: { before: number; signal?: AbortSignal }): Promise<void> {
    await inBites(() => this.#rows.transaction(async ({ db }) => Number((await db.deleteFrom('report_links')
      .where('token_sha256', 'in', db.selectFrom('report_links').select('token_sha256').where('expires_at', '<', before).limit(biteRows)).executeTakeFirst()).numDeletedRows)), { signal });
  }

  /** Of these reports, those that have a right to a file. */
  async withFile(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    // One that is being rendered may have its file already.
    const rows = await this.#rows.read.selectFrom('reports').select('id').where('id', 'in', ids).where('erased_at', 'is', null).execute();
    return new Set(rows.map(({ id }) => id));
  }

  /** Ready reports after this one, by id. */
  async readyAfter(id: string, limit: number): Promise<(Erasable & { sha256: string; templateVersion: number })[]> {
    const rows = await this.#rows.read.selectFrom('reports').select(['id', 'created_at', 'sha256', 'template_version']).where('id', '>', id)
      .where('status', '=', sql.lit('ready')).where('erased_at', 'is', null).orderBy('id').limit(limit).execute();
    return rows.map((row) => ({ id: row.id, createdAt: row.created_at, sha256: row.sha256!, templateVersion: row.template_version }));
  }
}
