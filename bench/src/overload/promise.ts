/** What the gateway promises of too much load (G4), and how it is judged. */
import { median } from '../statistics.ts';

/** How many times of what the services can do is asked for. */
export const factors = [1, 2, 5, 10] as const;
/** The load that a gateway back to normal serves without a refusal, as a share of what it can do. It follows each of the others: all of ten seconds after the largest. */
export const normalShare = 0.3;
export const recoveryLimitMs = 10_000;
const promised = { goodput: 0.8, vital: 0.99 };

export type Options = { /** A folder that is there. */ storagePath: string; rounds?: number };

/** Of one phase, each a second. */
export type Goodput = { good: number; asked: number };

/**
 * In each round of each load, what was good of what the peak's load achieved, or of what was asked for where that was less. The peak is at the load with the best
 * median of all rounds. What a machine can do changes with what else runs on it, so every other load is compared with that one round by round, and the median
 * counts; the best of a round's phases would be the one that the machine disturbed least, and no peak.
 */
export function sharesOfPeak(loads: readonly Goodput[][]): number[][] {
  const usual = loads.map((rounds) => median(rounds.map(({ good }) => good)));
  const peak = loads[usual.indexOf(Math.max(...usual))]!;
  return loads.map((rounds) => rounds.map(({ good, asked }, round) => good / Math.min(peak[round]!.good, asked)));
}

/** How long the load goes on that shows whether all is back to normal. */
export function recoveryMsAfter(factor: number): number {
  return factor === Math.max(...factors) ? recoveryLimitMs : recoveryLimitMs / 4;
}

/** From when on every second was well, in ms after the load. */
export function recoveredAfter({ goodSeconds }: { goodSeconds: readonly boolean[] }): number {
  return 1000 * (goodSeconds.lastIndexOf(false) + 1);
}

/** A sentence for each promise that did not hold. `vital` is the share of notifications and status reads that were answered. */
export function brokenBy({ what, factor, shares, recoveryMs, vital, wrong }: {
  what: string; factor: number; shares: readonly number[]; recoveryMs: readonly number[]; vital: number; wrong: number;
}): string[] {
  const goodput = median(shares);
  return [
    ...(goodput < promised.goodput ? [`${what} at ${factor}×: the goodput is ${Math.round(100 * goodput)} % of its peak`] : []),
    ...(vital < promised.vital ? [`${what} at ${factor}×: ${(100 * (1 - vital)).toFixed(1)} % of the notifications or status reads were not answered in time`] : []),
    ...(wrong > 0 ? [`${what} at ${factor}×: ${wrong} answers were neither good nor a refusal with Retry-After`] : []),
    ...(Math.max(...recoveryMs) >= recoveryLimitMs ? [`${what} after ${factor}×: it was not back to normal within ${recoveryLimitMs / 1000} s`] : []),
  ];
}
