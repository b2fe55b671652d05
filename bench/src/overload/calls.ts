/**
 * Calls of visits without their reports, which are two thirds of a visit's work: a session opened, read, and a payment asked for, in equal parts. Nothing that is
 * asked of the gateway is cheaper to serve, so nowhere do refusals weigh more.
 */
import { separate } from '../cores.ts';
import { start } from '../processes.ts';
import { median } from '../statistics.ts';
import { startKiosk } from '../subjects.ts';
import { goodWithinMs, type Phase, type PhaseResult } from './open-load.ts';
import { brokenBy, cpuText, measureRounds, type Options, type Row } from './promise.ts';

const vitalPerSecond = 20;
const phaseMs = 4000;
const rampMs = 2000;

/** Prints what it finds, and gives a sentence for each promise that did not hold. */
export async function measureCalls({ storagePath, rounds = 5 }: Options): Promise<string[]> {
  await using kiosk = await startKiosk({ storagePath, name: 'calls', refuses: true });
  await using generator = await start({ file: new URL('./open-load.ts', import.meta.url), args: [String(kiosk.port)] });
  separate({ load: generator.pid, measured: Object.values(kiosk.pids) });
  const run = async (perSecond: number, durationMs: number) => await generator.ask({ perSecond, vitalPerSecond, durationMs, pids: kiosk.pids } satisfies Phase) as PhaseResult;

  await warmUp(run);
  const capacity = await findCapacity(run);
  console.log(`Capacity: ${Math.round(capacity)} calls of visits a second answered within ${goodWithinMs} ms`);
  const rows = await measureRounds({ capacity, rounds, phaseMs, run, goodput: ({ goodPerSecond, sentPerSecond }) => ({ good: goodPerSecond, asked: sentPerSecond }) });
  print(rows);
  return rows.flatMap(({ factor, results, shares, recoveryMs }) => brokenBy({
    what: 'calls', factor, shares, recoveryMs, wrong: results.reduce((sum, { visits }) => sum + visits.wrong, 0),
    vital: Math.min(...(['notifications', 'statusReads'] as const).map((kind) => median(results.map((result) => result[kind].good / result[kind].sent)))),
  }));
}

/**
 * Until V8 has seen some ten thousand requests served and as many refused, either costs twice what it does afterwards, and every round would be measured on
 * another program than the one before.
 */
async function warmUp(run: (perSecond: number, durationMs: number) => Promise<PhaseResult>): Promise<void> {
  for (const perSecond of [100, 300, 1000, 5000, 300, 1000, 10_000, 300]) await run(perSecond, 2 * rampMs);
}

/** The most that was answered in time while more and more was asked for. Each time thrice, because once may be what the machine did and not what it can do. */
async function findCapacity(run: (perSecond: number, durationMs: number) => Promise<PhaseResult>): Promise<number> {
  let best = 0;
  for (let perSecond = 400; ; perSecond *= 1.25) {
    const good: number[] = [];
    for (let time = 0; time < 3; time++) good.push((await run(perSecond, rampMs)).goodPerSecond);
    const usual = median(good);
    best = Math.max(best, usual);
    if (usual < 0.85 * perSecond) return best;
  }
}

function print(rows: readonly Row<PhaseResult>[]): void {
  const of = ({ results: all }: Row<PhaseResult>, pick: (result: PhaseResult) => number) => median(all.map(pick));
  console.table(Object.fromEntries(rows.map((row) => [`${row.factor}×`, {
    'sent/s': Math.round(of(row, ({ sentPerSecond }) => sentPerSecond)),
    'good/s': Math.round(of(row, ({ goodPerSecond }) => goodPerSecond)),
    'of peak': `${Math.round(100 * median(row.shares))} %`,
    'good p50/p99 ms': `${Math.round(of(row, ({ visits }) => visits.p50Ms))}/${Math.round(of(row, ({ visits }) => visits.p99Ms))}`,
    'refused': `${Math.round(of(row, ({ visits }) => (100 * visits.refused) / visits.sent))} %`,
    'refused p99 ms': Math.round(of(row, ({ visits }) => visits.refusedP99Ms)),
    'late+broken+wrong': of(row, ({ visits }) => visits.late + visits.broken + visits.wrong),
    'webhooks': `${(100 * of(row, ({ notifications }) => notifications.good / notifications.sent)).toFixed(1)} %`,
    'status reads': `${(100 * of(row, ({ statusReads }) => statusReads.good / statusReads.sent)).toFixed(1)} %`,
    'status p99 ms': Math.round(of(row, ({ statusReads }) => statusReads.p99Ms)),
    'recovery s': Math.max(...row.recoveryMs) / 1000,
    'CPU': cpuText(row.results),
    'connections': of(row, ({ connections }) => connections),
    'wrong': JSON.stringify(Object.assign({}, ...row.results.map(({ wrongStatuses }) => wrongStatuses))),
  }])));
}
