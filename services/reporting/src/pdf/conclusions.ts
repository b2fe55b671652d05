/** The numbered sentences at the end of a report. */
import type { Sheet } from './sheet.ts';
import { color, size } from './theme.ts';

/** `tail` points below the last sentence are kept on its page, so that what follows never stands on a page alone. */
export function drawConclusions(sheet: Sheet, { title, lines, tail }: { title: string; lines: readonly string[]; tail: number }): void {
  const style = { size: size.body + 0.5 };
  const indent = 18;
  sheet.heading(title, { keep: 30 });
  sheet.inside('L', () => {
    lines.forEach((text, index) => {
      const height = sheet.heightOf({ text, width: sheet.width - indent, style });
      sheet.ensure(height + (index === lines.length - 1 ? tail : 0));
      const { y } = sheet;
      sheet.inside('LI', () => {
        sheet.leaf('Lbl', () =>
          sheet.placeLine({
            text: `${index + 1}.`,
            x: sheet.left,
            y,
            width: indent,
            style: { ...style, font: 'bold', color: color.accent },
          }),
        );
        sheet.leaf('LBody', () => sheet.place({ text, x: sheet.left + indent, y, width: sheet.width - indent, style }));
      });
      sheet.y += height + 4;
    });
  });
}
