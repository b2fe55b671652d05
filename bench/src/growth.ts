/**
 * `npm run bench -- --growth`: the same kiosk network with a history of two years and of a week. Every call of a kiosk and of an operator, the sweeps, the retention,
 * the metrics and the start must cost the same with both. Each round makes every call on one right after the other: what disturbs the machine disturbs both.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Floor } from './floors.ts';
import { callsOf, latenciesOf, type GrowthCall } from './growth/calls.ts';
import { hourMs, type History } from './growth/fill.ts';
import { startGrown, storeNames, type Grown, type StoreName } from './growth/grown.ts';
import { makeHistory, type Samples } from './growth/histories.ts';
import type { JobResult } from './growth/service.ts';
import { HttpConnection, requestText } from './http-connection.ts';
import { percentile } from './statistics.ts';
import { table } from './table.ts';

/** The same of both histories: small, large, and what divides them. */
type Pair = { small: number; large: number; ratio: number };
/** Over all rounds: a slice is too short for a 99th percentile of its own. */
export type CallRow = { name: string; p50: Pair; p99: Pair; calls: { small: number; large: number } };
export type JobRow = { store: StoreName; job: string; small: JobResult; large: JobResult; longestWaitMs: { small: number; large: number } };
export type Growth = { visits: { small: number; large: number }; calls: CallRow[]; jobs: JobRow[]; residentMb: Record<StoreName, Pair>; startMs: Record<StoreName, Pair> };

const connectionsPerSlice = 2;
const warmUpCalls = 20;
const longCalls = 12;
/** What was open is overdue then, and what the retention keeps no longer is a day's work, or two. */
const aDayLaterMs = 25 * hourMs;
const probeEveryMs = 20;

export async function measureGrowth({ folder, visits, rounds, measureMs, progress }: {
  /** Histories that are there are taken as they are. */
  folder: string; visits: { small: number; large: number }; rounds: number; measureMs: number; progress: (text: string) => void;
}): Promise<Growth> {
  await using stack = new AsyncDisposableStack();
  const histories = { small: await historyOf('small'), large: await historyOf('large') };
  progress('starting');
  const small = stack.use(await startGrown(histories.small));
  const large = stack.use(await startGrown(histories.large));
  const both = [small, large] as const;
  const calls = await measureCalls();
  const residentMb = forEachStore((store) => pair(...both.map((grown) => grown.residentMb(store)) as [number, number]));
  const jobs = await measureJobs();
  return { visits, calls, jobs, residentMb, startMs: forEachStore((store) => pair(small.startMs[store], large.startMs[store])) };

  async function historyOf(size: 'small' | 'large'): Promise<{ history: History; samples: Samples }> {
    const made = join(folder, `${size}-${visits[size]}.json`);
    try {
      return JSON.parse(readFileSync(made, 'utf8')) as { history: History; samples: Samples };
    } catch {
      progress(`making a history of ${visits[size]} visits`);
      const history: History = { folder: join(folder, `${size}-${visits[size]}`), visits: visits[size], now: Date.now() };
      const all = { history, samples: await makeHistory(history) };
      writeFileSync(made, JSON.stringify(all));
      return all;
    }
  }

  async function measureCalls(): Promise<CallRow[]> {
    using opened = new DisposableStack();
    const subjects = await Promise.all(both.map(async (grown) => {
      const connections = await Promise.all(Array.from({ length: connectionsPerSlice }, () => HttpConnection.open(grown.port)));
      for (const connection of connections) opened.defer(() => connection.close());
      return { connections, calls: callsOf(grown) };
    }));
    const names = subjects[0]!.calls.map(({ name }) => name);
    const latencies = names.map(() => ({ small: [] as number[], large: [] as number[] }));
    const slice = (subject: (typeof subjects)[number], call: GrowthCall, most: number): Promise<number[]> =>
      latenciesOf(call, { connections: subject.connections, forMs: measureMs, most: call.isLong === true ? Math.min(most, longCalls) : most });
    for (const subject of subjects) for (const call of subject.calls) await slice(subject, call, warmUpCalls);
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, name] of names.entries()) {
        progress(`round ${round + 1} of ${rounds}: ${name}`);
        const slices = [
          async () => latencies[index]!.small.push(...await slice(subjects[0]!, subjects[0]!.calls[index]!, Infinity)),
          async () => latencies[index]!.large.push(...await slice(subjects[1]!, subjects[1]!.calls[index]!, Infinity)),
        ];
        for (const one of round % 2 === 0 ? slices : slices.toReversed()) await one();
      }
    }
    return names.map((name, index) => {
      const { small: ofSmall, large: ofLarge } = latencies[index]!;
      for (const each of [ofSmall, ofLarge]) each.sort((a, b) => a - b);
      const at = (share: number): Pair => pair(percentile(ofSmall, share), percentile(ofLarge, share));
      return { name, p50: at(0.5), p99: at(0.99), calls: { small: ofSmall.length, large: ofLarge.length } };
    });
  }

  async function measureJobs(): Promise<JobRow[]> {
    const rows: JobRow[] = [];
    for (const store of storeNames) {
      let laterMs = untilNoonMs(small.history.now + aDayLaterMs) + aDayLaterMs;
      for (const job of ['sweep', 'retention']) {
        progress(`${job} of ${store}`);
        const ofSmall = await probed(small, () => small.run(store, { job, laterMs }));
        const ofLarge = await probed(large, () => large.run(store, { job, laterMs }));
        rows.push({ store, job, small: ofSmall.result, large: ofLarge.result, longestWaitMs: { small: ofSmall.longestWaitMs, large: ofLarge.longestWaitMs } });
        laterMs = 0;
      }
    }
    return rows;
  }
}

