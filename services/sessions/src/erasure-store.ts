/** Every query that erases. What names the customer goes; the row, its times and its audit stay (X4). */
import { biteRows, inBites, newId, type Tx } from '@kiosk/database';
import type { Events } from './events.ts';
import { erase, finish } from './session.ts';
import { sessionOf, toRow, type Origin, type Rows, type Tables } from './store.ts';

export class ErasureStore {
  readonly #rows: Rows;
  readonly #events: Events;

  constructor({ rows, events }: { rows: Rows; events: Events }) {
    this.#rows = rows;
    this.#events = events;
  }

  /** Erases the session, after ending it where it is active, and remembers that it was asked for. Answers whether there is, or was, such a session. */
  async erase(sessionId: string, { now, origin }: { now: number; origin: Origin }): Promise<boolean> {
    return this.#rows.transaction(async (tx) => {
      const row = await tx.db.selectFrom('sessions').selectAll().where('id', '=', sessionId).executeTakeFirst();
      await tx.db.insertInto('erasures').values({ id: newId('era', now), session_id: sessionId, known: row ? 1 : 0, asked_at: now, done_at: null })
        .onConflict((conflict) => conflict.column('session_id').doNothing()).execute();
      if (row && row.erased_at === null) await this.#eraseRow(tx, row, { now, origin });
      const { known } = await tx.db.selectFrom('erasures').select('known').where('session_id', '=', sessionId).executeTakeFirstOrThrow();
      return known === 1;
    });
  }

  async #eraseRow(tx: Tx<Tables>, row: Tables['sessions'], { now, origin }: { now: number; origin: Origin }): Promise<void> {
    const before = sessionOf(row, now);
    const ended = before.status === 'active' ? finish(before, 'expired', { now }) : before;
    if (ended.status !== row.status) await this.#events.changed(tx, { before: { ...before, status: row.status }, after: ended, origin });
    const { id: _id, type: _type, kiosk_id: _kioskId, created_at: _createdAt, expires_at: _expiresAt, ...columns } = toRow(erase(ended, now));
    await tx.db.updateTable('sessions').set(columns).where('id', '=', row.id).execute();
    // A caller's key is the caller's own text.
    await tx.db.deleteFrom('idempotency_keys').where('session_id', '=', row.id).execute();
    await this.#events.erased(tx, { sessionId: row.id, origin });
  }

  /** Whether something was erased whose traces may still be in the files. */
  async isUnfinished(): Promise<boolean> {
    return await this.#rows.read.selectFrom('erasures').select('id').where('done_at', 'is', null).limit(1).executeTakeFirst() !== undefined;
  }

  /** Those that were asked for by then have left nothing. */
  async finish({ askedBy, now }: { askedBy: number; now: number }): Promise<void> {
    await this.#rows.transaction(({ db }) => db.updateTable('erasures').set({ done_at: now }).where('done_at', 'is', null).where('asked_at', '<=', askedBy).execute());
  }

  /** Oldest first, after this one. */
  async listAfter(id: string, limit: number): Promise<{ id: string; sessionId: string }[]> {
    return this.#rows.read.selectFrom('erasures').select(['id', 'session_id as sessionId']).where('id', '>', id).orderBy('id').limit(limit).execute();
  }

  /** Contacts of sessions that ended before then. Answers how many. */
  async eraseContacts({ before, origin }: { before: number; origin: Origin }): Promise<number> {
    return inBites(() => this.#rows.transaction(async (tx) => {
      const rows = await tx.db.updateTable('sessions').set({ email: null, phone: null, consent_text_version: null, consent_at: null })
        .where('id', 'in', tx.db.selectFrom('sessions').select('id').where('status', '<>', 'active').where('updated_at', '<', before)
          .where((or) => or.or([or('email', 'is not', null), or('phone', 'is not', null)])).limit(biteRows))
        .returning('id').execute();
      for (const { id } of rows) await this.#events.contactErased(tx, { sessionId: id, origin });
      return rows.length;
    }));
  }
}
