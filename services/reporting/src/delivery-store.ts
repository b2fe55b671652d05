/**
 * Every query of the delivery worker. A delivery is claimed with a lease and a token of its own; only who still holds the token may write down how
 * the attempt ended, so a worker that was thought dead changes nothing when it comes back (D7).
 */
import { sql, type Kysely } from 'kysely';
import { nextProvider, type Channel, type Delivery } from './delivery.ts';
import type { Events } from './events.ts';
import type { Links } from './links.ts';
import type { Report } from './report.ts';
import { deliveryFromRow, deliveryToRow, reportColumns, reportFromRow } from './rows.ts';
import type { Rows, Tables } from './tables.ts';

export type Claim = { delivery: Delivery; report: Report; token: string };

export class DeliveryStore {
  readonly #rows: Rows;
  readonly #events: Events;
  readonly #links: Links;

  constructor({ rows, events, links }: { rows: Rows; events: Events; links: Links }) {
    this.#rows = rows;
    this.#events = events;
    this.#links = links;
  }

  /**
   * Takes the delivery of the channel that has been due for longest, for the one of `providers` whose turn it is, and makes its link open; undefined when
   * none is due. `token` must be new.
   */
  async claimDue(channel: Channel, { now, leaseMs, token, providers }: {
    now: number; leaseMs: number; token: string; providers: readonly string[];
  }): Promise<Claim | undefined> {
    // A look without a transaction: most of the time nothing is due.
    if (!await dueDeliveries(this.#rows.read, { channel, now, limit: 1 }).executeTakeFirst()) return undefined;
    return this.#rows.transaction(async (tx) => {
      const { db } = tx;
      const row = await db.updateTable('deliveries').set((set) => ({
        status: 'sending', attempts: set('attempts', '+', 1), first_attempt_at: set.fn.coalesce('first_attempt_at', set.val(now)),
        next_attempt_at: null, lease_token: token, lease_until: now + leaseMs,
      })).where('id', 'in', dueDeliveries(db, { channel, now, limit: 1 })).returningAll().executeTakeFirst();
      if (!row) return undefined;
      const report = await db.selectFrom('reports').select(reportColumns).where('id', '=', row.report_id).executeTakeFirstOrThrow();
      const before = deliveryFromRow(row);
      const delivery = { ...before, provider: nextProvider(before, providers) };
      if (delivery.provider !== before.provider) await db.updateTable('deliveries').set({ provider: delivery.provider }).where('id', '=', row.id).execute();
      const { tokenSha256, expiresAt } = this.#links.of(delivery);
      await db.insertInto('report_links').values({
        token_sha256: tokenSha256, report_id: row.report_id, delivery_id: row.id, created_at: delivery.createdAt, expires_at: expiresAt,
      }).onConflict((conflict) => conflict.column('token_sha256').doNothing()).execute();
      await this.#events.begun(tx, delivery);
      return { delivery, report: reportFromRow(report), token };
    });
  }

  /** Writes down how an attempt ended. False, and nothing changes, where the token is no longer the one that holds the delivery. */
  async complete({ delivery: before, report, token }: Claim, after: Delivery): Promise<boolean> {
    return this.#rows.transaction(async (tx) => {
      const row = deliveryToRow(after);
      const held = await tx.db.updateTable('deliveries').set({
        status: row.status, ambiguous_attempts: row.ambiguous_attempts, next_attempt_at: row.next_attempt_at, lease_token: null, lease_until: null,
        last_error: row.last_error, provider_id: row.provider_id, ask_at: row.ask_at, sent_at: row.sent_at, dead_at: row.dead_at,
      }).where('id', '=', after.id).where('lease_token', '=', token).returning('id').executeTakeFirst();
      if (!held) return false;
      // A link that surely nobody has is none to be revoked; the next attempt makes it again.
      if (after.status !== 'sent' && after.ambiguousAttempts === 0) await tx.db.deleteFrom('report_links').where('token_sha256', '=', this.#links.of(after).tokenSha256).execute();
      await this.#events.attempted(tx, { before, after, report });
      return true;
    });
  }

  /** How many text messages the phone of this one has had, or may have had, since then, before this one. */
  async textsBefore({ id, recipient, firstAttemptAt = 0 }: Delivery, { since }: { since: number }): Promise<number> {
    const { count } = await this.#rows.read.selectFrom('deliveries').select((select) => select.fn.countAll<number>().as('count'))
      .where('channel', '=', sql.lit('sms')).where('recipient', '=', recipient).where('first_attempt_at', '<=', firstAttemptAt)
      .where((where) => where.or([where('first_attempt_at', '<', firstAttemptAt), where('id', '<', id)]))
      .where((where) => where(where.fn.coalesce('sent_at', 'first_attempt_at'), '>', since))
      .where((where) => where.or([where('status', '<>', 'dead'), where('sent_at', 'is not', null), where('ambiguous_attempts', '>', 0)]))
      .executeTakeFirstOrThrow();
    return count;
  }

  /**
   * Makes deliveries due again whose worker is gone, and counts the attempt as one that may have arrived. At the start of the only process that
   * works on this database that is every one; with `leaseEndedBy`, those whose lease ended by then.
   */
  async takeUpInterrupted({ leaseEndedBy, now }: { leaseEndedBy?: number; now: number }): Promise<number> {
    return this.#rows.transaction(async (tx) => {
      let query = tx.db.updateTable('deliveries').set((set) => ({
        status: 'queued', ambiguous_attempts: set('ambiguous_attempts', '+', 1), next_attempt_at: now, lease_token: null, lease_until: null, last_error: 'interrupted',
      })).where('status', '=', sql.lit('sending'));
      if (leaseEndedBy !== undefined) query = query.where('lease_until', '<=', leaseEndedBy);
      const rows = await query.returningAll().execute();
      for (const row of rows) await this.#events.interrupted(tx, deliveryFromRow(row));
      return rows.length;
    });
  }
}

/** The partial index on queued deliveries serves this; the states stand in the text of the query because a bound value would hide it from the planner. */
export function dueDeliveries(db: Kysely<Tables>, { channel, now, limit }: { channel: Channel; now: number; limit: number }) {
  return db.selectFrom('deliveries').select('id').where('status', '=', sql.lit('queued')).where('channel', '=', channel).where('next_attempt_at', '<=', now)
    .orderBy('next_attempt_at').limit(limit);
}
