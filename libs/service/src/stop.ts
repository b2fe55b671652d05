/**
 * Disposes within a time limit. Fails with what the disposal failed with, or with a TimeoutError when the time is over;
 * the disposal itself then still runs.
 */
export function stopWithin(limitMs: number, disposable: AsyncDisposable): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DOMException(`not stopped within ${limitMs} ms`, 'TimeoutError')), limitMs);
    const stop = async () => disposable[Symbol.asyncDispose]();
    stop().then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
