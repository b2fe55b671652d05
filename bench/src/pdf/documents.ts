/** The sample visits of docs/samples as documents to render. */
import { readFileSync, readdirSync } from 'node:fs';
import { validateDiagnostics, type DiagnosticsData } from '../../../services/reporting/src/diagnostics.ts';
import type { ReportDocument } from '../../../services/reporting/src/pdf/report-document.ts';
import { validateThickness, type ThicknessData } from '../../../services/reporting/src/thickness.ts';

const samples = new URL('../../../docs/samples/', import.meta.url);
const base = {
  sessionId: 'ses_0000000000000000000000bench', createdAt: Date.UTC(2026, 10, 20, 9, 43, 5),
  brand: { name: 'АвтоТест', phone: '+7 800 000-00-00', site: 'kiosk.example' }, checkUrl: 'https://kiosk.example/r/3fK9sQ7xB2',
};

type Measurement = { zone: string; value: number; point?: number };
type Sample = { data: { timestamp: string; clearedAt?: string; measurements?: Measurement[] } & Record<string, unknown> };

export function sampleDocuments(): ReportDocument[] {
  const names = readdirSync(samples).filter((name) => name.endsWith('.json')).toSorted();
  if (names.length === 0) throw new Error('docs/samples is empty');
  return names.map((name, index) => {
    const { data } = JSON.parse(readFileSync(new URL(name, samples), 'utf8')) as Sample;
    const { sessionId: _, timestamp, clearedAt, measurements, ...rest } = data;
    const document = { ...base, reportId: `rep_${String(index).padStart(26, '0')}` };
    const times = { timestamp: Date.parse(timestamp), clearedAt: clearedAt === undefined ? undefined : Date.parse(clearedAt) };
    if (!measurements) return { ...document, kind: 'diagnostics', data: validateDiagnostics({ ...rest, ...times } as unknown as DiagnosticsData) };
    const readings = measurements.map(({ value, ...reading }) => ({ ...reading, valueUm: value }));
    const thickness = { ...rest, timestamp: times.timestamp, measurements: readings } as unknown as ThicknessData;
    return { ...document, kind: 'thickness', data: validateThickness(thickness) };
  });
}

/** The same visit on another day of another car: no two documents are equal, and a cache of whole ones would know none. */
export function varied(document: ReportDocument, turn: number): ReportDocument {
  const reportId = `rep_${String(turn).padStart(26, '0')}`;
  const createdAt = document.createdAt + turn * 61_000;
  const common = { reportId, createdAt, checkUrl: `https://kiosk.example/r/${(turn + 1e9).toString(36)}` };
  if (document.kind === 'diagnostics') {
    const { data } = document;
    const parameters = data.parameters?.map(({ value, ...parameter }) => ({ ...parameter, value: value * (1 + (turn % 7) / 1000) }));
    return { ...document, ...common, data: { ...data, parameters, mileageKm: 40_000 + turn % 90_000, timestamp: data.timestamp + turn * 61_000 } };
  }
  const { data } = document;
  const measurements = data.measurements.map((reading, index) => ({ ...reading, valueUm: reading.valueUm + (turn * 7 + index * 3) % 4 }));
  return { ...document, ...common, data: { ...data, measurements, timestamp: data.timestamp + turn * 61_000 } };
}
