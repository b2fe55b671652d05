/** One attempt to send, with an end: a provider that hangs is given up on, and a process that stops waits a little for what is under way. */
import { SendError } from './send-error.ts';

/**
 * Runs `send` and fails with an ambiguous SendError after `timeoutMs`, or `graceMs` after `stop` is aborted, whether or not `send` heeds the signal it
 * is given.
 */
export async function limitAttempt<T>(send: (signal: AbortSignal) => Promise<T>, { stop, timeoutMs, graceMs }: {
  stop: AbortSignal; timeoutMs: number; graceMs: number;
}): Promise<T> {
  const end = new AbortController();
  const over = new Promise<never>((_, reject) => {
    end.signal.addEventListener('abort', () => reject(end.signal.reason as SendError), { once: true });
  });
  const timers: NodeJS.Timeout[] = [];
  const endAfter = (ms: number, reason: 'timeout' | 'interrupted'): void => {
    timers.push(setTimeout(() => end.abort(new SendError({ kind: 'ambiguous', reason })), ms));
  };
  const stopping = (): void => endAfter(graceMs, 'interrupted');
  endAfter(timeoutMs, 'timeout');
  stop.addEventListener('abort', stopping, { once: true });
  if (stop.aborted) stopping();
  try {
    return await Promise.race([send(end.signal), over]);
  } finally {
    stop.removeEventListener('abort', stopping);
    for (const timer of timers) clearTimeout(timer);
  }
}
