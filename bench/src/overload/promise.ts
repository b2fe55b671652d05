/** What the gateway promises of too much load (G4), and how it is judged. */
import { median } from '../statistics.ts';

/** How many times of what the services can do is asked for. */
const factors = [1, 2, 5, 10] as const;
/** The load that a gateway back to normal serves without a refusal, as a share of what it can do. It follows each of the others: all of ten seconds after the largest. */
const normalShare = 0.3;
const recoveryLimitMs = 10_000;
const promised = { goodput: 0.8, vital: 0.99 };

/** Of one phase of a load. */
type Seen = {
  /** In every second since the phase began: whether all was well. */
  goodSeconds: readonly boolean[];
  /** µs of CPU in each second: each process's, and the load's. */
  cpuUsOf: Record<string, number>; loadCpuUs: number;
};

/** Of one load: what was seen in each round. `shares` are of the peak. */
export type Row<Result> = { factor: number; results: Result[]; recoveryMs: number[]; shares: number[] };

export type Options = { /** A folder that is there. */ storagePath: string; rounds?: number };

/** Of one phase, each a second. */
type Goodput = { good: number; asked: number };

/** Every load in each round, and after it the one that shows whether all is back to normal. `goodput` is that of a phase at `perSecond`. */
export async function measureRounds<Result extends Seen>({ capacity, rounds, phaseMs, run, goodput }: {
  capacity: number; rounds: number; phaseMs: number; run: (perSecond: number, durationMs: number) => Promise<Result>; goodput: (result: Result, perSecond: number) => Goodput;
}): Promise<Row<Result>[]> {
  const rows: Row<Result>[] = factors.map((factor) => ({ factor, results: [], recoveryMs: [], shares: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const { factor, results, recoveryMs } of rows) {
      results.push(await run(capacity * factor, phaseMs));
      recoveryMs.push(recoveredAfter(await run(capacity * normalShare, recoveryMsAfter(factor))));
    }
  }
  const shares = sharesOfPeak(rows.map(({ factor, results }) => results.map((result) => goodput(result, capacity * factor))));
  return rows.map((row, index) => ({ ...row, shares: shares[index]! }));
}

/** The medians of all rounds, in cores, by the first letter of each process. */
export function cpuText(results: readonly Seen[]): string {
  const cores = (pick: (seen: Seen) => number) => (median(results.map(pick)) / 1e6).toFixed(2);
  return [...Object.keys(results[0]!.cpuUsOf).map((name) => `${name[0]} ${cores(({ cpuUsOf }) => cpuUsOf[name]!)}`), `load ${cores(({ loadCpuUs }) => loadCpuUs)}`].join(' ');
}

/**
 * In each round of each load, what was good of what the peak's load achieved, or of what was asked for where that was less. The peak is at the load with the best
 * median of all rounds. What a machine can do changes with what else runs on it, so every other load is compared with that one round by round, and the median
 * counts; the best of a round's phases would be the one that the machine disturbed least, and no peak.
 */
function sharesOfPeak(loads: readonly Goodput[][]): number[][] {
  const usual = loads.map((rounds) => median(rounds.map(({ good }) => good)));
  const peak = loads[usual.indexOf(Math.max(...usual))]!;
  return loads.map((rounds) => rounds.map(({ good, asked }, round) => good / Math.min(peak[round]!.good, asked)));
}

/** How long the load goes on that shows whether all is back to normal. */
function recoveryMsAfter(factor: number): number {
  return factor === Math.max(...factors) ? recoveryLimitMs : recoveryLimitMs / 4;
}

/** From when on every second was well, in ms after the load. */
function recoveredAfter({ goodSeconds }: Seen): number {
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
