/**
 * Files and rows must not disagree for good. A file that no row has a right to is removed; the file of a ready report that is missing is drawn again from
 * what was frozen, and put back if it is the same to the byte (D8). Either is counted. However many reports there are, a part of them is looked at at a time.
 */
import { Fault } from '@kiosk/fault';
import type { Log } from '@kiosk/service';
import { createHash } from 'node:crypto';
import type { ErasureStore } from './erasure-store.ts';
import type { Events } from './events.ts';
import type { ReportFiles } from './files.ts';
import type { Pdf } from './rendering.ts';
import type { Store } from './store.ts';

/** A younger file may be one whose row is about to say so. */
const graceMs = 3_600_000;
const stepSize = 200;
/** Some two thousand a minute: a million reports are looked through in a day. */
const stepsAtOnce = 10;
const roundIntervalMs = 6 * 3_600_000;

export function createSweep({ rows, store, files, pdf, events, log, now }: {
  rows: Pick<ErasureStore, 'withFile' | 'readyAfter'>; store: Pick<Store, 'document'>;
  files: Pick<ReportFiles, 'list' | 'changedAt' | 'has' | 'removeAt' | 'write'>; pdf: Pdf; events: Pick<Events, 'swept'>;
  log: Log; now: () => number;
}) {
  let round: AsyncGenerator<void> | undefined;
  let nextRoundAt = 0;

  /** All files, then all rows, a step at a time. */
  async function* steps(signal: AbortSignal): AsyncGenerator<void> {
    for await (const found of files.list(stepSize)) {
      const rightful = await rows.withFile(found.flatMap(({ id }) => id ?? []));
      for (const { path, id } of found) if (id === undefined || !rightful.has(id)) await mend(() => removeOld(path, id), id, signal);
      yield;
    }
    for (let last = '';;) {
      const reports = await rows.readyAfter(last, stepSize);
      for (const report of reports) if (report.createdAt < now() - graceMs) await mend(() => remake(report, signal), report.id, signal);
      const next = reports.at(-1)?.id;
      if (next === undefined) return;
      last = next;
      yield;
    }
  }

  /** One that cannot be mended now is left to the next round, and keeps the others from nothing. */
  async function mend(work: () => Promise<void>, reportId: string | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      const isPassing = error instanceof Fault && error.kind === 'unavailable';
      log[isPassing ? 'warn' : 'error']({ error, reportId }, 'the file of a report could not be mended; the next sweep tries again');
    }
  }

  async function removeOld(path: string, id: string | undefined): Promise<void> {
    const changedAt = await files.changedAt(path);
    if (changedAt === undefined || changedAt >= now() - graceMs) return;
    await files.removeAt(path);
    events.swept('file_without_row', id);
  }

  async function remake(report: { id: string; createdAt: number; sha256: string }, signal: AbortSignal): Promise<void> {
    if (await files.has(report)) return;
    const { bytes } = await pdf.render(await store.document(report.id), { signal });
    const isSame = createHash('sha256').update(bytes).digest('hex') === report.sha256;
    if (isSame) await files.write(report, bytes);
    events.swept(isSame ? 'row_without_file' : 'row_without_file_for_good', report.id);
  }

  return {
    async all(signal: AbortSignal): Promise<void> {
      for await (const _ of steps(signal)) if (signal.aborted) return;
    },

    /** A part of them, from where the last part ended; a few hours after the first of them it is all over again. */
    async some(signal: AbortSignal): Promise<void> {
      if (!round) {
        if (now() < nextRoundAt) return;
        nextRoundAt = now() + roundIntervalMs;
        round = steps(signal);
      }
      for (let step = 0; step < stepsAtOnce && !signal.aborted; step += 1) {
        const { done } = await round.next().catch((error: unknown) => {
          // The next round begins in its time.
          round = undefined;
          throw error;
        });
        if (done) {
          round = undefined;
          return;
        }
      }
    },
  };
}
