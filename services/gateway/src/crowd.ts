/**
 * How many may be inside at the same time, found by how long they take (G4). A fixed number is too small for a fast machine and too large for a slow or busy
 * one, where it becomes a queue in which everybody is late. So the limit falls in proportion while what is usually quick takes longer than `quickMs`, and
 * rises again while it is reached and all is quick. Where it takes long with hardly anybody inside the machine is slow, not crowded: then twice that counts as
 * quick, up to three times `quickMs`.
 */
export interface Crowd {
  /** How many may be inside now. */
  readonly limit: number;
  /** Whoever comes in, `inside` counting it. */
  entered(inside: number): void;
  /** Something that is usually quick has succeeded and took this long. */
  took(ms: number): void;
}

const windowMs = 100;
const fewestSamples = 8;
const growth = 1.1;
const steepestFall = 0.7;

/** `now` in ms, of a clock that is never set. The limit begins at `most`: nobody is refused without evidence. */
export function createCrowd({ least, most, quickMs, now }: { least: number; most: number; quickMs: number; now: () => number }): Crowd {
  let limit = most;
  let aloneMs = 0;
  let window = { since: now(), samples: 0, totalMs: 0, fullest: 0 };
  function close(at: number): void {
    const { samples, totalMs, fullest } = window;
    const meanMs = totalMs / samples;
    if (fullest <= least) aloneMs = meanMs;
    const mayTakeMs = Math.min(3 * quickMs, Math.max(quickMs, 2 * aloneMs));
    if (meanMs > mayTakeMs) limit = Math.max(least, Math.min(limit, fullest) * Math.max(steepestFall, mayTakeMs / meanMs));
    else if (fullest >= 0.9 * limit) limit = Math.min(most, limit * growth + 1);
    window = { since: at, samples: 0, totalMs: 0, fullest: 0 };
  }
  return {
    get limit() {
      return limit;
    },
    entered(inside) {
      if (inside > window.fullest) window.fullest = inside;
    },
    took(ms) {
      window.samples++;
      window.totalMs += ms;
      const at = now();
      if (window.samples >= fewestSamples && at - window.since >= windowMs) close(at);
    },
  };
}
