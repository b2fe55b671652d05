/**
 * Opens a service's own SQLite database and keeps its promises: an acknowledged write is on disk (WAL, synchronous=FULL, answer after
 * commit), writers never collide (IMMEDIATE, one at a time), readers see committed rows only (a connection of their own).
 *
 * Transactions that arrive within one turn of the event loop share one commit, a savepoint each: one that throws rolls back alone,
 * and nobody is answered before the shared commit is on disk. What that costs and gains is measured by the bench.
 *
 * Not done here on purpose: no query helpers, no base store. A store writes its own queries in Kysely.
 */
import Sqlite from 'better-sqlite3';
import type { Kysely } from 'kysely';
import { statSync } from 'node:fs';
import { Checkpoints } from './checkpoints.ts';
import { migrate } from './migrations.ts';
import { isToWait, scrubFile, scrubbedAt } from './scrub.ts';
import { damageOf, isLarge, lookForDamage, usualLimitBytes } from './soundness.ts';
import { ConnectedKysely } from './sqlite-dialect.ts';
import { WriteQueue, type Tx } from './write-queue.ts';

export { appendAudit, listAudit, pruneAudit, type AuditEntry, type AuditFilter, type AuditRow, type AuditTables } from './audit.ts';
export { verifyAudit, type AuditVerdict } from './audit-verify.ts';
export { biteRows, inBites } from './bites.ts';
export { DamagedDatabaseError, copyDatabase, inspectDatabase, isInUse, readColumn, standingOf, type DatabaseContent } from './copy.ts';
export { idFloor, newId } from './id.ts';
export { OutcomeUnknownError, type Tx } from './write-queue.ts';
export { MigrationError } from './migrations.ts';
export { columns, statement, type Statement } from './statement.ts';

export type DatabaseOptions = {
  /** The file; its folder must exist. */
  path: string;
  /** The folder of `0001_….sqlite.sql` files. */
  migrations: URL;
  /** Epoch milliseconds, for the times a migration was applied and the file was scrubbed. */
  now?: () => number;
  /** Called when a commit failed with an I/O error, or damage was found: the process must stop, since what is on disk is unknown until a restart. */
  onFatal: (error: Error) => void;
  /** A larger file is looked through for damage after it is opened, and `onFatal` is called with what is found. */
  checkFirstLimitBytes?: number;
  /** For how long, in ms, transactions that share a commit may hold the event loop; each has at least one. */
  longestBatchMs?: number;
};

export class Database<Tables> implements AsyncDisposable {
  /** Sees committed rows only. For reads that need no transaction. */
  readonly read: Kysely<Tables>;
  readonly #reader: Sqlite.Database;
  readonly #writer: Sqlite.Database;
  readonly #queue: WriteQueue<Tables>;
  readonly #checkpoints: Checkpoints;
  readonly #beside: AsyncDisposableStack;
  readonly #path: string;
  readonly #now: () => number;

  constructor({ read, reader, writer, queue, checkpoints, beside, path, now }: {
    read: Kysely<Tables>; reader: Sqlite.Database; writer: Sqlite.Database; queue: WriteQueue<Tables>; checkpoints: Checkpoints; path: string; now: () => number;
    /** What works on the file on other threads, and must end first. */
    beside: AsyncDisposableStack;
  }) {
    this.read = read;
    this.#path = path;
    this.#now = now;
    this.#reader = reader;
    this.#writer = writer;
    this.#queue = queue;
    this.#checkpoints = checkpoints;
    this.#beside = beside;
  }

  /**
   * Runs `work` in one IMMEDIATE transaction and answers after its commit is on disk. Whatever `work` throws rolls it back and is thrown on.
   * `work` may only await queries of its `tx`: a transaction never spans anything else, least of all the network.
   * Fails with OutcomeUnknownError when the commit itself failed.
   */
  transaction<T>(work: (tx: Tx<Tables>) => Promise<T>): Promise<T> {
    return this.#queue.run(work);
  }