/** Runs a job while a kiosk goes on opening sessions and paying for them, and tells the longest that one of these took. */
async function probed(grown: Grown, run: () => Promise<JobResult>): Promise<{ result: JobResult; longestWaitMs: number }> {
  const connection = await HttpConnection.open(grown.port);
  using _connection = { [Symbol.dispose]: () => connection.close() };
  let over = false;
  const running = run().finally(() => {
    over = true;
  });
  let longestWaitMs = 0;
  while (!over) {
    const sentAt = performance.now();
    const session = await connection.send(requestText({ method: 'POST', path: '/api/sessions', body: { type: 'diagnostics' } }));
    const sessionId = /"id":"(ses_[^"]+)"/.exec(session.body)?.[1];
    if (sessionId !== undefined) await connection.send(requestText({ method: 'POST', path: '/api/payments/intent', body: { amount: 48_000, currency: 'RUB', sessionId } }));
    longestWaitMs = Math.max(longestWaitMs, performance.now() - sentAt);
    await new Promise((resolve) => setTimeout(resolve, probeEveryMs));
  }
  return { result: await running, longestWaitMs };
}

/** By day, when a large file is not scrubbed (libs/database, scrub.ts). */
function untilNoonMs(at: number): number {
  const noon = new Date(at);
  noon.setHours(12, 0, 0, 0);
  return noon.getTime() - at + (noon.getTime() < at ? 24 * hourMs : 0);
}

function pair(small: number, large: number): Pair {
  return { small, large, ratio: large / small };
}

function forEachStore<T>(of: (store: StoreName) => T): Record<StoreName, T> {
  return Object.fromEntries(storeNames.map((store) => [store, of(store)])) as Record<StoreName, T>;
}

export function growthFloors({ calls, jobs, residentMb, startMs }: Growth): Floor[] {
  return [
    ...calls.map(({ name, p99 }): Floor => ({ what: `p99, large ÷ small: ${name}`, measured: p99.ratio, atMost: 1.3 })),
    ...jobs.map(({ store, job, large }): Floor => ({ what: `longest that ${store} stood still in its ${job}, without waiting for a core, ms`, measured: large.longestOwnMs, atMost: 20 })),
    ...storeNames.map((store): Floor => ({ what: `memory of ${store}, large ÷ small`, measured: residentMb[store].ratio, atMost: 1.15 })),
    ...storeNames.map((store): Floor => ({ what: `start of ${store}, large ÷ small`, measured: startMs[store].ratio, atMost: 1.3 })),
  ];
}

export function growthTable({ visits, calls, jobs, residentMb, startMs }: Growth): string {
  const ms = (value: number): string => value.toFixed(2);
  const head = (what: string): string[] => [what, `p50 ms, ${visits.small} visits`, `p99 ms`, `p50 ms, ${visits.large} visits`, 'p99 ms', '│ large ÷ small: p50', 'p99'];
  return [
    table(head('call'), calls.map(({ name, p50, p99 }) => [name, ms(p50.small), ms(p99.small), ms(p50.large), ms(p99.large), ms(p50.ratio), ms(p99.ratio)])),
    table(
      ['job, a day later', ...[visits.small, visits.large].flatMap((count) => [`took ms, ${count} visits`, 'longest stall', '… without waiting for a core', 'longest visit meanwhile'])],
      jobs.map(({ store, job, small, large, longestWaitMs }) => [
        `${store}: ${job}${large.failed === undefined ? '' : ` FAILED: ${large.failed}`}`, ...[small.tookMs, small.longestMs, small.longestOwnMs, longestWaitMs.small, large.tookMs, large.longestMs, large.longestOwnMs, longestWaitMs.large].map((value) => value.toFixed(0)),
      ]),
    ),
    table(['process', 'MB, small', 'MB, large', 'ms to start, small', 'ms to start, large'], storeNames.map((store) => [
      store, ...[residentMb[store].small, residentMb[store].large, startMs[store].small, startMs[store].large].map((value) => value.toFixed(0)),
    ])),
  ].join('\n\n');
}
