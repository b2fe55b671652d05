/** `npm run bench -- --refusals`: what it costs the gateway to refuse, beside a bare `net.Server` that writes the same bytes and reads nothing (G4). */
import { freePorts } from '../../dev/stack/src/ports.ts';
import { separate } from './cores.ts';
import type { Floor } from './floors.ts';
import type { Phase, PhaseResult } from './overload/open-load.ts';
import { start, type Running } from './processes.ts';
import { median } from './statistics.ts';
import { table } from './table.ts';

export type RefusalRow = { subject: string; /** CPU of a refusal in each round, in µs. */ cpuUs: number[]; /** The 99th percentile of each round, in ms. */ p99Ms: number[] };

const perSecond = 9000;
/** So long takes V8 until either costs no less than before. */
const warmUpsMs = 8000;
const bare = 'bare net.Server';
const frontDoor = 'the gateway\'s front door';
const subjects = [
  { name: frontDoor, which: 'door' },
  { name: '… through Node\'s streams', which: 'door', variant: 'streams' },
  { name: bare, which: 'bare' },
];

/** One subject after the other in each round, every one of them asked for 9 000 refusals a second. */
export async function measureRefusals({ rounds, measureMs, progress }: { rounds: number; measureMs: number; progress: (text: string) => void }): Promise<RefusalRow[]> {
  await using running = new AsyncDisposableStack();
  const ports = await freePorts(subjects.length);
  const rows: (RefusalRow & { load: Running; refuser: Running })[] = [];
  for (const [index, { name, which, variant }] of subjects.entries()) {
    const execArgv = variant === undefined ? [] : ['--import', new URL(`./variants/${variant}.ts`, import.meta.url).href];
    const refuser = running.use(await start({ file: new URL('./refusals/refuser.ts', import.meta.url), args: [String(ports[index]), which], execArgv }));
    const load = running.use(await start({ file: new URL('./overload/open-load.ts', import.meta.url), args: [String(ports[index])] }));
    separate({ load: load.pid, measured: [refuser.pid] });
    rows.push({ subject: name, cpuUs: [], p99Ms: [], load, refuser });
  }
  const run = async ({ load, refuser }: (typeof rows)[number], durationMs: number): Promise<PhaseResult> =>
    await load.ask({ perSecond, vitalPerSecond: 0, durationMs, pids: { refuser: refuser.pid } } satisfies Phase) as PhaseResult;
  for (const row of rows) await run(row, warmUpsMs);
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      progress(`refusals, round ${round + 1} of ${rounds}: ${row.subject}`);
      const { visits, sentPerSecond, cpuUsOf } = await run(row, measureMs);
      if (visits.refused !== visits.sent) throw new Error(`${row.subject} did not refuse ${visits.sent - visits.refused} of ${visits.sent}`);
      row.cpuUs.push(cpuUsOf['refuser']! / sentPerSecond);
      row.p99Ms.push(visits.refusedP99Ms);
    }
  }
  return rows.map(({ subject, cpuUs, p99Ms }) => ({ subject, cpuUs, p99Ms }));
}

/** A subject's value over the bare server's in the same round, and the median of that. */
function ratioOf(row: RefusalRow, rows: readonly RefusalRow[]): number {
  const { cpuUs } = rows.find(({ subject }) => subject === bare)!;
  return median(row.cpuUs.map((us, round) => us / cpuUs[round]!));
}

export function refusalTable(rows: readonly RefusalRow[]): string {
  return table([`${perSecond} refusals a second`, 'CPU µs/refusal', 'p99 ms', `│ ÷ ${bare}`], rows.map((row) => [
    row.subject, median(row.cpuUs).toFixed(1), median(row.p99Ms).toFixed(1), row.subject === bare ? '' : `${ratioOf(row, rows).toFixed(2)}×`,
  ]));
}

export function refusalFloors(rows: readonly RefusalRow[]): Floor[] {
  return [{ what: `a refusal ÷ ${bare}`, measured: ratioOf(rows.find(({ subject }) => subject === frontDoor)!, rows), atMost: 1.3 }];
}
