/** `npm run bench`: measures the kiosk beside its peers, prints the tables, writes them as JSON. See README.md. Exits 1 on any wrong answer. */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { syncUs } from './disk.ts';
import { floorsOf } from './floors.ts';
import { growthFloors, growthTable, measureGrowth } from './growth.ts';
import { measureHttp } from './http-bench.ts';
import { measurePdf } from './pdf-bench.ts';
import { plotOf } from './plot.ts';
import { profileKiosk } from './profile.ts';
import { measureRefusals, refusalFloors, refusalTable } from './refusals.ts';
import { measureReports } from './report-bench.ts';
import { kiosk, startSubjects } from './subjects.ts';
import { cpuTable, floorTable, httpTable, pdfTable, reportTable } from './table.ts';
import { exportedWithinMs, tracedShare } from './traced.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '0.7' },
    profile: { type: 'boolean', default: false }, reports: { type: 'boolean', default: false }, refusals: { type: 'boolean', default: false },
    growth: { type: 'boolean', default: false }, visits: { type: 'string', default: '10000,1000000' }, histories: { type: 'string' },
  },
});
const rounds = positive('rounds', Number.isInteger);
const measureMs = 1000 * positive('seconds', Number.isFinite);
/** Before each slice, so that one subject's caches are not measured with what the other left in them. */
const warmUpMs = Math.max(250, measureMs / 4);
const results = join(import.meta.dirname, '../results');

function positive(name: 'rounds' | 'seconds', is: (value: number) => boolean): number {
  const value = Number(values[name]);
  if (is(value) && value > 0) return value;
  console.error(`--${name} must be a positive number`);
  return process.exit(1);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

const startedAt = new Date();
const stamp = startedAt.toISOString().replaceAll(':', '-').replace(/\.\d+/, '');
await mkdir(results, { recursive: true });
// Beside the results, not in /tmp: that may be memory, where a sync costs nothing.
const storagePath = await mkdtemp(join(results, 'storage-'));
// Without us the subjects stop by themselves.
process.once('SIGINT', () => {
  rmSync(storagePath, { recursive: true, force: true });
  process.exit(130);
});
try {
  await (values.profile ? profile() : values.growth ? growth() : values.refusals ? refusals() : compare());
} finally {
  await rm(storagePath, { recursive: true, force: true });
}

async function profile(): Promise<void> {
  const folder = join(results, `profile-${stamp}`);
  console.log(await profileKiosk({ folder, storagePath, warmUpMs: 2 * warmUpMs, measureMs: 4 * measureMs }));
  console.log(`\nThe profiles are in ${folder}`);
}

/** Two histories, made here and deleted, or kept in a folder of their own for the next time. */
async function growth(): Promise<void> {
  const [small = 0, large = 0] = values.visits.split(',').map(Number);
  const folder = values.histories ?? storagePath;
  await mkdir(folder, { recursive: true });
  const grown = await measureGrowth({ folder, visits: { small, large }, rounds, measureMs, progress });
  progress('');
  console.log([growthTable(grown), floorTable(growthFloors(grown))].join('\n\n'));
  await writeFile(join(results, `growth-${stamp}.json`), `${JSON.stringify({ startedAt, rounds, measureMs, ...grown }, undefined, 2)}\n`);
}

async function refusals(): Promise<void> {
  const rows = await measureRefusals({ rounds, measureMs: 4 * measureMs, progress });
  progress('');
  console.log([refusalTable(rows), floorTable(refusalFloors(rows))].join('\n\n'));
}

async function compare(): Promise<void> {
  const machine = {
    node: process.version,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    syncUs: Math.round(syncUs(storagePath)),
    loadBefore: loadavg()[0],
  };
  const compared = values.reports ? undefined : await measureHttpBesidePeers();
  const pdf = await measurePdf({ rounds, warmUpMs, measureMs: 2 * measureMs, progress });
  const reports = await measureReports({ storagePath: join(storagePath, 'reports'), rounds, progress });
  progress('');
  const { node, cores, cpu, syncUs: sync, loadBefore = 0 } = machine;
  console.log([
    `Node ${node}, ${cores} × ${cpu}, ${sync} µs to sync 4 KiB, load before ${loadBefore.toFixed(1)}`,
    `Medians of ${rounds} rounds of ${measureMs} ms`,
    ...(compared ? [httpTable(compared.rows), cpuTable(compared.rows)] : []), pdfTable(pdf), reportTable(reports),
    ...(compared ? [floorTable(floorsOf({ http: compared.rows, traced: compared.traced, pdf, reports }))] : []),
  ].join('\n\n'));
  const json = JSON.stringify({ startedAt, ...machine, rounds, measureMs, warmUpMs, http: compared?.rows, traced: compared?.traced, pdf, reports }, undefined, 2);
  for (const name of [stamp, 'latest']) {
    await writeFile(join(results, `${name}.json`), `${json}\n`);
    if (compared) await writeFile(join(results, `${name}.svg`), plotOf(compared.rows));
  }
  console.log(`\nWritten to ${join(results, `${stamp}.json`)}${compared ? ' and .svg' : ''}`);
}

async function measureHttpBesidePeers() {
  progress('starting');
  await using running = await startSubjects({ storagePath });
  const rows = await measureHttp({ subjects: running.subjects, rounds, warmUpMs, measureMs, progress });
  await setTimeout(exportedWithinMs);
  return { rows, traced: tracedShare(kiosk, rows, await running.receiver.received()) };
}
