import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/**
 * Lets every other thread of the machine go before this one. Rendering takes a core for as long as it lasts; who answers a screen or the PSP meanwhile needs it
 * for a moment, and would otherwise wait for the system's turn to change. Linux alone has priorities of threads (setpriority(2)); elsewhere nothing happens.
 */
export function yieldToOthers(): void {
  if (process.platform !== 'linux') return;
  try {
    const threadId = Number(/\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1]);
    if (Number.isInteger(threadId)) setPriority(threadId, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Without /proc, or where it is forbidden: it is a courtesy, and the report is made all the same.
  }
}
