/** Every query on deliveries that were refused for good, and those made in their place. */
import { sql } from 'kysely';
import type { Delivery } from './delivery.ts';
import type { Events } from './events.ts';
import { deliveryFromRow, deliveryToRow } from './rows.ts';
import type { Rows } from './tables.ts';

export class RerouteStore {
  readonly #rows: Rows;
  readonly #events: Events;

  constructor({ rows, events }: { rows: Rows; events: Events }) {
    this.#rows = rows;
    this.#events = events;
  }

  /** Dead ones that nobody has seen to yet, with the session whose report they carry. */
  async unseen(limit: number): Promise<{ delivery: Delivery; sessionId: string }[]> {
    const rows = await this.#rows.read.selectFrom('deliveries').innerJoin('reports', 'reports.id', 'deliveries.report_id')
      .selectAll('deliveries').select('reports.session_id as sessionId')
      .where('deliveries.status', '=', sql.lit('dead')).where('cause', '=', sql.lit('report')).where('rerouted_at', 'is', null).orderBy('dead_at').limit(limit).execute();
    return rows.map(({ sessionId, ...row }) => ({ delivery: deliveryFromRow(row), sessionId }));
  }

  /** Sees to one, once: with `instead`, that is delivered, unless the report has a delivery on that channel already. */
  async seenTo(refused: Delivery, { instead, now }: { instead?: Delivery; now: number }): Promise<void> {
    await this.#rows.transaction(async (tx) => {
      const seen = await tx.db.updateTable('deliveries').set({ rerouted_at: now }).where('id', '=', refused.id).where('rerouted_at', 'is', null).returning('id').executeTakeFirst();
      if (!seen || !instead) return;
      // The unique index on a report's channels decides.
      const made = await tx.db.insertInto('deliveries').values(deliveryToRow(instead)).onConflict((conflict) => conflict.doNothing()).returning('id').executeTakeFirst();
      if (made) await this.#events.rerouted(tx, { refused, instead });
    });
  }
}
