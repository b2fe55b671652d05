/**
 * Group commit. Transactions wait in a queue; once the event loop's turn is over (`setImmediate`: a timer would slow a lone caller), those
 * that are there run one after the other inside one IMMEDIATE transaction, each in a savepoint, and are answered after the one commit.
 */
import type Sqlite from 'better-sqlite3';
import type { Kysely } from 'kysely';

/** Bounds how many are unknown if their commit fails. */
const batchLimit = 128;
/** The event loop stands still for a batch: what has not begun by then is the next one's. A larger one would hardly be any cheaper, since the sync is a small part of it. */
const usualBatchMs = 10;

/** The commit failed with an I/O error: whether it is on disk will be known after a restart only. Retry with the same key. */
export class OutcomeUnknownError extends Error {
  override readonly name = 'OutcomeUnknownError';
}

/** What a transaction's work may use. */
export type Tx<Tables> = {
  db: Kysely<Tables>;
  /** Runs once the transaction is on disk and never if it is not: counters, log lines, wake-ups. It must not throw. */
  afterCommit: (effect: () => void) => void;
};

type Job<Tables> = {
  work: (tx: Tx<Tables>) => Promise<unknown>;
  /** Outside any transaction, with nobody else at the file. */
  alone?: boolean;
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
};

type Done = { job: Job<never>; effects: (() => void)[]; value: unknown };

export class WriteQueue<Tables> implements AsyncDisposable {
  readonly #sqlite: Sqlite.Database;
  readonly #kysely: Kysely<Tables>;
  readonly #onFatal: (error: Error) => void;
  readonly #onCommitted: () => void;
  readonly #longestBatchMs: number;
  readonly #statements: Record<'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'undo', Sqlite.Statement>;
  #waiting: Job<Tables>[] = [];
  #running: Promise<void> | undefined;
  #closed: Error | undefined;

  constructor({ sqlite, kysely, onFatal, onCommitted = () => {}, longestBatchMs = usualBatchMs }: {
    sqlite: Sqlite.Database; kysely: Kysely<Tables>; onFatal: (error: Error) => void; longestBatchMs?: number;
    /** After each shared commit, once everybody has been answered. */
    onCommitted?: () => void;
  }) {
    this.#sqlite = sqlite;
    this.#kysely = kysely;
    this.#onFatal = onFatal;
    this.#onCommitted = onCommitted;
    this.#longestBatchMs = longestBatchMs;
    this.#statements = {
      begin: sqlite.prepare('BEGIN IMMEDIATE'),
      commit: sqlite.prepare('COMMIT'),
      rollback: sqlite.prepare('ROLLBACK'),
      savepoint: sqlite.prepare('SAVEPOINT work'),
      release: sqlite.prepare('RELEASE work'),
      undo: sqlite.prepare('ROLLBACK TO work'),
    };
  }

  run<T>(work: (tx: Tx<Tables>) => Promise<T>): Promise<T> {
    return this.#enqueue({ work });
  }

  /** Runs `work` between two transactions; those that come meanwhile wait for its end. */
  runAlone<T>(work: () => Promise<T>): Promise<T> {
    return this.#enqueue({ work, alone: true });
  }

  #enqueue<T>(job: Pick<Job<Tables>, 'work' | 'alone'>): Promise<T> {
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ ...job, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= new Error('the database is closed');
    await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      const [first] = this.#waiting;
      if (first?.alone) {
        this.#waiting.shift();
        await this.#runAlone(first);
        continue;
      }
      const batch: Job<Tables>[] = [];
      try {
        await this.#commitTogether(batch);
      } catch (error) {
        this.#fail([...batch, ...this.#waiting.splice(0)], error as Error);
      }
    }
    this.#running = undefined;
  }

  #batchSize(): number {
    const next = this.#waiting.findIndex(({ alone }) => alone);
    return Math.min(next < 0 ? this.#waiting.length : next, batchLimit);
  }

  async #runAlone({ work, resolve, reject }: Job<Tables>): Promise<void> {
    try {
      resolve(await (work as () => Promise<unknown>)() as never);
    } catch (error) {
      reject(error);
    }
  }

  /** Moves into `batch` whoever's work it begins. */
  async #commitTogether(batch: Job<Tables>[]): Promise<void> {
    const size = this.#batchSize();
    try {
      this.#statements.begin.run();
    } catch (error) {
      // Another process holds the database longer than the busy timeout: nothing has happened, the callers may try again.
      for (const job of this.#waiting.splice(0, size)) job.reject(error);
      return;
    }
    const done: Done[] = [];
    const startedAt = performance.now();
    do {
      const job = this.#waiting.shift()!;
      batch.push(job);
      await this.#runOne(job, done);
    } while (batch.length < size && performance.now() - startedAt < this.#longestBatchMs);
    this.#statements.commit.run();
    // All are answered first: an effect that throws against its promise must not make the others' outcomes unknown.
    for (const { job, value } of done) job.resolve(value as never);
    for (const { effects } of done) for (const effect of effects) effect();
    this.#onCommitted();
  }

  async #runOne(job: Job<Tables>, done: Done[]): Promise<void> {
    const effects: (() => void)[] = [];
    this.#statements.savepoint.run();
    try {
      const value = await job.work({ db: this.#kysely, afterCommit: (effect) => effects.push(effect) });
      this.#statements.release.run();
      done.push({ job: job as unknown as Job<never>, effects, value });
    } catch (error) {
      // An I/O error can have rolled back the whole transaction by itself; then the batch is lost, and #fail says so.
      if (!this.#sqlite.inTransaction) throw error;
      this.#statements.undo.run();
      this.#statements.release.run();
      job.reject(error);
    }
  }

  #fail(jobs: Job<Tables>[], error: Error): void {
    const unknown = new OutcomeUnknownError('the database could not commit; the outcome is unknown until it is opened again', { cause: error });
    this.#closed = unknown;
    if (this.#sqlite.inTransaction) {
      try {
        this.#statements.rollback.run();
      } catch {
        // The process stops anyway, and recovery at the next start decides.
      }
    }
    for (const job of jobs) job.reject(unknown);
    this.#onFatal(unknown);
  }
}
