/**
 * What was committed is in the write-ahead log; a checkpoint copies it into the database itself. SQLite would do that within a commit, a thousand pages at a time:
 * 30 ms and more for which the event loop stands still, and the more the larger the database, because its pages lie further apart. So a thread of its own copies while
 * the service goes on. It comes with the first thousand pages, and leaves when there has been nothing to do for a while: a quiet service does without it.
 *
 * The log starts over when all of it has been copied at a moment when nobody writes. Under a load that never pauses such a moment is made once the log is long: the few
 * pages that came while the thread was copying are then copied within a commit, and all that are left once it is far too long.
 */
import type Sqlite from 'better-sqlite3';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export type CheckpointJob = { path: string };
type Progress = { log: number; checkpointed: number };

const idleMs = 10_000;
const program = new URL(`./checkpoint-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

export class Checkpoints implements AsyncDisposable {
  readonly #path: string;
  readonly #worthwhilePages: number;
  readonly #longLogPages: number;
  readonly #progress: Sqlite.Statement<[], Progress>;
  readonly #copyRest: Sqlite.Statement;
  #worker: Worker | undefined;
  #isCopying = false;
  /** Who waits until it is not. */
  #waiting: (() => void)[] = [];
  #leaving: NodeJS.Timeout | undefined;
  #left: Promise<unknown> = Promise.resolve();

  constructor({ sqlite, path, worthwhilePages = 1000, longLogPages = 16_000 }: {
    /** The connection that writes. */
    sqlite: Sqlite.Database;
    path: string;
    /** What SQLite itself would wait for. */
    worthwhilePages?: number;
    /** 64 MB, and what comes while the thread is copying. */
    longLogPages?: number;
  }) {
    this.#path = path;
    this.#worthwhilePages = worthwhilePages;
    this.#longLogPages = longLogPages;
    sqlite.pragma('wal_autocheckpoint = 0');
    this.#progress = sqlite.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#copyRest = sqlite.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  }

  /** To be called after each commit. */
  committed(): void {
    if (this.#isCopying) return;
    const { log, checkpointed } = this.#progress.get()!;
    const isMuch = log - checkpointed >= this.#worthwhilePages;
    if (log >= this.#longLogPages * (isMuch ? 4 : 1)) this.#copyRest.all();
    else if (isMuch) this.#copy();
  }

  /** Resolves when nothing is being copied. Two checkpoints at a time are refused by SQLite, whatever its busy timeout. */
  async idle(): Promise<void> {
    if (this.#isCopying) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #rest(): void {
    this.#isCopying = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #copy(): void {
    clearTimeout(this.#leaving);
    this.#isCopying = true;
    this.#worker ??= this.#start();
    this.#worker.postMessage('copy');
  }

  #start(): Worker {
    const worker = new Worker(program, { workerData: { path: this.#path } satisfies CheckpointJob });
    worker.unref();
    worker.on('message', () => {
      if (this.#worker !== worker) return;
      this.#rest();
      this.#leaving = setTimeout(() => this.#stop(), idleMs).unref();
    });
    // Whatever ails it: the log stays as it is, and the next commit tries with a new one.
    worker.on('error', () => {});
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#rest();
    });
    return worker;
  }

  #stop(): void {
    clearTimeout(this.#leaving);
    const worker = this.#worker;
    if (!worker) return;
    this.#worker = undefined;
    this.#rest();
    worker.ref();
    worker.postMessage('leave');
    this.#left = once(worker, 'exit').catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await this.#left;
  }
}
