/** A database of notes in a folder of its own, for the tests. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openDatabase, type Database, type DatabaseOptions } from './database.ts';

export type Tables = { notes: { id: string; text: string }; copies: { note_id: string } };

export const schema = `
  CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT NOT NULL CHECK (text <> 'refused')) STRICT;
  CREATE TABLE copies (note_id TEXT NOT NULL REFERENCES notes) STRICT;
`;

export interface Folder extends Disposable {
  /** Of the database. */
  readonly path: string;
  readonly migrations: URL;
  /** Writes a migration. */
  write(name: string, sql: string): void;
}

/** A new folder with the schema as its first migration; deleted at the end. */
export function newFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-database-'));
  const write = (name: string, sql: string): void => writeFileSync(join(folder, name), sql);
  write('0001_notes.sqlite.sql', schema);
  return {
    path: join(folder, 'notes.sqlite'),
    migrations: pathToFileURL(`${folder}/`),
    write,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function open({ path, migrations }: Pick<Folder, 'path' | 'migrations'>, options: Partial<DatabaseOptions> = {}): Promise<Database<Tables>> {
  return openDatabase<Tables>({
    path, migrations,
    onFatal: (error) => { throw error; },
    // How fast the machine is makes no difference to what a test counts.
    longestBatchMs: Infinity,
    ...options,
  });
}

export function add(database: Database<Tables>, id: string, text = ''): Promise<void> {
  return database.transaction(async (tx) => {
    await tx.db.insertInto('notes').values({ id, text }).execute();
  });
}

export async function ids(database: Database<Tables>): Promise<string[]> {
  return (await database.read.selectFrom('notes').select('id').orderBy('id').execute()).map(({ id }) => id);
}

/** What a call fails with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('the call was expected to fail');
}

/**
 * How many transactions the write-ahead log holds (sqlite.org/fileformat2.html §4): frames follow a header of 32 bytes, and one that ends a
 * transaction has the size of the database in its bytes 4–7. Good for as long as the log has not started over.
 */
export function commitsIn({ path }: Folder): number {
  const wal = readFileSync(`${path}-wal`);
  const frameBytes = 24 + wal.readUInt32BE(8);
  let commits = 0;
  for (let at = 32; at + frameBytes <= wal.length; at += frameBytes) if (wal.readUInt32BE(at + 4) !== 0) commits++;
  return commits;
}
