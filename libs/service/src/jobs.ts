// Work that comes round again: sweeps, polls, retention. The work itself is rows; a job only looks for what is due.
import type { Log } from './log.ts';

export interface Job extends AsyncDisposable {
  /** Looks now instead of at the next time, or once the rest is over. */
  wake(): void;
}

/**
 * Calls `run` at once and then `intervalMs` after each end, never twice at a time. What it throws is logged and tried again at the next
 * time; that another service is away for a moment, as at its restart, is a warning only. Disposing aborts the signal and waits for a run under way.
 */
export function startJob({ name, intervalMs, restMs = 0, run, log }: {
  name: string;
  intervalMs: number;
  /** How long it rests between two runs, in ms, however often it is woken. */
  restMs?: number;
  run: (signal: AbortSignal) => Promise<void>;
  log: Log;
}): Job {
  const stop = new AbortController();
  let woken = false;
  /** Ends the wait under way, so many ms after the run. */
  let goOnAfter: (ms: number) => void = () => {};
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      woken = false;
      try {
        await run(stop.signal);
      } catch (error) {
        if (!stop.signal.aborted) logFailedJob(log, name, error);
      }
      if (stop.signal.aborted) break;
      await new Promise<void>((resolve) => {
        const endedAt = performance.now();
        let timer: NodeJS.Timeout | undefined;
        goOnAfter = (ms) => {
          clearTimeout(timer);
          // Through a timer even when woken: a run that wakes itself for ever must leave the process its turn.
          timer = setTimeout(resolve, Math.max(0, ms - (performance.now() - endedAt)));
        };
        goOnAfter(woken ? restMs : intervalMs);
      });
      goOnAfter = () => {};
    }
  };
  const ended = loop();
  return {
    wake: () => {
      woken = true;
      goOnAfter(restMs);
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      goOnAfter(0);
      await ended;
    },
  };
}

/** For work that is tried again by itself. That another service is away for a moment is told by its shape: this library knows nothing of ours. */
export function logFailedJob(log: Log, job: string, error: unknown): void {
  const isAway = error instanceof Error && 'kind' in error && (error.kind === 'unavailable' || error.kind === 'deadline');
  log[isAway ? 'warn' : 'error']({ job, error }, 'a job failed; it is tried again');
}
