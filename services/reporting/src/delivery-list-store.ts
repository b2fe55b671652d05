/** What the operator looks through: deliveries by state, channel, report and time, newest first, a page at a time. */
import { idFloor } from '@kiosk/database';
import { invalid } from '@kiosk/fault';
import { sql } from 'kysely';
import { channels, deliveryStatuses, type Channel, type Delivery, type DeliveryStatus } from './delivery.ts';
import { deliveryFromRow } from './rows.ts';
import { scopeOf, type Origin, type Rows } from './tables.ts';

const pageLimit = { usual: 50, most: 200 };

/** Of the delivery's making, epoch ms: from the first on, before the second. */
export type DeliveryFilter = { status?: DeliveryStatus; channel?: Channel; reportId?: string; createdFrom?: number; createdTo?: number };

export type ListedDelivery = { delivery: Delivery; sessionId: string; kioskId?: string };

export type ListDeliveries = ReturnType<typeof createDeliveryList>;

export function createDeliveryList({ rows }: { rows: Pick<Rows, 'read'> }) {
  /** Fails with `invalid_limit` and `invalid_cursor`. A `limit` of 0 is the usual one; an empty `nextCursor` ends the list. A kiosk sees its own. */
  return async ({ status, channel, reportId, createdFrom, createdTo, limit, cursor }: DeliveryFilter & { limit: number; cursor: string }, origin: Origin): Promise<{
    deliveries: ListedDelivery[]; nextCursor: string;
  }> => {
    if (limit < 0 || limit > pageLimit.most) throw invalid('invalid_limit', `limit must be from 1 to ${pageLimit.most}.`, 'limit');
    if (cursor !== '' && !/^dlv_[0-9a-z]{26}$/.test(cursor)) throw invalid('invalid_cursor', 'cursor must be the nextCursor of the page before.', 'cursor');
    const size = limit || pageLimit.usual;
    const kioskId = scopeOf(origin);
    let query = rows.read.selectFrom('deliveries').innerJoin('reports', 'reports.id', 'deliveries.report_id')
      .selectAll('deliveries').select(['reports.session_id', 'reports.kiosk_id']);
    if (kioskId !== undefined) query = query.where('reports.kiosk_id', '=', kioskId);
    if (createdFrom !== undefined) query = query.where('deliveries.id', '>=', idFloor('dlv', createdFrom));
    if (createdTo !== undefined) query = query.where('deliveries.id', '<', idFloor('dlv', createdTo));
    if (cursor !== '') query = query.where('deliveries.id', '<', cursor);
    // A report's few are looked through: without the sign the index of a state's many would be.
    const ofReport = () => query.where('deliveries.report_id', '=', reportId!)
      .$if(status !== undefined, (of) => of.where(sql`+deliveries.status`, '=', status)).$if(channel !== undefined, (of) => of.where(sql`+deliveries.channel`, '=', channel));
    // A union of one list for each channel and state is merged in the order of their index, and read no further than the page.
    const [first, ...others] = status === undefined && channel === undefined ? [query]
      : (channel ? [channel] : channels).flatMap((ofChannel) => (status ? [status] : deliveryStatuses).map((inState) =>
        query.where('deliveries.channel', '=', ofChannel).where('deliveries.status', '=', inState)));
    const page = reportId ? ofReport() : others.reduce((all, one) => all.unionAll(one), first!);
    const found = await page.orderBy('id', 'desc').limit(size + 1).execute();
    const deliveries = found.slice(0, size).map((row) => ({ delivery: deliveryFromRow(row), sessionId: row.session_id, kioskId: row.kiosk_id ?? undefined }));
    return { deliveries, nextCursor: found.length > size ? deliveries.at(-1)!.delivery.id : '' };
  };
}
