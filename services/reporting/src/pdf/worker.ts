/** A worker thread of PdfPool: says that it is up, then takes one report at a time, gives its bytes and their SHA-256. The bytes are moved, not copied. */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { Fault } from '@kiosk/fault';
import { isMachineTrouble } from './machine-trouble.ts';
import { yieldToOthers } from './priority.ts';
import { renderReport } from './render.ts';
import type { ReportDocument } from './report-document.ts';
import { openTypefaces } from './typesetting.ts';

export type WorkerJob = { document: ReportDocument };
export type WorkerAnswer =
  | { ok: true; bytes: Uint8Array<ArrayBuffer>; pages: number; sha256: string }
  | { ok: false; fault?: { kind: Fault['kind']; reason: string }; isMachineTrouble: boolean; message: string; stack?: string };
export type WorkerMessage = 'up' | WorkerAnswer;

if (!parentPort) throw new Error('worker.ts runs as a worker thread of PdfPool only');
const port = parentPort;
yieldToOthers();
// Fonts are opened before the first job arrives, which then does not wait for them.
openTypefaces();
port.postMessage('up' satisfies WorkerMessage);

port.on('message', ({ document }: WorkerJob) => {
  try {
    const { bytes, pages } = renderReport(document);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    port.postMessage({ ok: true, bytes, pages, sha256 } satisfies WorkerAnswer, [bytes.buffer]);
  } catch (error) {
    const fault = error instanceof Fault ? { kind: error.kind, reason: error.reason } : undefined;
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    port.postMessage({ ok: false, fault, isMachineTrouble: isMachineTrouble(error), message, stack } satisfies WorkerAnswer);
  }
});
