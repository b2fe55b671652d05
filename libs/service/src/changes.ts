// Who waits for a change, by the key of what changes. Only the fact is passed on, never what has changed: whoever waits reads the state anew. So changes
// that come together are one, the last of them is never missed, and a watcher that is slow costs no memory.

export class Changes {
  readonly #watchers = new Map<string, Set<() => void>>();

  /** How many watch now. */
  get watchers(): number {
    return [...this.#watchers.values()].reduce((count, ofKey) => count + ofKey.size, 0);
  }

  /** Wakes whoever watches the key. To be called after the commit. */
  touch(key: string): void {
    for (const wake of this.#watchers.get(key) ?? []) wake();
  }

  /**
   * What `read` gives now, and again after each change; the same may come twice. Ends when `read` fails, with its error, and when the signal aborts or the
   * loop is left.
   */
  async *watch<State>(key: string, { read, signal }: { read: () => Promise<State>; signal: AbortSignal }): AsyncGenerator<State, void> {
    let changed = false;
    let wake = (): void => {};
    // Before the first look, so that nothing falls between it and the wait.
    const leave = this.#enter(key, () => {
      changed = true;
      wake();
    });
    const abort = (): void => wake();
    signal.addEventListener('abort', abort);
    try {
      while (!signal.aborted) {
        changed = false;
        yield await read();
        if (!changed && !signal.aborted) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', abort);
      leave();
    }
  }

  #enter(key: string, wake: () => void): () => void {
    const ofKey = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, ofKey);
    ofKey.add(wake);
    return () => {
      ofKey.delete(wake);
      if (ofKey.size === 0) this.#watchers.delete(key);
    };
  }
}
