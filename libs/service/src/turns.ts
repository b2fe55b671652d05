/**
 * How much begins in one turn of the event loop. What arrives together would otherwise all be done in one: nobody else has the loop meanwhile, and since what is
 * written leaves at the end of the turn, whoever is behind gets nothing to do before, and then everything at once.
 */
export interface Turns {
  /** Begins now where the turn has room, otherwise in one of the next, each in its order. What answers false has begun nothing, and takes no room. */
  take(begin: () => boolean): void;
  /** Resolves when it is the caller's turn. */
  next(): Promise<void>;
  /** How many wait. */
  readonly waiting: number;
  /** How long the one that began last in this turn had waited, in ms. */
  readonly waitedMs: number;
}

export function createTurns({ perTurn, now = () => performance.now() }: { perTurn: number; now?: () => number }): Turns {
  const waiting: { begin: () => boolean; since: number }[] = [];
  let begun = 0;
  let isCounting = false;
  let waitedMs = 0;

  function start(begin: () => boolean): void {
    // Counted before: what begins may ask for a turn itself.
    begun++;
    if (!isCounting) setImmediate(nextTurn);
    isCounting = true;
    if (!begin()) begun--;
  }

  function nextTurn(): void {
    begun = 0;
    isCounting = false;
    waitedMs = 0;
    while (waiting.length > 0 && begun < perTurn) {
      const { begin, since } = waiting.shift()!;
      waitedMs = now() - since;
      start(begin);
    }
  }

  function take(begin: () => boolean): void {
    if (waiting.length > 0 || begun >= perTurn) return void waiting.push({ begin, since: now() });
    waitedMs = 0;
    start(begin);
  }

  return {
    take,
    next: () => new Promise((resolve) => take(() => {
      resolve();
      return true;
    })),
    get waiting() {
      return waiting.length;
    },
    get waitedMs() {
      return waitedMs;
    },
  };
}
