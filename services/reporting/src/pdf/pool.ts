/**
 * Renders reports on worker threads, so that the service's own thread never stalls. A bounded queue feeds a few workers; each is started
 * when there is work for it, then holds the fonts open, and takes one report at a time. A worker that dies or hangs is replaced, and its report is tried once more on another:
 * rendering changes nothing outside, so doing it twice is safe.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Fault } from '@kiosk/fault';
import type { ReportDocument } from './report-document.ts';
import type { WorkerAnswer, WorkerJob, WorkerMessage } from './worker.ts';

export type RenderedReport = {
  bytes: Uint8Array;
  pages: number;
  /** Hex SHA-256 of `bytes`. */
  sha256: string;
};

export type PdfPoolOptions = {
  /** Threads; by default 2, or fewer where the machine has fewer cores. */
  workers?: number;
  /** Reports that may wait for a free worker; one more is refused. */
  queueLimit?: number;
  /** A report that takes longer than this is taken for a hang. The longest legal one takes about a second. */
  jobTimeoutMs?: number;
  /** The module that workers run; tests put a dying one here. */
  workerUrl?: URL;
};

type Job = {
  document: ReportDocument;
  attempts: number;
  /** Settled by an abort while a worker still draws it: the worker's answer is then dropped. */
  settled: boolean;
  /** Settles the promise once and lets go of the caller's signal. */
  settle: (end: { report: RenderedReport } | { error: unknown }) => void;
};
/** A worker that is not up yet has not looked at its job. */
type Slot = { worker: Worker; isUp: boolean; job?: Job; timer?: NodeJS.Timeout };

const MAX_ATTEMPTS = 2;
/** A report needs some 30 MB beside the dictionary; a worker that wants much more is stopped and replaced. */
const WORKER_MEMORY_MB = 256;
/** By default V8 lets rubbish pile up to 48 MB before it looks: a third of a worker's memory, for nothing. */
const YOUNG_MB = 8;
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

export class PdfPool {
  readonly #workers: number;
  readonly #queueLimit: number;
  readonly #jobTimeoutMs: number;
  readonly #workerUrl: URL;
  readonly #slots = new Set<Slot>();
  readonly #queue: Job[] = [];
  #stopped = false;

  constructor({ workers, queueLimit, jobTimeoutMs, workerUrl }: PdfPoolOptions = {}) {
    this.#workers = Math.max(1, workers ?? Math.min(2, availableParallelism()));
    this.#queueLimit = queueLimit ?? 64;
    this.#jobTimeoutMs = jobTimeoutMs ?? 30_000;
    this.#workerUrl = workerUrl ?? new URL(`./worker.${extension}`, import.meta.url);
  }

