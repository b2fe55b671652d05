/**
 * What backups and the operator's checks need of a database that belongs to another process: a copy of one moment, taken while it is written to,
 * and the proof that a copy is whole. SQLite's own backup starts over whenever another process writes between its steps; here it reads inside one
 * transaction, so it sees one moment, never starts over and holds up no writer, and the rows counted in that transaction are those of the copy.
 */
import Sqlite from 'better-sqlite3';
import { existsSync, rmSync } from 'node:fs';
import { compareMigrations, type Standing } from './migrations.ts';

/** What a database holds: the number of rows by table, and the names of its migrations in order. */
export type DatabaseContent = { rows: Record<string, number>; migrations: string[] };

/** The database is damaged, or not what it was said to be. The message says how. */
export class DamagedDatabaseError extends Error {
  override readonly name = 'DamagedDatabaseError';
}

const pagesPerStep = 1000;

/**
 * Copies the database at `from`, which may be in use, to a new file at `to`: one file, without a log beside it. Answers what the source held at the
 * copy's moment. Fails with a DamagedDatabaseError when the copy does not hold the same, and then leaves no file.
 */
export async function copyDatabase({ from, to }: { from: string; to: string }): Promise<DatabaseContent> {
  const source = new Sqlite(from, { readonly: true, fileMustExist: true, timeout: 5000 });
  try {
    source.exec('BEGIN');
    const content = contentOf(source);
    await source.backup(to, { progress: () => pagesPerStep });
    source.exec('COMMIT');
    // The copy is marked as one that has a write-ahead log; alone, and in another folder, it must not need one.
    const copy = new Sqlite(to);
    copy.pragma('journal_mode = DELETE');
    copy.close();
    const copied = inspectDatabase(to);
    if (JSON.stringify(copied) !== JSON.stringify(content)) throw new DamagedDatabaseError('the copy does not hold what its source held');
    return content;
  } catch (error) {
    rmSync(to, { force: true });
    throw asDamage(error);
  } finally {
    source.close();
  }
}

/** Checks every page and what a database holds; it may be in use. Fails with a DamagedDatabaseError. */
export function inspectDatabase(path: string): DatabaseContent {
  let sqlite: Sqlite.Database | undefined;
  try {
    sqlite = new Sqlite(path, { readonly: true, fileMustExist: true, timeout: 5000 });
    const verdict = String(sqlite.pragma('quick_check(1)', { simple: true }));
    if (verdict !== 'ok') throw new DamagedDatabaseError(verdict.replaceAll(/\s+/g, ' '));
    const orphans = sqlite.pragma('foreign_key_check') as unknown[];
    if (orphans.length > 0) throw new DamagedDatabaseError(`${orphans.length} rows refer to rows that are not there`);
    return contentOf(sqlite);
  } catch (error) {
    throw asDamage(error);
  } finally {
    sqlite?.close();
  }
}

/** How a database stands to the migrations of this version. Fails with a DamagedDatabaseError where it cannot be read. */
export function standingOf({ path, migrations }: { path: string; migrations: URL }): Standing {
  let sqlite: Sqlite.Database | undefined;
  try {
    sqlite = new Sqlite(path, { readonly: true, fileMustExist: true, timeout: 5000 });
    return compareMigrations({ sqlite, folder: migrations });
  } catch (error) {
    throw asDamage(error);
  } finally {
    sqlite?.close();
  }
}

/**
 * The texts in one column of a database that nobody has open; none where it has no such table, as before the migration that made it. Fails with a
 * DamagedDatabaseError where it cannot be read.
 */
export function readColumn({ path, table, column }: { path: string; table: string; column: string }): string[] {
  let sqlite: Sqlite.Database | undefined;
  try {
    // Not read-only: what was committed last may still be in the log of a process that was killed.
    sqlite = new Sqlite(path, { fileMustExist: true, timeout: 5000 });
    const isThere = sqlite.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table) !== undefined;
    return isThere ? sqlite.prepare(`SELECT "${column}" FROM "${table}"`).pluck().all() as string[] : [];
  } catch (error) {
    throw asDamage(error);
  } finally {
    sqlite?.close();
  }
}

/** Whether another process has the database open. A file that is missing, or is no database, is nobody's. */
export function isInUse(path: string): boolean {
  if (!existsSync(path)) return false;
  const sqlite = new Sqlite(path, { timeout: 200 });
  try {
    // Whoever has a database in WAL open holds a shared lock for as long; only without any is the exclusive one to be had.
    sqlite.pragma('locking_mode = EXCLUSIVE');
    sqlite.exec('BEGIN EXCLUSIVE; COMMIT');
    return false;
  } catch (error) {
    return isCoded(error, /^SQLITE_(BUSY|LOCKED|PROTOCOL)/);
  } finally {
    sqlite.close();
  }
}

function contentOf(sqlite: Sqlite.Database): DatabaseContent {
  const tables = sqlite.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`).pluck().all() as string[];
  const rows = Object.fromEntries(tables.map((name) => [name, sqlite.prepare(`SELECT count(*) FROM "${name}"`).pluck().get() as number]));
  const migrations = tables.includes('schema_migrations') ? sqlite.prepare('SELECT name FROM schema_migrations ORDER BY number').pluck().all() as string[] : [];
  return { rows, migrations };
}

function asDamage(error: unknown): unknown {
  return isCoded(error, /^SQLITE_(NOTADB|CORRUPT)/) ? new DamagedDatabaseError((error as Error).message, { cause: error }) : error;
}

function isCoded(error: unknown, pattern: RegExp): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && pattern.test(String(error.code));
}
