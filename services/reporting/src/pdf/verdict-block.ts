/** The block a buyer reads first: a sign, one sentence, and three short answers. Its tone shows as sign, words and colour. */
import { drawSign } from './signs.ts';
import type { Sheet } from './sheet.ts';
import { color, size, tones, type Tone } from './theme.ts';

export type Answer = { question: string; answer: string };

export function drawVerdict(sheet: Sheet, { tone, title, answers }: { tone: Tone; title: string; answers: readonly Answer[] }): void {
  const pad = 12;
  const gap = 14;
  const sign = 26;
  const column = (sheet.width - pad * 2 - gap * (answers.length - 1)) / answers.length;
  const titleStyle = { font: 'bold' as const, size: 15, color: tones[tone].strong };
  const questionStyle = { font: 'medium' as const, size: size.tiny + 0.5, color: color.muted };
  const answerStyle = { size: size.body + 0.5 };
  const titleWidth = sheet.width - pad * 2 - sign - 10;
  const titleHeight = sheet.heightOf({ text: title, width: titleWidth, style: titleStyle });
  const headHeight = Math.max(sign, titleHeight);
  const answerHeight = Math.max(...answers.map(({ answer }) => sheet.heightOf({ text: answer, width: column, style: answerStyle }))) + 12;
  const total = pad * 2 + headHeight + 8 + answerHeight;
  sheet.ensure(total);
  const top = sheet.y;
  sheet.artifact(() => {
    sheet.doc.roundedRect(sheet.left, top, sheet.width, total, 4).fill(tones[tone].pale);
    sheet.doc.lineWidth(1).roundedRect(sheet.left, top, sheet.width, total, 4).stroke(tones[tone].strong);
    drawSign(sheet.doc, { tone, x: sheet.left + pad, y: top + pad, side: sign });
  });
  sheet.leaf('H2', () =>
    sheet.place({
      text: title,
      x: sheet.left + pad + sign + 10,
      y: top + pad + (headHeight - titleHeight) / 2 + 1,
      width: titleWidth,
      style: titleStyle,
    }),
  );
  answers.forEach(({ question, answer }, index) => {
    const x = sheet.left + pad + index * (column + gap);
    const y = top + pad + headHeight + 8;
    sheet.leaf('P', () => sheet.placeLine({ text: question, x, y, width: column, style: questionStyle }));
    sheet.leaf('P', () => sheet.place({ text: answer, x, y: y + 12, width: column, style: answerStyle }));
  });
  sheet.y = top + total + 8;
}
