/** A strip of key figures in equal cells, each with a label, an optional sign and a value. */
import { drawSign } from './signs.ts';
import type { Sheet } from './sheet.ts';
import { color, size, tones, type Tone } from './theme.ts';

export type KeyFigure = { label: string; value: string; tone?: Tone };

const SIGN = 10;

export function drawStrip(sheet: Sheet, figures: readonly KeyFigure[]): void {
  const width = sheet.width / figures.length;
  const valueStyle = { font: 'medium' as const, size: size.body };
  const cells = figures.map((figure, index) => {
    const x = sheet.left + index * width + 9;
    const indent = figure.tone ? SIGN + 5 : 0;
    return { ...figure, x, indent, valueWidth: width - 16 - indent };
  });
  const total =
    Math.max(...cells.map(({ value, valueWidth }) => sheet.heightOf({ text: value, width: valueWidth, style: valueStyle }))) + 25;
  sheet.ensure(total);
  const top = sheet.y;
  sheet.artifact(() => {
    sheet.doc.lineWidth(0.8).roundedRect(sheet.left, top, sheet.width, total, 4).stroke(color.line);
    cells.forEach(({ x, tone }, index) => {
      if (index > 0) sheet.doc.rect(x - 9, top + 7, 0.8, total - 14).fill(color.line);
      if (tone) drawSign(sheet.doc, { tone, x, y: top + 17.5, side: SIGN });
    });
  });
  for (const { label, value, tone, x, indent, valueWidth } of cells) {
    sheet.leaf('P', () =>
      sheet.placeLine({ text: label, x, y: top + 6, width: width - 16, style: { size: size.tiny, color: color.muted } }),
    );
    const style = { ...valueStyle, color: tone ? tones[tone].strong : color.ink };
    sheet.leaf('P', () => sheet.place({ text: value, x: x + indent, y: top + 17, width: valueWidth, style }));
  }
  sheet.y = top + total + 2;
}
