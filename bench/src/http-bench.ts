/** Measures the calls over HTTP: each round takes every call at every concurrency, and there every subject right after the other. */
import { callNames, type CallName } from './calls.ts';
import type { Slice, SliceResult } from './load.ts';
import { start } from './processes.ts';
import { median } from './statistics.ts';
import type { Subject } from './subjects.ts';

export const concurrencies = [1, 16, 64] as const;
/** Each subject's code becomes hot before the first round, not in it: V8 needs some ten thousand requests to be done with a service. */
const firstWarmUp = { concurrency: 64, measureMs: 4000 } as const;

export type HttpRow = {
  call: CallName;
  concurrency: number;
  subject: string;
  /** Medians over the rounds. */
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  cpuUs: number;
  cpuUsOf: Record<string, number>;
  /** The kiosk ÷ this subject in the same round, then the median of that: more requests are better, less CPU is. */
  kioskRatio: { requestsPerSecond: number; p50: number; p99: number; cpu: number };
  rounds: SliceResult[];
};

export async function measureHttp({ subjects, rounds, warmUpMs, measureMs, progress }: {
  /** The kiosk first. */
  subjects: readonly Subject[];
  rounds: number;
  warmUpMs: number;
  measureMs: number;
  progress: (text: string) => void;
}): Promise<HttpRow[]> {
  await using stack = new AsyncDisposableStack();
  const load = new Map<Subject, (slice: Slice) => Promise<SliceResult>>();
  for (const subject of subjects) {
    const generator = stack.use(await start({ file: new URL('./load.ts', import.meta.url), args: [String(subject.port)] }));
    load.set(subject, async (slice) => await generator.ask(slice) as SliceResult);
  }
  const results = new Map<string, SliceResult[]>();
  const key = (...parts: (string | number)[]): string => parts.join('|');

  const asked = (call: CallName): Subject[] => subjects.filter(({ calls }) => calls.includes(call));

  for (const call of callNames) {
    progress(`warming up: ${call}`);
    for (const subject of asked(call)) await load.get(subject)!({ call, ...firstWarmUp, warmUpMs: 0, pids: subject.pids });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const call of callNames) {
      for (const concurrency of concurrencies) {
        progress(`round ${round + 1} of ${rounds}: ${call}, ${concurrency} at once`);
        // Whoever follows whom changes from round to round.
        const those = asked(call);
        for (const subject of [...those.slice(round % those.length), ...those.slice(0, round % those.length)]) {
          const result = await load.get(subject)!({ call, concurrency, warmUpMs, measureMs, pids: subject.pids });
          const name = key(call, concurrency, subject.name);
          results.set(name, [...results.get(name) ?? [], result]);
        }
      }
    }
  }

  return callNames.flatMap((call) => concurrencies.flatMap((concurrency) => asked(call).map(({ name: subject }) => {
    const ours = results.get(key(call, concurrency, subjects[0]!.name))!;
    const theirs = results.get(key(call, concurrency, subject))!;
    return { call, concurrency, subject, ...summary(theirs), kioskRatio: ratio(ours, theirs), rounds: theirs };
  })));
}

function summary(rounds: SliceResult[]): Omit<HttpRow, 'call' | 'concurrency' | 'subject' | 'kioskRatio' | 'rounds'> {
  return {
    requestsPerSecond: median(rounds.map((round) => round.requestsPerSecond)),
    p50Ms: median(rounds.map((round) => round.p50Ms)),
    p99Ms: median(rounds.map((round) => round.p99Ms)),
    cpuUs: median(rounds.map((round) => round.cpuUs)),
    cpuUsOf: Object.fromEntries(Object.keys(rounds[0]?.cpuUsOf ?? {}).map((name) => [name, median(rounds.map(({ cpuUsOf }) => cpuUsOf[name] ?? 0))])),
  };
}

function ratio(ours: SliceResult[], theirs: SliceResult[]): HttpRow['kioskRatio'] {
  const of = (pick: (result: SliceResult) => number): number => median(ours.map((result, round) => pick(result) / pick(theirs[round]!)));
  return {
    requestsPerSecond: of((result) => result.requestsPerSecond),
    p50: of((result) => result.p50Ms),
    p99: of((result) => result.p99Ms),
    cpu: of((result) => result.cpuUs),
  };
}
