/**
 * `npm run torture -- slowhttp`: 400 connections of slowhttptest that send or read as slowly as they can, in four ways, while a kiosk goes on with its calls. Exits 1
 * where one of those fails, or takes more than a second and three times as long as without an attack at the 99th percentile. Skips, loudly, where slowhttptest is
 * not installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { kioskKey } from './http-connection.ts';
import { percentile } from './statistics.ts';
import { startKiosk } from './subjects.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '30' }, connections: { type: 'string', default: '400' } } });
const probeEveryMs = 100;
const quietMs = 8000;
let quietP99Ms = 0;
const p99LimitMs = 1000;

const attacks: Readonly<Record<string, (url: string) => string[]>> = {
  'slow headers': (url) => ['-H', '-i', '5', '-x', '24', '-u', `${url}/health/live`],
  'slow body': (url) => ['-B', '-i', '5', '-s', '65536', '-x', '10', '-t', 'POST', '-f', 'application/json', '-u', `${url}/api/sessions`],
  'slow read': (url) => ['-X', '-k', '3', '-w', '10', '-y', '20', '-n', '5', '-z', '32', '-u', `${url}/openapi.json`],
  'many ranges': (url) => ['-R', '-a', '10', '-b', '3000', '-t', 'HEAD', '-u', `${url}/openapi.json`],
};

if (spawnSync('slowhttptest', ['-h']).error) {
  console.error('!!! slowhttptest is not installed (apt-get install slowhttptest): what 400 slow connections do is NOT checked !!!');
  process.exit(0);
}

const results = join(import.meta.dirname, '../results');
await mkdir(results, { recursive: true });
const storagePath = await mkdtemp(join(results, 'slow-'));
try {
  await mkdir(join(storagePath, 'kiosk'), { recursive: true });
  await using kiosk = await startKiosk({ storagePath, refuses: true });
  const url = `http://127.0.0.1:${kiosk.port}`;
  // The first ones are slow by themselves.
  await openSessions(url, { until: setTimeout(2000) });
  const quiet = await openSessions(url, { until: setTimeout(quietMs) });
  quietP99Ms = percentile(quiet.tookMs, 0.99);
  const rows: Record<string, object> = { 'no attack': rowOf(quiet) };
  for (const [name, argumentsFor] of Object.entries(attacks)) rows[name] = await withstand(name, argumentsFor(url), url);
  console.table(rows);
} finally {
  await rm(storagePath, { recursive: true, force: true });
}

async function withstand(name: string, options: string[], url: string): Promise<object> {
  const attack = spawn('slowhttptest', ['-c', values.connections, '-r', '200', '-l', values.seconds, '-p', '3', ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  const said = text(attack.stdout);
  const { tookMs, failed } = await openSessions(url, { until: once(attack, 'exit') });
  // oxlint-disable-next-line no-control-regex
  const status = [...(await said).replaceAll(/\u001b\[[\d;]*m/g, '').matchAll(/(closed|connected|service available):\s+(\w+)/g)];
  const last = Object.fromEntries(status.map(([, what, value]) => [what!, value!]));
  const row = {
    ...rowOf({ tookMs, failed }), 'still connected': last['connected'], 'closed by us': last['closed'],
    'found unavailable': status.filter(([, what, value]) => what === 'service available' && value === 'NO').length,
  };
  if (failed > 0 || tookMs.length === 0 || percentile(tookMs, 0.99) > Math.max(p99LimitMs, 3 * quietP99Ms)) {
    console.error(`!!! ${name}: ${JSON.stringify(row)}`);
    process.exitCode = 1;
  }
  return row;
}

/** What a kiosk goes on with. */
async function openSessions(url: string, { until }: { until: Promise<unknown> }): Promise<{ tookMs: number[]; failed: number }> {
  const tookMs: number[] = [];
  let [failed, over] = [0, false];
  void until.then(() => {
    over = true;
  });
  while (!over) {
    const startedAt = performance.now();
    const answer = await fetch(`${url}/api/sessions`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${kioskKey}` }, body: '{"type":"thickness"}', signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    if (answer?.status === 201) tookMs.push(performance.now() - startedAt);
    else failed++;
    await setTimeout(probeEveryMs);
  }
  return { tookMs: tookMs.sort((a, b) => a - b), failed };
}

function rowOf({ tookMs, failed }: { tookMs: number[]; failed: number }): object {
  return { 'sessions opened': tookMs.length, failed, 'p50 ms': Math.round(percentile(tookMs, 0.5)), 'p99 ms': Math.round(percentile(tookMs, 0.99)) };
}
