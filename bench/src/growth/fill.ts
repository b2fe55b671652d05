/**
 * Fills a service's database with a history as years of work leave it: the schema is the migrations' own, the audit a true chain, and what retention would have
 * erased is erased. Rows go in past the triggers, which forbid history (an intent begins pending); they and the indexes are made anew from their own text.
 */
import { openDatabase } from '@kiosk/database';
import Sqlite from 'better-sqlite3';
import { join } from 'node:path';
import { auditHash } from '../../../libs/database/src/audit.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
/** Of a network of fifty kiosks. The same in every history, however long: what grows is how far back it goes. */
const visitsPerDay = 1370;
export const kiosks = Array.from({ length: 50 }, (_, index) => `kiosk-${index + 1}`);

export type History = {
  /** Where the databases are. */
  folder: string;
  /** How many sessions, payments and reports each. */
  visits: number;
  /** The end of the history, epoch ms. */
  now: number;
};

export type Visit = { index: number; at: number; ageMs: number; kiosk: string; type: 'thickness' | 'diagnostics'; isOpen: boolean };

/** How long the history is. */
export function spanMs({ visits }: Pick<History, 'visits'>): number {
  return Math.round(visits / visitsPerDay * dayMs);
}

/** Oldest first. Of those of the last day every other one is still open, for a day: something for a sweep to find once that is over. */
export function* visitsOf({ visits, now }: History): Generator<Visit> {
  const stepMs = dayMs / visitsPerDay;
  for (let index = 0; index < visits; index += 1) {
    const ageMs = Math.round((visits - index) * stepMs);
    yield { index, at: now - ageMs, ageMs, kiosk: kiosks[index * 7 % kiosks.length]!, type: index % 9 < 5 ? 'thickness' : 'diagnostics', isOpen: ageMs < dayMs && index % 2 === 0 };
  }
}

/** What is past its time in this history is gone; a history shorter than that has all of it. */
export function isKept({ visits }: History, { ageMs }: Visit, retentionMs: number): boolean {
  return ageMs < Math.min(retentionMs, spanMs({ visits }));
}

/** A share of all visits, the same ones each time. */
export function isOneOf({ index }: Visit, percent: number, salt = 0): boolean {
  return (index * 37 + salt * 101) % 100 < percent;
}

/** A whole hash, as good as any. */
export function someHash(number: number): string {
  return number.toString(16).padStart(64, '0');
}

type Insert = (row: Record<string, string | number | null>) => void;
export type Filling = {
  /** A statement that inserts rows with these columns. */
  into: (table: string, columns: readonly string[]) => Insert;
  audit: (entry: { at: number; event: string; entityId: string; details: object; caller: string }) => void;
};

export async function fillDatabase({ folder, now }: History, service: 'sessions' | 'payments' | 'reporting', fill: (filling: Filling) => void): Promise<void> {
  const path = join(folder, `${service}.sqlite`);
  const migrations = new URL(`../../../services/${service}/migrations/`, import.meta.url);
  const fail = (error: Error): void => {
    throw error;
  };
  {
    await using _made = await openDatabase({ path, migrations, now: () => now, onFatal: fail });
  }
  const sqlite = new Sqlite(path);
  // What breaks here is thrown away.
  for (const setting of ['journal_mode = DELETE', 'journal_mode = OFF', 'synchronous = OFF', 'foreign_keys = OFF', 'cache_size = -400000', 'locking_mode = EXCLUSIVE']) sqlite.pragma(setting);
  const later = sqlite.prepare("SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL").all() as { type: string; name: string; sql: string }[];
  for (const { type, name } of later) sqlite.exec(`DROP ${type} ${name}`);
  sqlite.exec('BEGIN');
  fill({ into: (table, columns) => insertInto(sqlite, table, columns), audit: auditOf(sqlite) });
  for (const { sql } of later) sqlite.exec(sql);
  // As if what was erased had left the file an hour ago (scrub.ts).
  sqlite.pragma(`user_version = ${Math.floor(now / hourMs) - 1}`);
  sqlite.exec('COMMIT');
  sqlite.pragma('journal_mode = WAL');
  sqlite.close();
}

function insertInto(sqlite: Sqlite.Database, table: string, columns: readonly string[]): Insert {
  const statement = sqlite.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`);
  return (row) => {
    statement.run(columns.map((column) => row[column] ?? null));
  };
}

function auditOf(sqlite: Sqlite.Database): Filling['audit'] {
  const insert = insertInto(sqlite, 'audit_logs', ['id', 'at', 'event', 'entity_id', 'details', 'request_id', 'caller', 'ip', 'user_agent', 'hash']);
  let head = { id: 0, hash: '' };
  return ({ at, event, entityId, details, caller }) => {
    const id = head.id + 1;
    const row = {
      id, at, event, entity_id: entityId, details: JSON.stringify(details), request_id: `growth-${id}`, caller,
      ip: '10.0.0.7', user_agent: 'kiosk-screen/3.2 (Linux; x86_64)',
    };
    head = { id, hash: auditHash(head.hash, row) };
    insert({ ...row, hash: head.hash });
  };
}
