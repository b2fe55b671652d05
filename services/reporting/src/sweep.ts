/**
 * Files and rows must not disagree for good. A file that no row has a right to is removed; the file of a ready report that is missing is drawn again from
 * what was frozen, and put back if it is the same to the byte (D8). Either is counted.
 */
import { createHash } from 'node:crypto';
import type { ErasureStore } from './erasure-store.ts';
import type { Events } from './events.ts';
import type { ReportFiles } from './files.ts';
import type { Pdf } from './rendering.ts';
import type { Store } from './store.ts';

/** A younger file may be one whose row is about to say so. */
const graceMs = 3_600_000;

export function createSweep({ rows, store, files, pdf, events, now }: {
  rows: Pick<ErasureStore, 'withFile' | 'readyAfter'>; store: Pick<Store, 'document'>; files: Pick<ReportFiles, 'list' | 'removeAt' | 'write'>; pdf: Pdf; events: Pick<Events, 'swept'>;
  now: () => number;
}) {
  return async (signal: AbortSignal): Promise<void> => {
    const present = new Set<string>();
    for await (const folder of files.list()) {
      const rightful = await rows.withFile(folder.flatMap(({ id }) => id ?? []));
      for (const { path, id, changedAt } of folder) {
        if (id !== undefined && rightful.has(id)) present.add(id);
        else if (changedAt < now() - graceMs) {
          await files.removeAt(path);
          events.swept('file_without_row', id);
        }
      }
    }
    for (let last = ''; !signal.aborted;) {
      const reports = await rows.readyAfter(last);
      // One that became ready since the files were looked at is not missing.
      for (const report of reports) if (!present.has(report.id) && report.createdAt < now() - graceMs) await remake(report, signal);
      const next = reports.at(-1)?.id;
      if (next === undefined) return;
      last = next;
    }
  };

  async function remake(report: { id: string; createdAt: number; sha256: string }, signal: AbortSignal): Promise<void> {
    const { bytes } = await pdf.render(await store.document(report.id), { signal });
    const isSame = createHash('sha256').update(bytes).digest('hex') === report.sha256;
    if (isSame) await files.write(report, bytes);
    events.swept(isSame ? 'row_without_file' : 'row_without_file_for_good', report.id);
  }
}
