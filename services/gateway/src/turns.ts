/**
 * How much begins in one turn of the event loop. Requests that arrive together would all be begun before the first of them reaches the service behind, because
 * what is written leaves at the end of the turn; the service would answer all together again, and so they would go round for good: gateway and service each
 * waiting while the other works. A few at a time keep both at work.
 */
export interface Turns {
  /** Begins now where the turn has room, otherwise in one of the next, each in its order. What answers false has begun nothing, and takes no room. */
  take(begin: () => boolean): void;
  /** How many wait. */
  readonly waiting: number;
  /** How long the one that began last in this turn had waited, in ms. */
  readonly waitedMs: number;
}

/** Enough for one commit to serve many, few enough for the next to be on their way while it runs: measured with 64 connections, see docs/performance.md. */
const usualPerTurn = 16;

export function createTurns({ perTurn = usualPerTurn, now = () => performance.now() }: { perTurn?: number; now?: () => number } = {}): Turns {
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

  return {
    take(begin) {
      if (waiting.length > 0 || begun >= perTurn) return void waiting.push({ begin, since: now() });
      waitedMs = 0;
      start(begin);
    },
    get waiting() {
      return waiting.length;
    },
    get waitedMs() {
      return waitedMs;
    },
  };
}
