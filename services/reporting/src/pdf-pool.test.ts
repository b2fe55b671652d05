import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PdfPool } from './pdf/pool.ts';
import type { ReportDocument } from './pdf/report-document.ts';

const document: ReportDocument = {
  reportId: 'rep_1',
  sessionId: 'ses_1',
  createdAt: Date.UTC(2026, 10, 20),
  brand: { name: 'АвтоТест' },
  checkUrl: 'https://kiosk.example/r/1',
  kind: 'diagnostics',
  data: { vehicleMake: 'LADA', vehicleModel: 'Granta', dtcCodes: [{ code: 'P0301' }], timestamp: Date.UTC(2026, 10, 20) },
};

/**
 * A worker that comes up, and whose fate is written in the document's number: it dies, dies once (the check address is a file that remembers),
 * hangs, or answers.
 */
const workerUrl = new URL(
  `data:text/javascript,${encodeURIComponent(`
  import { parentPort } from 'node:worker_threads';
  import { existsSync, writeFileSync } from 'node:fs';
  parentPort.postMessage('up');
  parentPort.on('message', ({ document: { reportId, checkUrl } }) => {
    if (reportId === 'hang') return;
    if (reportId === 'die') process.exit(1);
    if (reportId === 'die once' && !existsSync(checkUrl)) { writeFileSync(checkUrl, ''); process.exit(1); }
    if (reportId === 'wrong') return parentPort.postMessage({ ok: false, message: 'broken template' });
    if (reportId === 'no memory') return parentPort.postMessage({ ok: false, isMachineTrouble: true, message: 'Array buffer allocation failed' });
    parentPort.postMessage({ ok: true, bytes: new Uint8Array([1]), pages: 1, sha256: reportId });
  });
`)}`,
);
const crashed = expect.objectContaining({ kind: 'unavailable', reason: 'pdf_worker_crashed' });
const unavailable = expect.objectContaining({ kind: 'unavailable', reason: 'pdf_unavailable' });

describe('the PDF pool', () => {
  test('gives the same bytes from every worker, with their hash and number of pages', async () => {
    await using pool = new PdfPool({ workers: 2 });
    const reports = await Promise.all(Array.from({ length: 4 }, () => pool.render(document)));
    expect(new Set(reports.map(({ sha256 }) => sha256)).size).toBe(1);
    const first = reports[0];
    expect(first?.pages).toBeGreaterThan(0);
    expect(
      Buffer.from(first?.bytes ?? [])
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-');
    expect(
      createHash('sha256')
        .update(first?.bytes ?? new Uint8Array())
        .digest('hex'),
    ).toBe(first?.sha256);
  });

  test('D8 gives bytes that do not depend on what its worker rendered before', async () => {
    // The Greek delta and the increment sign share one glyph, and «й» is drawn from the glyph of «и».
    const named = (name: string): ReportDocument => ({ ...document, brand: { name } });
    await using fresh = new PdfPool({ workers: 1 });
    await using used = new PdfPool({ workers: 1 });
    await used.render(named('\u2206й'));
    const [alone, after] = await Promise.all([fresh.render(named('\u0394и')), used.render(named('\u0394и'))]);
    expect(after.sha256).toBe(alone.sha256);
  });

  test("leaves the caller's thread free while it renders", async () => {
    await using pool = new PdfPool({ workers: 1 });
    await pool.render(document);
    const before = performance.eventLoopUtilization();
    await Promise.all(Array.from({ length: 10 }, () => pool.render(document)));
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
  });

  test('refuses one report more than its queue holds', async () => {
    await using pool = new PdfPool({ workers: 1, queueLimit: 1, workerUrl });
    const accepted = Promise.allSettled([pool.render({ ...document, reportId: 'hang' }), pool.render(document)]);
    await expect(pool.render(document)).rejects.toMatchObject({ kind: 'unavailable', reason: 'pdf_queue_full' });
    await pool[Symbol.asyncDispose]();
    const stopped = { status: 'rejected', reason: { kind: 'unavailable', reason: 'pdf_pool_stopped' } };
    expect(await accepted).toMatchObject([stopped, stopped]);
  });

  test('tries a report once more when its worker dies, and goes on with the next', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pool-'));
    await using pool = new PdfPool({ workers: 1, workerUrl });
    const [retried, next] = await Promise.all([
      pool.render({ ...document, reportId: 'die once', checkUrl: join(folder, 'died') }),
      pool.render(document),
    ]);
    expect([retried.sha256, next.sha256]).toEqual(['die once', 'rep_1']);
    rmSync(folder, { recursive: true });
  });

  test('fails a report that kills two workers, and no other', async () => {
    await using pool = new PdfPool({ workers: 1, workerUrl });
    const deadly = pool.render({ ...document, reportId: 'die' });
    const next = pool.render(document);
    await expect(deadly).rejects.toEqual(crashed);
    expect((await next).sha256).toBe('rep_1');
  });

  test('takes a worker that does not answer for dead', async () => {
    await using pool = new PdfPool({ workers: 1, workerUrl, jobTimeoutMs: 3000 });
    await expect(pool.render({ ...document, reportId: 'hang' })).rejects.toEqual(crashed);
    expect((await pool.render(document)).sha256).toBe('rep_1');
  });

  test('passes an error of the template through without a second try', async () => {
    await using pool = new PdfPool({ workers: 1, workerUrl });
    await expect(pool.render({ ...document, reportId: 'wrong' })).rejects.toThrow('broken template');
  });

  test('calls what the machine could not do unavailable', async () => {
    await using pool = new PdfPool({ workers: 1, workerUrl });
    await expect(pool.render({ ...document, reportId: 'no memory' })).rejects.toEqual(unavailable);
  });

  test('drops a report whose caller gave up, waiting or running', async () => {
    await using pool = new PdfPool({ workers: 1, workerUrl, jobTimeoutMs: 3000 });
    const running = new AbortController();
    const waiting = new AbortController();
    const first = pool.render({ ...document, reportId: 'hang' }, { signal: running.signal });
    const second = pool.render(document, { signal: waiting.signal });
    waiting.abort(new Error('gone'));
    running.abort(new Error('gone too'));
    await expect(second).rejects.toThrow('gone');
    await expect(first).rejects.toThrow('gone too');
    expect(pool.queued).toBe(0);
    expect((await pool.render(document)).sha256).toBe('rep_1');
  });

  test('a worker that cannot start fails its reports instead of starting for ever', async () => {
    await using pool = new PdfPool({ workers: 1, workerUrl: new URL('data:text/javascript,throw new Error("no fonts")') });
    await expect(pool.render(document)).rejects.toEqual(unavailable);
  });

  test('a thread that cannot be made fails what waits for it, and nothing is left waiting', async () => {
    await using pool = new PdfPool({ workers: 1, workerUrl: new URL('gopher://nowhere/') });
    expect(await Promise.allSettled([pool.render(document), pool.render(document)])).toEqual(Array(2).fill({ status: 'rejected', reason: unavailable }));
    expect(pool.queued).toBe(0);
  });

  test('renders nothing once it has been stopped', async () => {
    const pool = new PdfPool({ workers: 1, workerUrl });
    await pool[Symbol.asyncDispose]();
    await expect(pool.render(document)).rejects.toMatchObject({ kind: 'unavailable', reason: 'pdf_pool_stopped' });
  });
});
