/** What the two PDF programs have in common: over IPC they get slices, render the samples in turn for so long, and tell how it went. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ReportDocument } from '../../../services/reporting/src/pdf/report-document.ts';
import { sampleDocuments, varied } from './documents.ts';

export type PdfSlice = { warmUpMs: number; measureMs: number };

export type PdfResult = {
  reports: number;
  reportsPerSecond: number;
  /** ms of CPU for each report, all threads. */
  cpuMs: number;
  /** The longest that the program's own thread was kept from anything else, in ms. */
  longestStallMs: number;
  /** Pages of each sample: the subjects must agree. */
  pages: number[];
};

const stallResolutionMs = 1;

/** `concurrency`: how many reports are asked for at once. */
export function servePdfSlices({ concurrency, render }: {
  concurrency: number;
  render: (document: ReportDocument) => Promise<{ bytes: Uint8Array; pages: number }>;
}): void {
  const documents = sampleDocuments();
  const pages = documents.map(() => 0);
  let turn = 0;

  async function drive(forMs: number): Promise<number> {
    let reports = 0;
    const until = performance.now() + forMs;
    await Promise.all(Array.from({ length: concurrency }, async () => {
      do {
        const index = turn % documents.length;
        const rendered = await render(varied(documents[index]!, turn++));
        if (Buffer.from(rendered.bytes.subarray(0, 5)).toString() !== '%PDF-') throw new Error('this is not a PDF');
        pages[index] = rendered.pages;
        reports += 1;
        // Rendering never waits for anything, and this program's timers must run all the same.
        await new Promise((resolve) => setImmediate(resolve));
      } while (performance.now() < until);
    }));
    return reports;
  }

  async function runSlice({ warmUpMs, measureMs }: PdfSlice): Promise<PdfResult> {
    while (pages.includes(0)) await drive(0);
    await drive(warmUpMs);
    const stalls = monitorEventLoopDelay({ resolution: stallResolutionMs });
    stalls.enable();
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    const reports = await drive(measureMs);
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    stalls.disable();
    return {
      reports,
      reportsPerSecond: reports / seconds,
      cpuMs: (user + system) / 1000 / reports,
      longestStallMs: Math.max(0, stalls.max / 1e6 - stallResolutionMs),
      pages,
    };
  }

  process.on('message', (slice: PdfSlice) => void runSlice(slice).then((result) => process.send?.(result)));
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}
