/** What a backup holds, written last into its folder as manifest.json: what a copy is checked against before it is trusted. */
import { DamagedDatabaseError, inspectDatabase } from '@kiosk/database';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.iso.datetime();
/** Inside the backup, and nowhere else. */
const inside = z.string().regex(/^[\w.-]+(\/[\w.-]+)*$/).refine((path) => !path.split('/').includes('..'));

const manifestSchema = z.strictObject({
  format: z.literal(1),
  /** The moment that the oldest of the databases' copies shows: what happened later is not in it. */
  takenAt: time,
  databases: z.record(z.string(), z.strictObject({
    file: inside, bytes: z.int(), sha256, takenAt: time, rows: z.record(z.string(), z.int()), migrations: z.array(z.string()),
  })),
  /** The report files, by their path. */
  files: z.record(inside, z.strictObject({ bytes: z.int(), sha256, changedAtMs: z.number() })),
  /** The keys of the storage by file name, which are kept apart under the name of their hash. */
  keys: z.record(z.string().regex(/^[\w-]+\.key$/), sha256),
});

export type Manifest = z.output<typeof manifestSchema>;

/** The folder is not a whole backup. `problems` has a sentence for each thing that is wrong. */
export class BadBackupError extends Error {
  override readonly name = 'BadBackupError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

export const manifestName = 'manifest.json';

/** Fails with a BadBackupError where there is none, or one that cannot be understood. */
export function readManifest(folder: string): Manifest {
  const path = join(folder, manifestName);
  if (!existsSync(path)) throw new BadBackupError([`${folder} is no backup: it has no ${manifestName}`]);
  const parsed = manifestSchema.safeParse(parseJson(readFileSync(path, 'utf8')));
  if (!parsed.success) throw new BadBackupError([`${path} cannot be understood: it is damaged, or a newer version wrote it`]);
  return parsed.data;
}

/** Reads every byte of a backup: hashes, pages, rows. Fails with a BadBackupError that lists what is not as it was written. */
export async function checkBackup(folder: string): Promise<Manifest> {
  const manifest = readManifest(folder);
  const problems: string[] = [];
  for (const [name, database] of Object.entries(manifest.databases)) {
    const path = join(folder, database.file);
    const problem = await fileProblem(path, database);
    if (problem !== undefined) {
      problems.push(`${database.file} ${problem}`);
      continue;
    }
    try {
      const { rows, migrations } = inspectDatabase(path);
      if (!isSame({ rows, migrations }, { rows: database.rows, migrations: database.migrations })) problems.push(`${database.file} does not hold the rows that ${name} had`);
    } catch (error) {
      if (!(error instanceof DamagedDatabaseError)) throw error;
      problems.push(`${database.file} is damaged: ${error.message}`);
    }
  }
  for (const [path, file] of Object.entries(manifest.files)) {
    const problem = await fileProblem(join(folder, path), file);
    if (problem !== undefined) problems.push(`${path} ${problem}`);
  }
  if (problems.length > 0) throw new BadBackupError(problems);
  return manifest;
}

async function fileProblem(path: string, expected: { bytes: number; sha256: string }): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 'is missing';
  if (found.size !== expected.bytes) return `has ${found.size} bytes instead of ${expected.bytes}`;
  return await hashOf(path) === expected.sha256 ? undefined : 'was changed: its hash differs';
}

/** The SHA-256 of a file, in hexadecimal. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
