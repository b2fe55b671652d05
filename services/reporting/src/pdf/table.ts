/** Tables that flow over pages: rows are never torn, and the header stands again on top of every page. */
import { drawSign } from './signs.ts';
import type { Sheet, TextStyle } from './sheet.ts';
import { color, size, tones, type Tone } from './theme.ts';

export type Column = { title: string; width: number; align?: 'left' | 'right' | 'center' };
/** `sign` stands before the text and colours it. */
export type CellLine = { text: string; style?: TextStyle; sign?: Tone };
/** A cell's first paragraph, the one below it, and the rest. */
export type Cell = CellLine & { below?: CellLine; rest?: readonly CellLine[] };
export type Row = { cells: readonly Cell[]; tint?: string };

const PAD_X = 5;
const PAD_Y = 4;
const SIGN = 9;
const SIGN_GAP = 4;
const continuedStyle: TextStyle = { font: 'bold', size: size.body + 0.5, color: color.brand };
const headerStyle: TextStyle = { font: 'medium', size: size.tiny + 0.5, color: color.muted };

type Line = { text: string; style: TextStyle; sign?: Tone; x: number; dy: number; width: number; height: number };

function layOut(sheet: Sheet, cell: Cell, column: Column): { lines: Line[]; height: number } {
  const inner = column.width - PAD_X * 2;
  let dy = 0;
  const parts: CellLine[] = [cell, ...(cell.below ? [cell.below] : []), ...(cell.rest ?? [])];
  const lines = parts
    .filter(({ text }) => text !== '')
    .map((part) => {
      const { sign } = part;
      const indent = sign ? SIGN + SIGN_GAP : 0;
      const style: TextStyle = { size: size.small, align: column.align, ...part.style };
      const height = Math.max(sheet.heightOf({ text: part.text, width: inner - indent, style }), sign ? SIGN : 0);
      const line: Line = { text: part.text, style, sign, x: indent, dy, width: inner - indent, height };
      dy += height + 2;
      return line;
    });
  return { lines, height: Math.max(0, dy - 2) };
}

/** On a further page `continued` names the table again. */
function drawHeader(sheet: Sheet, columns: readonly Column[], { continued }: { continued?: string } = {}): void {
  const repeated = continued !== undefined;
  if (continued) {
    const { y } = sheet;
    sheet.artifact(() => sheet.placeLine({ text: `${continued} — продолжение`, x: sheet.left, y, width: sheet.width, style: continuedStyle }));
    sheet.y += 15;
  }
  const height =
    Math.max(...columns.map(({ title, width }) => sheet.heightOf({ text: title, width: width - PAD_X * 2, style: headerStyle }))) + 7;
  const { y } = sheet;
  sheet.artifact(() => {
    sheet.doc.rect(sheet.left, y, sheet.width, height).fill(color.panel);
    sheet.doc.rect(sheet.left, y + height - 0.8, sheet.width, 0.8).fill(color.faint);
  });
  const titles = () => {
    let x = sheet.left;
    for (const { title, width, align } of columns) {
      const text = { text: title, x: x + PAD_X, y: y + 3.5, width: width - PAD_X * 2, style: { ...headerStyle, align } };
      if (repeated) sheet.place(text);
      else sheet.leaf('TH', () => sheet.place(text), { scope: 'Column' });
      x += width;
    }
  };
  if (repeated) sheet.artifact(titles);
  else sheet.inside('TR', titles);
  sheet.y += height;
}

/** The least height under a heading that shows the table's header and first row. */
export function firstRowHeight(sheet: Sheet, { columns, rows }: { columns: readonly Column[]; rows: readonly Row[] }): number {
  const first = rows[0];
  if (!first) return 20;
  return 22 + Math.max(...columns.map((column, index) => layOut(sheet, first.cells[index] ?? { text: '' }, column).height)) + PAD_Y * 2;
}

/** Draws the table at the cursor; `title` is that of its heading. The columns' widths add up to the sheet's width. */
export function drawTable(
  sheet: Sheet,
  { title, columns, rows, dense = false }: { title: string; columns: readonly Column[]; rows: readonly Row[]; dense?: boolean },
): void {
  const padY = dense ? 1.8 : PAD_Y;
  sheet.inside('Table', () => {
    sheet.ensure(firstRowHeight(sheet, { columns, rows }));
    drawHeader(sheet, columns);
    for (const row of rows) {
      const cells = columns.map((column, index) => layOut(sheet, row.cells[index] ?? { text: '' }, column));
      const height = Math.max(...cells.map((cell) => cell.height)) + padY * 2;
      if (sheet.ensure(height)) drawHeader(sheet, columns, { continued: title });
      const top = sheet.y;
      sheet.artifact(() => {
        if (row.tint) sheet.doc.rect(sheet.left, top, sheet.width, height).fill(row.tint);
        sheet.doc.rect(sheet.left, top + height - 0.5, sheet.width, 0.5).fill(row.tint ? color.faint : color.line);
        let x = sheet.left + PAD_X;
        cells.forEach(({ lines }, index) => {
          for (const { sign, dy } of lines) if (sign) drawSign(sheet.doc, { tone: sign, x, y: top + padY + dy, side: SIGN });
          x += columns[index]?.width ?? 0;
        });
      });
      sheet.inside('TR', () => {
        let x = sheet.left + PAD_X;
        cells.forEach(({ lines }, index) => {
          sheet.inside('TD', () => {
            for (const { text, style, x: indent, dy, width, sign } of lines) {
              const toned = sign && !style.color ? { ...style, color: tones[sign].strong } : style;
              sheet.leaf('P', () => sheet.place({ text, x: x + indent, y: top + padY + dy, width, style: toned }));
            }
          });
          x += columns[index]?.width ?? 0;
        });
      });
      sheet.y = top + height;
    }
  });
  sheet.y += 4;
}
