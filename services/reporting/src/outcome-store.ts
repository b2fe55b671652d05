/** Every query on what became of messages after a provider took them. */
import { nextAsk, type Delivery } from './delivery.ts';
import type { Events } from './events.ts';
import type { ProviderReport } from './provider-report.ts';
import { deliveryFromRow } from './rows.ts';
import type { Rows } from './tables.ts';

export class OutcomeStore {
  readonly #rows: Rows;
  readonly #events: Events;

  constructor({ rows, events }: { rows: Rows; events: Events }) {
    this.#rows = rows;
    this.#events = events;
  }

  /** The deliveries whose provider is to be asked by now. */
  async toAsk({ now, limit }: { now: number; limit: number }): Promise<Delivery[]> {
    const rows = await this.#rows.read.selectFrom('deliveries').selectAll().where('ask_at', '<=', now).orderBy('ask_at').limit(limit).execute();
    return rows.map(deliveryFromRow);
  }

  async askAgain(delivery: Delivery, { now }: { now: number }): Promise<void> {
    await this.#rows.transaction(async ({ db }) => {
      await db.updateTable('deliveries').set({ ask_at: nextAsk(delivery, { now }) ?? null }).where('id', '=', delivery.id).where('status', '=', 'sent').execute();
    });
  }

  /** sent → delivered, or dead. False where no sent delivery of that provider is meant. */
  async settle({ providerId, deliveryId, outcome }: ProviderReport, { provider, now }: { provider: string; now: number }): Promise<boolean> {
    return this.#rows.transaction(async (tx) => {
      const change = outcome === 'delivered'
        ? { status: 'delivered' as const, delivered_at: now, ask_at: null }
        : { status: 'dead' as const, dead_at: now, last_error: 'undeliverable' as const, ask_at: null };
      const query = tx.db.updateTable('deliveries').set(change).where('status', '=', 'sent').where('provider', '=', provider);
      const row = await (deliveryId === undefined ? query.where('provider_id', '=', providerId) : query.where('id', '=', deliveryId)).returningAll().executeTakeFirst();
      if (!row) return false;
      const { type } = await tx.db.selectFrom('reports').select('type').where('id', '=', row.report_id).executeTakeFirstOrThrow();
      await this.#events.settled(tx, { delivery: deliveryFromRow(row), type });
      return true;
    });
  }
}
