/**
 * Numbered SQL files, each applied once, in order, in a transaction of its own, and remembered with its checksum. A file that changed after it
 * was applied, a gap, or a database that is ahead of the program is refused with a sentence that says what to do.
 */
import type Sqlite from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

type Migration = { number: number; name: string; sql: string; checksum: string };
type Applied = { number: number; name: string; checksum: string };

/** `behind` names the migrations that a start would apply; `strange` says why a start would refuse the database. */
export type Standing = { behind: string[]; strange?: string };

export function compareMigrations({ sqlite, folder }: { sqlite: Sqlite.Database; folder: URL }): Standing {
  const migrations = readMigrations(folder);
  const hasAny = sqlite.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").get() !== undefined;
  const applied = hasAny ? appliedTo(sqlite) : [];
  try {
    refuseStrangers(migrations, applied);
  } catch (error) {
    return { behind: [], strange: (error as Error).message };
  }
  return { behind: migrations.slice(applied.length).map(({ name }) => name) };
}

export function migrate({ sqlite, folder, now }: { sqlite: Sqlite.Database; folder: URL; now: () => number }): void {
  const migrations = readMigrations(folder);
  sqlite.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT`);
  const applied = appliedTo(sqlite);
  refuseStrangers(migrations, applied);
  for (const migration of migrations.slice(applied.length)) apply(sqlite, migration, now());
}

function appliedTo(sqlite: Sqlite.Database): Applied[] {
  return sqlite.prepare('SELECT number, name, checksum FROM schema_migrations ORDER BY number').all() as Applied[];
}

function readMigrations(folder: URL): Migration[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sqlite.sql')).sort();
  return names.map((name, index) => {
    const number = Number(name.slice(0, 4));
    if (number !== index + 1) throw new MigrationError(`migration ${name} is out of order: number ${index + 1} is missing`);
    const sql = readFileSync(new URL(name, folder), 'utf8');
    return { number, name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}

function refuseStrangers(migrations: Migration[], applied: Applied[]): void {
  for (const [index, row] of applied.entries()) {
    const migration = migrations[index];
    if (!migration) {
      throw new MigrationError(`the database has migration ${row.name}, which this version does not know: start the newer version that wrote it`);
    }
    if (migration.number !== row.number || migration.checksum !== row.checksum) {
      throw new MigrationError(`migration ${row.name} is not the one that was applied: restore the file and put the change into a new migration`);
    }
  }
}

function apply(sqlite: Sqlite.Database, { number, name, sql, checksum }: Migration, appliedAt: number): void {
  sqlite.exec('BEGIN IMMEDIATE');
  try {
    sqlite.exec(sql);
    sqlite.prepare('INSERT INTO schema_migrations VALUES (?, ?, ?, ?)').run(number, name, checksum, appliedAt);
    sqlite.exec('COMMIT');
  } catch (error) {
    if (sqlite.inTransaction) sqlite.exec('ROLLBACK');
    throw new MigrationError(`migration ${name} failed: ${(error as Error).message}`, { cause: error });
  }
}