  /**
   * After this nothing that was deleted or overwritten before can be found in the database's files any more. Transactions wait for it, reads do not: about
   * two seconds for 100 MB. `unlessWithinMs`: does nothing where it was done so lately, nor by day where it would take long (scrub.ts), and answers false. Fails where another process
   * holds the database; it is to be asked again.
   */
  async scrub({ unlessWithinMs = 0 }: { unlessWithinMs?: number } = {}): Promise<boolean> {
    return this.#queue.runAlone(async () => {
      const now = this.#now();
      const ageMs = Math.abs(now - scrubbedAt(this.#writer));
      if (unlessWithinMs > 0 && isToWait({ bytes: statSync(this.#path).size, ageMs, now, unlessWithinMs })) return false;
      await this.#checkpoints.idle();
      await scrubFile({ path: this.#path, now });
      return true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue[Symbol.asyncDispose]();
    await this.#beside.disposeAsync();
    await this.read.destroy();
    // Kysely closes only what it has used.
    this.#reader.close();
    this.#writer.pragma('wal_checkpoint(TRUNCATE)');
    this.#writer.close();
  }
}

export async function openDatabase<Tables>({ path, migrations, now = Date.now, onFatal, checkFirstLimitBytes = usualLimitBytes, longestBatchMs }: DatabaseOptions): Promise<Database<Tables>> {
  const connections: Sqlite.Database[] = [];
  const connect = (): Sqlite.Database => {
    const sqlite = new Sqlite(path, { timeout: 5000 });
    connections.push(sqlite);
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma('synchronous = FULL');
    // INSERT OR REPLACE deletes: without this it would do so past the triggers that forbid it.
    sqlite.pragma('recursive_triggers = ON');
    // What is deleted or overwritten becomes zeros. See scrub.ts for what that leaves.
    sqlite.pragma('secure_delete = ON');
    return sqlite;
  };
  try {
    const checksLater = isLarge(path, checkFirstLimitBytes);
    const writer = connect();
    if (!checksLater) refuseDamage(writer);
    migrate({ sqlite: writer, folder: migrations, now });
    makeDurable(writer);
    const reader = connect();
    reader.pragma('query_only = ON');
    const beside = new AsyncDisposableStack();
    const checkpoints = beside.use(new Checkpoints({ sqlite: writer, path }));
    if (checksLater) beside.use(lookForDamage({ path, onDamage: (how) => onFatal(damaged(how)) }));
    return new Database<Tables>({
      read: new ConnectedKysely<Tables>(reader),
      reader,
      writer,
      checkpoints,
      beside,
      path,
      now,
      queue: new WriteQueue<Tables>({
        sqlite: writer, kysely: new ConnectedKysely<Tables>(writer), onFatal, onCommitted: () => checkpoints.committed(), longestBatchMs,
      }),
    });
  } catch (error) {
    for (const sqlite of connections) sqlite.close();
    // A file that is damaged in its first pages is refused before anything can be checked.
    const { code, message } = error as { code?: unknown; message: string };
    if (typeof code === 'string' && /^SQLITE_(NOTADB|CORRUPT)/.test(code)) throw damaged(message, error);
    throw error;
  }
}

/** better-sqlite3's build falls back to NORMAL once the schema of a WAL database exists, so FULL is set again and read back last. */
function makeDurable(sqlite: Sqlite.Database): void {
  sqlite.pragma('synchronous = FULL');
  const is = {
    journal_mode: sqlite.pragma('journal_mode', { simple: true }),
    synchronous: sqlite.pragma('synchronous', { simple: true }),
    foreign_keys: sqlite.pragma('foreign_keys', { simple: true }),
  };
  if (is.journal_mode !== 'wal' || is.synchronous !== 2 || is.foreign_keys !== 1) {
    throw new Error(`the database would not keep what it acknowledges: ${JSON.stringify(is)}`);
  }
}

function refuseDamage(sqlite: Sqlite.Database): void {
  const damage = damageOf(sqlite);
  if (damage !== undefined) throw damaged(damage);
}

function damaged(how: string, cause?: unknown): Error {
  return new Error(`the database is damaged (${how.replaceAll(/\s+/g, ' ')}): restore the newest backup`, { cause });
}
