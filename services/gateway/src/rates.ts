/** How often somebody may ask: one token bucket per caller, in this process's memory. */

export type Rate = { allowed: boolean; /** Whole requests left. */ remaining: number; /** Until all may be asked again, in ms. */ fullInMs: number; /** 0 where allowed. */ retryAfterMs: number };

type Bucket = { tokens: number; at: number };

/** A minute's worth at once, and then as fast as it fills again. `most` callers are remembered; the one that asked longest ago is forgotten first. */
export class Rates {
  readonly perMinute: number;
  readonly #most: number;
  readonly #buckets = new Map<string, Bucket>();
  /** Who asked last is the last in the map. */
  #last: string | undefined;

  constructor({ perMinute, most = 10_000 }: { perMinute: number; most?: number }) {
    this.perMinute = perMinute;
    this.#most = most;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one if there is one. `now` is in epoch ms; a clock set back fills nothing. */
  take(caller: string, now: number): Rate {
    const perMs = this.perMinute / 60_000;
    const bucket = this.#buckets.get(caller) ?? { tokens: this.perMinute, at: now };
    const filled = Math.min(this.perMinute, bucket.tokens + Math.max(0, now - bucket.at) * perMs);
    const allowed = filled >= 1;
    const tokens = allowed ? filled - 1 : filled;
    bucket.tokens = tokens;
    bucket.at = now;
    if (caller !== this.#last) {
      this.#buckets.delete(caller);
      this.#buckets.set(caller, bucket);
      if (this.#buckets.size > this.#most) this.#buckets.delete(this.#buckets.keys().next().value!);
      this.#last = caller;
    }
    return { allowed, remaining: Math.floor(tokens), fullInMs: (this.perMinute - tokens) / perMs, retryAfterMs: allowed ? 0 : (1 - tokens) / perMs };
  }
}
