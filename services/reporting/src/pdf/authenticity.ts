/**
 * How a reader checks that a report is genuine: its address as a QR, its number, and the SHA-256 of the data it was made from. (A file
 * cannot contain its own hash; that of the file is kept by the service.)
 */
import { createHash } from 'node:crypto';
import { create } from 'qrcode';
import type { Sheet } from './sheet.ts';
import { color, size } from './theme.ts';

/** JSON with sorted keys and without undefined fields, so that equal data has one text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** The hex SHA-256 of a report's number, session, kind and data: it changes when any figure of the report is changed. */
export function dataDigest({
  reportId,
  sessionId,
  kind,
  data,
}: {
  reportId: string;
  sessionId: string;
  kind: string;
  data: unknown;
}): string {
  return createHash('sha256').update(canonicalJson({ reportId, sessionId, kind, data })).digest('hex');
}

const SIDE = 82;
/** Room for the block with a brand's and address's usual length; longer ones may still move to a page of their own. */
export const AUTHENTICITY_HEIGHT = 106;
const QUIET_MODULES = 4; // ISO/IEC 18004 asks for a margin of four modules.

export function drawAuthenticity(
  sheet: Sheet,
  { checkUrl, reportId, digest, brand }: { checkUrl: string; reportId: string; digest: string; brand: string },
): void {
  const textX = sheet.left + SIDE + 14;
  const width = sheet.width - SIDE - 14 - 10;
  const paragraphs = [
    { text: 'Проверить отчёт', style: { font: 'bold' as const, size: 11, color: color.brand } },
    { text: `Наведите камеру на код или откройте адрес: ${checkUrl}`, style: { size: size.small, link: checkUrl } },
    { text: `Номер отчёта: ${reportId}`, style: { size: size.small } },
    { text: `Подлинность отчёта: SHA-256 данных ${digest}`, style: { size: 6.5 } },
    {
      text: `Это контрольная сумма данных отчёта (номер, сессия, все показания), а не файла: она изменится, `
        + `если изменить хоть одну цифру. Выдал: ${brand}.`,
      style: { size: 6.5, color: color.muted },
    },
  ];
  const heights = paragraphs.map(({ text, style }) => sheet.heightOf({ text, width, style }) + 2.5);
  const total =
    Math.max(
      SIDE,
      heights.reduce((sum, height) => sum + height, 0),
    ) + 14;
  sheet.y += sheet.atTop ? 0 : 6;
  sheet.ensure(total);
  const top = sheet.y;
  sheet.artifact(() => sheet.doc.lineWidth(0.8).roundedRect(sheet.left, top, sheet.width, total, 4).stroke(color.line));
  sheet.leaf('Figure', () => drawQr(sheet, { text: checkUrl, x: sheet.left + 8, y: top + (total - SIDE) / 2 }), {
    alt: `QR-код для проверки отчёта: ${checkUrl}`,
  });
  let y = top + 9;
  paragraphs.forEach(({ text, style }, index) => {
    sheet.leaf('link' in style ? 'Link' : 'P', () => sheet.place({ text, x: textX, y, width, style }));
    y += heights[index] ?? 0;
  });
  sheet.y = top + total;
}

/** Draws the modules as one path of horizontal runs: small, sharp at any size, without hairlines between modules. */
function drawQr(sheet: Sheet, { text, x, y }: { text: string; x: number; y: number }): void {
  const { modules } = create(text, { errorCorrectionLevel: 'M' });
  const module = SIDE / (modules.size + QUIET_MODULES * 2);
  for (let row = 0; row < modules.size; row += 1) {
    let run = 0;
    for (let column = 0; column <= modules.size; column += 1) {
      const dark = column < modules.size && modules.get(row, column) === 1;
      if (dark) run += 1;
      else if (run > 0) {
        sheet.doc.rect(x + (column - run + QUIET_MODULES) * module, y + (row + QUIET_MODULES) * module, run * module, module * 1.01);
        run = 0;
      }
    }
  }
  sheet.doc.fill('#000000');
}
