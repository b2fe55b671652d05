/** A remark that must not be overlooked: a bar, a sign and a sentence. */
import { drawSign } from './signs.ts';
import type { Sheet } from './sheet.ts';
import { size, tones, type Tone } from './theme.ts';

const PAD = 7;
const SIGN = 13;

export function drawNotice(sheet: Sheet, { tone, text }: { tone: Tone; text: string }): void {
  const style = { size: size.body, font: 'medium' as const };
  const indent = PAD + 5 + SIGN + 8;
  const width = sheet.width - indent - PAD;
  const height = sheet.heightOf({ text, width, style });
  const total = Math.max(height, SIGN) + PAD * 2 - 1;
  sheet.ensure(total);
  const top = sheet.y;
  sheet.artifact(() => {
    sheet.doc.rect(sheet.left, top, sheet.width, total).fill(tones[tone].pale);
    sheet.doc.rect(sheet.left, top, 3, total).fill(tones[tone].strong);
    drawSign(sheet.doc, { tone, x: sheet.left + PAD + 5, y: top + (total - SIGN) / 2, side: SIGN });
  });
  sheet.leaf('P', () => sheet.place({ text, x: sheet.left + indent, y: top + (total - height) / 2 + 0.7, width, style }));
  sheet.y = top + total + 6;
}
