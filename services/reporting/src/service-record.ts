/** Tells payments of each visit that has its report, so that its money is not given back by itself. What was not told is still marked so, and told later. */
import type { Store } from './store.ts';
import type { Origin } from './tables.ts';

export type RecordService = (service: { sessionId: string; reportId: string }, origin: Origin) => Promise<unknown>;

const biteRows = 50;

export function createServiceRecord({ store, recordService, now }: {
  store: Store; recordService: RecordService; now: () => number;
}) {
  return async (signal?: AbortSignal): Promise<void> => {
    for (;;) {
      const reports = await store.unrecorded(biteRows);
      for (const { id, sessionId } of reports) {
        if (signal?.aborted) return;
        await recordService({ sessionId, reportId: id }, { requestId: id, caller: { role: 'service', name: 'reporting' } });
        await store.recorded(id, now());
      }
      if (reports.length < biteRows) return;
    }
  };
}
