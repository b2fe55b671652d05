/**
 * Whole visits, from the contact to the report, as customers make them: what the services are there for. A report is the most of a visit's work and comes last, so
 * what is taken on and not finished shows here. The pretend PSP's customers pay after a second.
 */
import { separate } from '../cores.ts';
import { start } from '../processes.ts';
import { median } from '../statistics.ts';
import { startKiosk } from '../subjects.ts';
import type { Drain, Drained, VisitPhase, VisitPhaseResult } from './open-visits.ts';
import { brokenBy, cpuText, measureRounds, type Options, type Row } from './promise.ts';

const settings = { DEV_MANUAL_MODE: 'false', DEV_AUTO_CONFIRM_DELAY_MS: '1000', PAYMENT_POLL_INTERVAL_MS: '500', REPORTS_REQUIRE_PAYMENT: 'true' };
const phaseMs = 20_000;
const rampMs = 10_000;
const settleMs = 4000;
const drainMs = 120_000;

/** Prints what it finds, and gives a sentence for each promise that did not hold. */
export async function measureVisits({ storagePath, rounds = 3 }: Options): Promise<string[]> {
  await using kiosk = await startKiosk({ storagePath, name: 'visits', refuses: true, settings });
  await using generator = await start({ file: new URL('./open-visits.ts', import.meta.url), args: [String(kiosk.port)] });
  separate({ load: generator.pid, measured: Object.values(kiosk.pids) });
  const run = async (perSecond: number, durationMs: number) => await generator.ask({ perSecond, durationMs, settleMs, pids: kiosk.pids } satisfies VisitPhase) as VisitPhaseResult;
  const drain = async () => await generator.ask({ withinMs: drainMs } satisfies Drain) as Drained;

  for (const perSecond of [5, 10, 20]) await run(perSecond, rampMs);
  await drain();
  const capacity = await findCapacity(run);
  await drain();
  console.log(`Capacity: ${capacity.toFixed(1)} visits a second from the contact to the report`);
  const rows = await measureRounds({ capacity, rounds, phaseMs, run, goodput: ({ donePerSecond }, perSecond) => ({ good: donePerSecond, asked: perSecond }) });
  const { paid, owed } = await drain();
  console.log(`Paid: ${paid}. Without a report: ${owed}`);
  print(rows, capacity);
  const lost = owed > 0 ? [`visits: ${owed} who paid had no report ${drainMs / 1000} s after everything`] : [];
  return [...lost, ...rows.flatMap(({ factor, results, shares, recoveryMs }) => brokenBy({
    what: 'visits', factor, shares, recoveryMs,
    vital: results.some(({ refused }) => (refused['status'] ?? 0) > 0) ? 0 : 1,
    wrong: results.reduce((sum, { wrong }) => sum + sumOf(wrong), 0),
  }))];
}

/** The most that came to its end in time while more and more customers came. */
async function findCapacity(run: (perSecond: number, durationMs: number) => Promise<VisitPhaseResult>): Promise<number> {
  let best = 0;
  for (let perSecond = 5; ; perSecond *= 1.25) {
    const { donePerSecond } = await run(perSecond, rampMs);
    best = Math.max(best, donePerSecond);
    if (donePerSecond < 0.7 * perSecond) return best;
  }
}

function print(rows: readonly Row<VisitPhaseResult>[], capacity: number): void {
  const of = ({ results }: Row<VisitPhaseResult>, pick: (result: VisitPhaseResult) => number) => median(results.map(pick));
  console.table(Object.fromEntries(rows.map((row) => [`${row.factor}×`, {
    'customers/s': (capacity * row.factor).toFixed(1),
    'visits done/s': of(row, ({ donePerSecond }) => donePerSecond).toFixed(1),
    'of peak': `${Math.round(100 * median(row.shares))} %`,
    'paid': of(row, ({ paid }) => paid),
    'left unpaid': of(row, ({ leftUnpaid }) => leftUnpaid),
    'report after payment p50/p99 s': `${(of(row, ({ reportP50Ms }) => reportP50Ms) / 1000).toFixed(1)}/${(of(row, ({ reportP99Ms }) => reportP99Ms) / 1000).toFixed(1)}`,
    'owed at the end': of(row, ({ owed }) => owed),
    'recovery s': Math.max(...row.recoveryMs) / 1000,
    'refused': JSON.stringify(row.results.at(-1)!.refused),
    'wrong': JSON.stringify(Object.assign({}, ...row.results.map(({ wrong }) => wrong))),
    'CPU': cpuText(row.results),
  }])));
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
