/** The floors that the kiosk must not fall below, each as a ratio within one run, and what this run says of them. */
import type { CallName } from './calls.ts';
import type { HttpRow } from './http-bench.ts';
import type { SliceResult } from './load.ts';
import type { PdfRow } from './pdf-bench.ts';
import type { ReportRow } from './report-bench.ts';
import { median } from './statistics.ts';

export type Floor = { what: string; measured: number; /** The least it may be, or the most. */ atLeast?: number; atMost?: number };

export function holds({ measured, atLeast = -Infinity, atMost = Infinity }: Floor): boolean {
  return measured >= atLeast && measured <= atMost;
}

export function floorsOf({ http, traced, pdf, reports }: {
  http: readonly HttpRow[]; traced: number; pdf: readonly PdfRow[]; reports: ReportRow;
}): Floor[] {
  const rounds = (call: CallName, concurrency: number, subject: string): SliceResult[] =>
    http.find((row) => row.call === call && row.concurrency === concurrency && row.subject === subject)!.rounds;
  /** Within each round, then the median: what disturbs the machine disturbs both. */
  const ratio = (a: SliceResult[], b: SliceResult[], pick: (result: SliceResult) => number = ({ requestsPerSecond }) => requestsPerSecond): number =>
    median(a.map((result, round) => pick(result) / pick(b[round]!)));
  const create = (subject: string, concurrency = 64): SliceResult[] => rounds('create session', concurrency, subject);
  const plain = pdf.find(({ subject }) => subject === 'plain PDFKit')!;
  return [
    { what: 'create session, everything on ÷ naive build, 64 connections', measured: ratio(create('kiosk'), create('naive build')), atLeast: 5 },
    { what: '… ÷ monolith on NORMAL', measured: ratio(create('kiosk'), create('monolith NORMAL')), atLeast: 1.2 },
    { what: '… ÷ Moleculer', measured: ratio(create('kiosk'), create('Moleculer')), atLeast: 1 },
    { what: '… p50 ÷ naive build\'s, 1 connection', measured: ratio(create('kiosk', 1), create('naive build', 1), ({ p50Ms }) => p50Ms), atMost: 1 },
    { what: 'traced ÷ untraced, 64', measured: ratio(create('kiosk'), create('kiosk untraced')), atLeast: 0.85 },
    { what: 'requests whose trace arrived', measured: traced, atLeast: 0.999 },
    { what: 'FULL ÷ NORMAL, 64', measured: ratio(create('kiosk'), create('kiosk NORMAL')), atLeast: 0.85 },
    { what: 'Kysely path ÷ raw prepared, 64', measured: ratio(create('kiosk'), create('kiosk raw SQL')), atLeast: 0.9 },
    { what: 'create intent ÷ create session, 64', measured: ratio(rounds('create intent', 64, 'kiosk'), create('kiosk')), atLeast: 0.5 },
    { what: 'read status ÷ create session, 64', measured: ratio(rounds('read status', 64, 'kiosk'), create('kiosk')), atLeast: 1.2 },
    ...(['create session', 'create intent', 'read status'] as const).map((call): Floor => ({
      what: `${call}: p99 ÷ p50, 16`, measured: median(rounds(call, 16, 'kiosk').map(({ p99Ms, p50Ms }) => p99Ms / p50Ms)), atMost: 6,
    })),
    { what: 'reports/s ÷ plain PDFKit', measured: plain.poolRatio.reportsPerSecond, atLeast: 8 },
    { what: 'longest stall of reporting\'s event loop while rendering, ms', measured: pdf.find(({ subject }) => subject === 'worker pool')!.longestStallMs, atMost: 20 },
    { what: '… with 20 reports at once over HTTP, ms', measured: reports.longestStallMs['reporting']!, atMost: 20 },
    { what: 'longest stall of the gateway\'s event loop with 20 reports at once, ms', measured: reports.longestStallMs['gateway']!, atMost: 50 },
  ];
}
