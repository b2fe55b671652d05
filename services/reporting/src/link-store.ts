/** Every query on links. A link is there while somebody may have it: from an attempt's begin until that attempt surely failed (delivery-store.ts). */
import type { Events } from './events.ts';
import type { Origin, Rows } from './tables.ts';

export type OpenableLink = { reportId: string; deliveryId: string; expiresAt: number; revokedAt?: number };

export class LinkStore {
  readonly #rows: Rows;
  readonly #events: Events;

  constructor({ rows, events }: { rows: Rows; events: Events }) {
    this.#rows = rows;
    this.#events = events;
  }

  async find(tokenSha256: string): Promise<OpenableLink | undefined> {
    const row = await this.#rows.read.selectFrom('report_links').selectAll().where('token_sha256', '=', tokenSha256).executeTakeFirst();
    return row && { reportId: row.report_id, deliveryId: row.delivery_id, expiresAt: row.expires_at, revokedAt: row.revoked_at ?? undefined };
  }

  async opened(tokenSha256: string, { now }: { now: number }): Promise<void> {
    await this.#rows.transaction(async ({ db, afterCommit }) => {
      await db.updateTable('report_links').set((set) => ({ opened: set('opened', '+', 1), last_opened_at: now })).where('token_sha256', '=', tokenSha256).execute();
      afterCommit(() => this.#events.linkOpened());
    });
  }

  /** How many still opened the report. */
  async revoke(reportId: string, { now, origin }: { now: number; origin: Origin }): Promise<number> {
    return this.#rows.transaction(async (tx) => {
      const rows = await tx.db.updateTable('report_links').set({ revoked_at: now }).where('report_id', '=', reportId).where('revoked_at', 'is', null)
        .returning('expires_at').execute();
      const count = rows.filter(({ expires_at: expiresAt }) => expiresAt > now).length;
      await this.#events.linksRevoked(tx, { reportId, count, origin });
      return count;
    });
  }
}
