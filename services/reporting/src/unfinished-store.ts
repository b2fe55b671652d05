/** Every query of unfinished.ts. None walks a table, however many reports there are (unfinished.test.ts). */
import { idFloor } from '@kiosk/database';
import { sql } from 'kysely';
import { channels, type Channel } from './delivery.ts';
import type { Rows } from './tables.ts';

/** A delivery is given up after 72 hours, or when its provider says so, which it is asked for two days: whatever was given up lately is not much older than this. */
const longestLifeMs = 7 * 24 * 3_600_000;

/** Written out, as in the index that holds them. */
const unfinished = [sql.lit('queued' as const), sql.lit('sending' as const)];

export class UnfinishedStore {
  readonly #rows: Rows;

  constructor({ rows }: { rows: Rows }) {
    this.#rows = rows;
  }

  /** Deliveries that have neither been sent nor been given up. */
  async unfinished(channel: Channel): Promise<number> {
    const { count } = await this.#rows.read.selectFrom('deliveries').select((select) => select.fn.countAll<number>().as('count'))
      .where('status', 'in', unfinished).where('channel', '=', channel).executeTakeFirstOrThrow();
    return count;
  }

  /** When the oldest of them was asked for. */
  async oldestUnfinished(channel: Channel): Promise<number | undefined> {
    const row = await this.#rows.read.selectFrom('deliveries').select('created_at as at')
      .where('status', 'in', unfinished).where('channel', '=', channel).orderBy('created_at').limit(1).executeTakeFirst();
    return row?.at;
  }

  /** Deliveries that were given up since. */
  async dead({ channel, since }: { channel: Channel; since: number }): Promise<number> {
    const { count } = await this.#rows.read.selectFrom('deliveries').select((select) => select.fn.countAll<number>().as('count'))
      .where('status', '=', sql.lit('dead')).where('id', '>=', idFloor('dlv', since - longestLifeMs)).where('dead_at', '>=', since).where('channel', '=', channel).executeTakeFirstOrThrow();
    return count;
  }

  /** Reports that nobody got: a delivery was given up since, and no other was sent or still may be. */
  async undelivered(since: number): Promise<number> {
    const { count } = await this.#rows.read.selectFrom('deliveries').select((select) => select.fn.count<number>('report_id').distinct().as('count'))
      .where('channel', 'in', channels).where('status', '=', sql.lit('dead')).where('id', '>=', idFloor('dlv', since - longestLifeMs)).where('dead_at', '>=', since)
      .where(({ not, exists, selectFrom }) => not(exists(
        selectFrom('deliveries as other').select('other.id').whereRef('other.report_id', '=', 'deliveries.report_id').where('other.status', '!=', 'dead'),
      )))
      .executeTakeFirstOrThrow();
    return count;
  }

  /** When the oldest report was asked for whose PDF is not there yet. */
  async oldestRendering(): Promise<number | undefined> {
    const row = await this.#rows.read.selectFrom('reports').select('created_at as at').where('status', '=', sql.lit('rendering')).orderBy('id').limit(1).executeTakeFirst();
    return row?.at;
  }

  /** Reports of which no PDF can be made; they wait for a newer template. */
  async unrenderable(): Promise<number> {
    const { count } = await this.#rows.read.selectFrom('reports').select((select) => select.fn.countAll<number>().as('count'))
      .where('status', '=', sql.lit('failed')).where('erased_at', 'is', null).executeTakeFirstOrThrow();
    return count;
  }
}