  /** Reports waiting for a worker. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Renders one report. Fails with Fault unavailable `pdf_queue_full` beyond the queue's limit, `pdf_worker_crashed` when
   * two workers died of it, `pdf_unavailable` when the machine lets none work, `pdf_pool_stopped` after disposal, and the signal's reason
   * when aborted; an error of the renderer itself comes through as it is.
   */
  async render(document: ReportDocument, { signal }: { signal?: AbortSignal } = {}): Promise<RenderedReport> {
    if (this.#stopped) throw stoppedFault();
    signal?.throwIfAborted();
    const idle = [...this.#slots].some(({ job }) => !job) || this.#slots.size < this.#workers;
    if (!idle && this.#queue.length >= this.#queueLimit) {
      throw new Fault({
        kind: 'unavailable',
        reason: 'pdf_queue_full',
        message: 'too many reports are being made, try again soon',
        retryAfterMs: 1000,
      });
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        const waiting = this.#queue.indexOf(job);
        if (waiting >= 0) this.#queue.splice(waiting, 1);
        job.settle({ error: signal?.reason });
      };
      const job: Job = {
        document,
        attempts: 0,
        settled: false,
        settle: (end) => {
          if (job.settled) return;
          job.settled = true;
          signal?.removeEventListener('abort', abort);
          if ('report' in end) resolve(end.report);
          else reject(end.error);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#queue.push(job);
      this.#pump();
    });
  }

  /** Stops the workers. Reports not finished fail as Fault unavailable `pdf_pool_stopped`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    const slots = [...this.#slots];
    this.#slots.clear();
    for (const job of this.#queue.splice(0)) job.settle({ error: stoppedFault() });
    for (const { job, timer } of slots) {
      clearTimeout(timer);
      job?.settle({ error: stoppedFault() });
    }
    await Promise.all(slots.map(({ worker }) => worker.terminate()));
  }

  #start(): Slot {
    // Sources run by type stripping and find the other packages' sources; built files find built files.
    const execArgv = extension === 'ts' ? ['--conditions=@kiosk/source', '--disable-warning=ExperimentalWarning'] : [];
    const worker = new Worker(this.#workerUrl, { execArgv, resourceLimits: { maxOldGenerationSizeMb: WORKER_MEMORY_MB, maxYoungGenerationSizeMb: YOUNG_MB } });
    const slot: Slot = { worker, isUp: false };
    this.#slots.add(slot);
    worker.on('message', (message: WorkerMessage) => {
      if (message === 'up') slot.isUp = true;
      else this.#finish(slot, message);
    });
    worker.on('error', (error) => this.#lose(slot, error));
    worker.on('exit', () => this.#lose(slot));
    return slot;
  }

  /**
   * Gives waiting reports to free workers, and starts workers only while there is work: an idle service needs no memory for them, and a
   * worker that cannot start does not spin.
   */
  #pump(): void {
    while (this.#queue.length > 0 && !this.#stopped) {
      const slot = [...this.#slots].find(({ job }) => !job) ?? this.#another();
      if (!slot) return;
      const job = this.#queue.shift();
      if (!job) return;
      job.attempts += 1;
      slot.job = job;
      slot.timer = setTimeout(() => this.#lose(slot), this.#jobTimeoutMs);
      slot.worker.postMessage({ document: job.document } satisfies WorkerJob);
    }
  }

  /** Undefined where there are enough, or none can be started now: what waits is then for those at work, and fails where there are none. */
  #another(): Slot | undefined {
    if (this.#slots.size >= this.#workers) return undefined;
    try {
      return this.#start();
    } catch (cause) {
      if (this.#slots.size === 0) for (const job of this.#queue.splice(0)) job.settle({ error: unavailableFault(cause) });
      return undefined;
    }
  }

  #finish(slot: Slot, answer: WorkerAnswer): void {
    const { job } = slot;
    clearTimeout(slot.timer);
    slot.job = undefined;
    job?.settle(
      answer.ok ? { report: { bytes: answer.bytes, pages: answer.pages, sha256: answer.sha256 } } : { error: renderError(answer) },
    );
    this.#pump();
  }

  /** The worker died or hangs: `error` and `exit` both come, and only the first counts. Before it was up, its report is not to blame. */
  #lose(slot: Slot, cause?: unknown): void {
    if (!this.#slots.delete(slot)) return;
    clearTimeout(slot.timer);
    void slot.worker.terminate();
    const { job } = slot;
    if (job && !job.settled) {
      if (job.attempts < MAX_ATTEMPTS) this.#queue.unshift(job);
      else job.settle({ error: slot.isUp ? crashedFault(cause) : unavailableFault(cause) });
    }
    this.#pump();
  }
}

function stoppedFault(): Fault {
  return new Fault({ kind: 'unavailable', reason: 'pdf_pool_stopped', message: 'the service is stopping' });
}

function crashedFault(cause: unknown): Fault {
  return new Fault({ kind: 'unavailable', reason: 'pdf_worker_crashed', message: 'the report could not be rendered, try again later', cause });
}

function unavailableFault(cause: unknown): Fault {
  return new Fault({ kind: 'unavailable', reason: 'pdf_unavailable', message: 'no report can be rendered now, try again later', cause });
}

function renderError({ fault, isMachineTrouble, message, stack }: Extract<WorkerAnswer, { ok: false }>): Error {
  if (fault) return new Fault({ ...fault, message });
  const error = new Error(message);
  if (stack) error.stack = stack;
  return isMachineTrouble ? unavailableFault(error) : error;
}
