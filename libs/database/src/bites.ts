/**
 * Work on many rows, such as a sweep's or the retention's, is done in bites: one small transaction after the other, each short enough that nobody notices, with a pause
 * as long as the bite took, so that what customers ask for meanwhile has at least every other turn.
 */
import { setTimeout } from 'node:timers/promises';

/** A row costs some 0.3 ms with its indexes and its entry in the audit, and the commit a sync; the event loop shall not stand still for longer than 20 ms. */
export const biteRows = 10;

/** Calls `bite` until it has done fewer than `rows`. Answers how many were done in all; fails between two bites once the signal is aborted. */
export async function inBites(bite: () => Promise<number>, { rows = biteRows, signal }: { rows?: number; signal?: AbortSignal } = {}): Promise<number> {
  for (let total = 0;;) {
    const startedAt = performance.now();
    const count = await bite();
    total += count;
    if (count < rows) return total;
    await setTimeout(performance.now() - startedAt);
    signal?.throwIfAborted();
  }
}
