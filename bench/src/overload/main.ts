/**
 * `npm run torture -- overload`: what the gateway still achieves when it is asked for 1, 2, 5 and 10 times of what it can do, against the four services as
 * processes (G4), in whole visits and in calls alone. Exits 1 below the promise. `--only visits` or `--only calls`; `--rounds` says how much is measured, 3 rounds of
 * visits and 5 of calls without it; `--storage` where the databases lie.
 *
 * The load comes from a process on a core of its own and the services have all others, as if they were on machines of their own: otherwise what the load takes,
 * which grows with it, would be missing to the services.
 */
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCalls } from './calls.ts';
import type { Options } from './promise.ts';
import { measureVisits } from './visits.ts';

const results = join(import.meta.dirname, '../../results');
const { values } = parseArgs({ options: { only: { type: 'string' }, rounds: { type: 'string' }, storage: { type: 'string', default: results } } });
const kinds: Readonly<Record<string, (options: Options) => Promise<string[]>>> = { visits: measureVisits, calls: measureCalls };
const asked = values.only === undefined ? Object.keys(kinds) : [values.only];
if (!asked.every((kind) => kind in kinds)) throw new Error(`--only takes one of ${Object.keys(kinds).join(', ')}`);

// Not in /tmp, which may be memory, unless somebody wants it so: on a disk that others use a sync takes as long as they please.
await mkdir(values.storage, { recursive: true });
const storagePath = await mkdtemp(join(values.storage, 'overload-'));
const broken: string[] = [];
try {
  for (const kind of asked) {
    await mkdir(join(storagePath, kind));
    broken.push(...await kinds[kind]!({ storagePath, ...(values.rounds !== undefined && { rounds: Number(values.rounds) }) }));
  }
} finally {
  await rm(storagePath, { recursive: true, force: true });
}
for (const sentence of broken) console.error(`!!! ${sentence}`);
process.exitCode = broken.length > 0 ? 1 : 0;
