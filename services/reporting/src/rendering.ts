/**
 * From a report's row to its file. The row comes first and says "rendering" until the file is synced, so whatever is killed in between is found
 * and finished by the job; a report is drawn once at a time, whoever waits for it.
 */
import { Fault } from '@kiosk/fault';
import type { Log } from '@kiosk/service';
import type { Files } from './files.ts';
import type { RenderedReport } from './pdf/pool.ts';
import { templateVersion, type ReportDocument } from './pdf/report-document.ts';
import type { Report } from './report.ts';
import type { Store } from './store.ts';
import type { Origin } from './tables.ts';

/** The renderer. A Fault of kind unavailable is a matter of the moment; any other failure is the document's. */
export interface Pdf {
  render(document: ReportDocument, options: { signal: AbortSignal }): Promise<RenderedReport>;
}

const resumer: Origin = { requestId: 'rendering', caller: { role: 'service', name: 'reporting' } };
/** A resume's bite. */
const biteRows = 100;
const retryAfterMs = 1000;

export class Rendering implements AsyncDisposable {
  readonly #store: Store;
  readonly #files: Files;
  readonly #pdf: Pdf;
  readonly #now: () => number;
  readonly #log: Log;
  readonly #limit: number;
  readonly #onReady: () => void;
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #reserved = 0;

  constructor({ store, files, pdf, now, log, limit, onReady }: {
    store: Store; files: Files; pdf: Pdf; now: () => number; log: Log;
    /** How many reports may be under way. */
    limit: number;
    /** Told after each report that became ready. */
    onReady: () => void;
  }) {
    this.#store = store;
    this.#files = files;
    this.#pdf = pdf;
    this.#now = now;
    this.#log = log;
    this.#limit = limit;
    this.#onReady = onReady;
  }

  /** Keeps a place while a report is accepted, so that none is accepted that would only wait. Fails with `pdf_queue_full`. */
  reserve(): Disposable {
    if (this.#underWay.size + this.#reserved >= this.#limit) {
      throw new Fault({ kind: 'unavailable', reason: 'pdf_queue_full', message: 'Too many reports are being made.', retryAfterMs });
    }
    this.#reserved += 1;
    return { [Symbol.dispose]: () => void (this.#reserved -= 1) };
  }

  /**
   * Resolves once the report is no longer rendering: it is ready, or has failed for good. Fails with a Fault that says "again later" where the
   * moment was bad; the job will do it then.
   */
  finish(reportId: string, origin: Origin): Promise<void> {
    const joined = this.#underWay.get(reportId);
    if (joined) return joined;
    const work = this.#render(reportId, origin).finally(() => this.#underWay.delete(reportId));
    this.#underWay.set(reportId, work);
    // Whoever waits may have given up; what went wrong is logged in #render.
    work.catch(() => {});
    return work;
  }

  /** Finishes what killed processes, full disks and crashed workers left. */
  async resume(signal: AbortSignal = this.#stop.signal): Promise<void> {
    const unfinished = await this.#store.unfinished(biteRows);
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    const onAbort = (): void => stop();
    signal.addEventListener('abort', onAbort, { once: true });
    for (const id of unfinished) {
      if (signal.aborted) break;
      // A worker that hangs holds up no stop: disposing ends what is under way.
      await Promise.race([this.finish(id, resumer).catch(() => {}), stopped]);
    }
    signal.removeEventListener('abort', onAbort);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Fault({ kind: 'unavailable', reason: 'stopping', message: 'The service is stopping.' }));
    await Promise.allSettled(this.#underWay.values());
  }

  async #render(reportId: string, origin: Origin): Promise<void> {
    const report = await this.#store.get(reportId, undefined);
    if (report.status !== 'rendering') return;
    try {
      const rendered = await this.#draw(report, origin);
      if (!rendered) return;
      await this.#files.write(report, rendered.bytes);
      const isReady = await this.#store.ready(reportId, { sha256: rendered.sha256, pages: rendered.pages, templateVersion, now: this.#now(), origin });
      if (isReady) this.#onReady();
      else await this.#files.remove(report);
    } catch (error) {
      this.#log.warn({ error, reportId, requestId: origin.requestId }, 'a report could not be made now; it is tried again');
      if (error instanceof Fault) throw error;
      throw notReady(error);
    }
  }

  /** Undefined where nothing can be drawn, which is then written down. */
  async #draw(report: Report, origin: Origin): Promise<RenderedReport | undefined> {
    // Outside: that it cannot be read now is not its fault.
    const document = await this.#store.document(report.id);
    try {
      return await this.#pdf.render(document, { signal: this.#stop.signal });
    } catch (error) {
      const passing = error instanceof Fault && error.kind === 'unavailable';
      if (!passing) {
        this.#log.error({ error, reportId: report.id, requestId: origin.requestId }, 'the renderer failed');
        await this.#store.failed(report.id, { reason: 'render_failed', origin });
        return undefined;
      }
      if (error.reason === 'pdf_worker_crashed') await this.#store.crashed(report.id, { origin });
      throw error;
    }
  }
}

/** The report is accepted, its file not there yet. */
export function notReady(cause?: unknown): Fault {
  return new Fault({ kind: 'unavailable', reason: 'report_not_ready', message: 'The report is still being made; repeat with the same key.', retryAfterMs, cause });
}
