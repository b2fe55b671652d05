/** Signs drawn as vectors: their shapes differ, so that severity is read without colour. */
import type { Doc } from './sheet.ts';
import { color, tones, type Tone } from './theme.ts';

/** Draws a tone's sign into a square: octagon with «!», triangle with «!», circle with «i», circle with a tick, circle with a dash. */
export function drawSign(doc: Doc, { tone, x, y, side }: { tone: Tone; x: number; y: number; side: number }): void {
  const { strong } = tones[tone];
  const middle = x + side / 2;
  doc.save();
  if (tone === 'danger') {
    const cut = side * 0.29;
    doc
      .polygon(
        [x + cut, y],
        [x + side - cut, y],
        [x + side, y + cut],
        [x + side, y + side - cut],
        [x + side - cut, y + side],
        [x + cut, y + side],
        [x, y + side - cut],
        [x, y + cut],
      )
      .fill(strong);
    exclamation(doc, { middle, top: y + side * 0.2, height: side * 0.6, fill: color.white });
  } else if (tone === 'warning') {
    doc.lineWidth(side * 0.09).lineJoin('round');
    doc
      .polygon([middle, y + side * 0.06], [x + side * 0.97, y + side * 0.92], [x + side * 0.03, y + side * 0.92])
      .fillAndStroke(color.white, strong);
    exclamation(doc, { middle, top: y + side * 0.36, height: side * 0.46, fill: strong });
  } else {
    const stroke = side * 0.09;
    doc.lineWidth(stroke);
    doc.circle(middle, y + side / 2, side / 2 - stroke / 2).fillAndStroke(color.white, strong);
    if (tone === 'good') {
      doc
        .lineWidth(side * 0.11)
        .lineCap('round')
        .lineJoin('round')
        .strokeColor(strong)
        .moveTo(x + side * 0.28, y + side * 0.53)
        .lineTo(x + side * 0.44, y + side * 0.68)
        .lineTo(x + side * 0.73, y + side * 0.34)
        .stroke();
    } else if (tone === 'notice') {
      doc.circle(middle, y + side * 0.29, side * 0.07).fill(strong);
      doc.rect(middle - side * 0.055, y + side * 0.42, side * 0.11, side * 0.34).fill(strong);
    } else {
      doc.rect(x + side * 0.28, y + side * 0.45, side * 0.44, side * 0.1).fill(strong);
    }
  }
  doc.restore();
}

function exclamation(doc: Doc, { middle, top, height, fill }: { middle: number; top: number; height: number; fill: string }): void {
  const width = height * 0.2;
  doc.rect(middle - width / 2, top, width, height * 0.66).fill(fill);
  doc.circle(middle, top + height * 0.89, width * 0.58).fill(fill);
}
