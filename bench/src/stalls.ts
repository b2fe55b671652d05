/**
 * How long this thread's event loop stands still. What it waited for a core is told apart: on a machine with more to do than cores everybody waits, whatever the
 * work that is looked at, and the longest of some thousand waits says more about the neighbours than about it.
 */
import { openSync, readSync, closeSync } from 'node:fs';

/** In ms: the longest of all, and the longest without the wait for a core. */
export type Stalls = { longestMs: number; longestOwnMs: number };

const everyMs = 1;

/** Linux only (https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat). `take` tells of the time since it was called last, `stop` too. */
export function watchStalls(): { take: () => Stalls; stop: () => Stalls } {
  const schedstat = openSync('/proc/thread-self/schedstat', 'r');
  const text = Buffer.alloc(128);
  const waitedMs = (): number => Number(text.toString('latin1', 0, readSync(schedstat, text, 0, text.length, 0)).split(' ')[1]) / 1e6;
  let stalls = { longestMs: 0, longestOwnMs: 0 };
  let last = { at: performance.now(), waitedMs: waitedMs() };
  const look = (): void => {
    const now = { at: performance.now(), waitedMs: waitedMs() };
    const stallMs = now.at - last.at - everyMs;
    stalls.longestMs = Math.max(stalls.longestMs, stallMs);
    stalls.longestOwnMs = Math.max(stalls.longestOwnMs, stallMs - (now.waitedMs - last.waitedMs));
    last = now;
  };
  const timer = setInterval(look, everyMs).unref();
  function take(): Stalls {
    look();
    const taken = stalls;
    stalls = { longestMs: 0, longestOwnMs: 0 };
    return taken;
  }
  return {
    take,
    stop() {
      clearInterval(timer);
      const taken = take();
      closeSync(schedstat);
      return taken;
    },
  };
}
