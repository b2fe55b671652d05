/** Every query of unfinished.ts. None walks a table, however many payments there are (query-plans.test.ts). */
import { sql } from 'kysely';
import type { Difference } from './reconciliation.ts';
import type { Rows } from './tables.ts';

export class UnfinishedStore {
  readonly #rows: Rows;

  constructor({ rows }: { rows: Rows }) {
    this.#rows = rows;
  }

  /** Intents that customers may pay now. */
  async open(now: number): Promise<{ provider: string; count: number }[]> {
    return this.#rows.read.selectFrom('intents').select((select) => ['provider', select.fn.countAll<number>().as('count')])
      .where('status', '=', 'pending').where('expires_at', '>', now).groupBy('provider').execute();
  }

  /** Requests to the PSP whose outcome nobody knows, of those that were first sent before. */
  async unknown(sentBefore: number): Promise<number> {
    const { count } = await this.#rows.read.selectFrom('intents').select((select) => select.fn.countAll<number>().as('count'))
      .where('submission', '=', sql.lit('submitting')).where('first_attempt_at', '<', sentBefore).executeTakeFirstOrThrow();
    return count;
  }

  /** When the oldest refund was made that has not come to its end. */
  async oldestPendingRefund(): Promise<number | undefined> {
    const row = await this.#rows.read.selectFrom('refunds').select('created_at as at').where('status', '=', sql.lit('pending'))
      .orderBy('created_at').limit(1).executeTakeFirst();
    return row?.at;
  }

  /** When the oldest payment was confirmed whose receipt is not registered yet, and is still asked about. */
  async oldestPendingReceipt(): Promise<number | undefined> {
    const row = await this.#rows.read.selectFrom('intents').select('confirmed_at as at').where('receipt_registration', '=', sql.lit('pending'))
      .where('confirmed_at', 'is not', null).where('next_action_at', 'is not', null).orderBy('confirmed_at').limit(1).executeTakeFirst();
    return row?.at ?? undefined;
  }

  /** Payments of the span, by the PSP's clock, whose visit has neither its report nor its money back. Without a look at `status`: its index would be taken, and walked. */
  async unserved({ from, to }: { from: number; to: number }): Promise<number> {
    const { count } = await this.#rows.read.selectFrom('intents').select((select) => select.fn.countAll<number>().as('count'))
      .where('psp_status', '=', sql.lit('succeeded')).where('psp_created_at', '>=', from).where('psp_created_at', '<', to)
      .where(({ not, exists, selectFrom }) => not(exists(selectFrom('services_rendered').select('at').whereRef('services_rendered.session_id', '=', 'intents.session_id'))))
      .where(({ not, exists, selectFrom }) => not(exists(
        selectFrom('refunds').select('refunds.id').whereRef('refunds.intent_id', '=', 'intents.id').where('refunds.status', '!=', 'canceled'),
      )))
      .executeTakeFirstOrThrow();
    return count;
  }

  /** When each kind of anomaly was seen last, of those seen since. */
  async anomalies(since: number): Promise<{ kind: string; at: number }[]> {
    const rows = await this.#rows.read.selectFrom('anomalies').select(['kind', 'last_at']).where('last_at', '>=', since).execute();
    const newest = new Map<string, number>();
    for (const { kind, last_at: at } of rows) newest.set(kind, Math.max(at, newest.get(kind) ?? 0));
    return [...newest].map(([kind, at]) => ({ kind, at }));
  }

  /** The newest days' comparisons with the PSP. */
  async reconciled(days: number): Promise<{ runAt: number; differences: Difference[] }[]> {
    const rows = await this.#rows.read.selectFrom('reconciliations').select(['run_at', 'differences']).orderBy('day', 'desc').limit(days).execute();
    return rows.map(({ run_at: runAt, differences }) => ({ runAt, differences: JSON.parse(differences) as Difference[] }));
  }
}
