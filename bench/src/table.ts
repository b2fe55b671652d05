/** Tables for a terminal. */
import { holds, type Floor } from './floors.ts';
import type { HttpRow } from './http-bench.ts';
import type { PdfRow } from './pdf-bench.ts';
import type { ReportRow } from './report-bench.ts';
import { kiosk } from './subjects.ts';

/** The first column to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length), title.length));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ');
  return [line(head), widths.map((width) => '─'.repeat(width)).join('──'), ...rows.map(line)].join('\n');
}

const times = (ratio: number): string => `${ratio.toFixed(2)}×`;

export function httpTable(rows: readonly HttpRow[]): string {
  const head = ['call, connections', 'subject', 'req/s', 'p50 ms', 'p99 ms', 'CPU µs/req', '│ kiosk ÷ it: req/s', 'p50', 'p99', 'CPU'];
  return table(head, rows.map(({ call, concurrency, subject, requestsPerSecond, p50Ms, p99Ms, cpuUs, kioskRatio }) => [
    subject === kiosk ? `${call}, ${concurrency}` : '', subject,
    requestsPerSecond.toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2), cpuUs.toFixed(0),
    ...(subject === kiosk ? ['', '', '', ''] : [kioskRatio.requestsPerSecond, kioskRatio.p50, kioskRatio.p99, kioskRatio.cpu].map(times)),
  ]));
}

/** Where the kiosk's CPU goes, by process. */
export function cpuTable(rows: readonly HttpRow[]): string {
  const ours = rows.filter(({ subject }) => subject === 'kiosk');
  const names = Object.keys(ours[0]?.cpuUsOf ?? {});
  return table(['CPU µs/req of the kiosk', ...names, 'all'], ours.map(({ call, concurrency, cpuUsOf, cpuUs }) => [
    `${call}, ${concurrency}`, ...names.map((name) => (cpuUsOf[name] ?? 0).toFixed(0)), cpuUs.toFixed(0),
  ]));
}

export function pdfTable(rows: readonly PdfRow[]): string {
  return table(['reports', 'reports/s', 'CPU ms/report', 'longest stall ms', '│ pool ÷ it: reports/s', 'CPU'], rows.map((row) => [
    row.subject, row.reportsPerSecond.toFixed(1), row.cpuMs.toFixed(1), row.longestStallMs.toFixed(1),
    ...(row.subject === 'worker pool' ? ['', ''] : [row.poolRatio.reportsPerSecond, row.poolRatio.cpu].map(times)),
  ]));
}

/** What must hold, what this run measured, and whether it does. */
export function floorTable(floors: readonly Floor[]): string {
  return table(['floors', 'measured', 'must be', ''], floors.map((floor) => {
    const bound = floor.atLeast === undefined ? `≤ ${floor.atMost}` : `≥ ${floor.atLeast}`;
    return [floor.what, floor.measured.toFixed(2), bound, holds(floor) ? 'holds' : 'DOES NOT HOLD'];
  }));
}

export function reportTable({ reportsPerSecond, p50Ms, p99Ms, cpuMs, longestStallMs, refused }: ReportRow): string {
  const services = Object.keys(longestStallMs);
  return table(
    ['POST /api/reports/…', 'reports/s', 'p50 ms', 'p99 ms', 'CPU ms/report', 'refused', ...services.map((name) => `│ longest stall ms: ${name}`)],
    [['20 at once', reportsPerSecond.toFixed(1), p50Ms.toFixed(0), p99Ms.toFixed(0), cpuMs.toFixed(1), refused.toFixed(0),
      ...services.map((name) => (longestStallMs[name] ?? 0).toFixed(1))]],
  );
}
