/**
 * A peer: the same reports by PDFKit as its guide shows it, on one thread: each document opens its fonts by their paths, and `text` and
 * `heightOfString` set its text. The drawing of everything else is reporting's own, so only the type and the threads differ.
 */
import { createRequire } from 'node:module';
import { renderReport } from '../../../services/reporting/src/pdf/render.ts';
import { Sheet, type Placed, type TextStyle } from '../../../services/reporting/src/pdf/sheet.ts';
import { color, size } from '../../../services/reporting/src/pdf/theme.ts';
import { tieShortWords } from '../../../services/reporting/src/pdf/typography.ts';
import { servePdfSlices } from '../pdf/program.ts';

const { resolve } = createRequire(import.meta.url);
const folder = '@expo-google-fonts/roboto';
const paths = {
  regular: resolve(`${folder}/400Regular/Roboto_400Regular.ttf`),
  medium: resolve(`${folder}/500Medium/Roboto_500Medium.ttf`),
  bold: resolve(`${folder}/700Bold/Roboto_700Bold.ttf`),
};

const begun = new WeakSet<PDFKit.PDFDocument>();
let documents = 0;

function typeIn({ doc }: Sheet, style: TextStyle): PDFKit.PDFDocument {
  if (!begun.has(doc)) {
    begun.add(doc);
    documents += 1;
    for (const [name, path] of Object.entries(paths)) doc.registerFont(name, path);
  }
  return doc.font(style.font ?? 'regular', style.size ?? size.body);
}

Object.assign(Sheet.prototype, {
  heightOf(this: Sheet, { text, width, style = {} }: { text: string; width: number; style?: TextStyle }): number {
    return typeIn(this, style).heightOfString(tieShortWords(text), { width, lineGap: style.lineGap ?? 1.5 });
  },
  widthOf(this: Sheet, text: string, style: TextStyle = {}): number {
    return typeIn(this, style).widthOfString(tieShortWords(text));
  },
  place(this: Sheet, { text, x, y, width, style = {} }: Placed): void {
    typeIn(this, style).fillColor(style.color ?? color.ink)
      .text(tieShortWords(text), x, y, { width, align: style.align ?? 'left', lineGap: style.lineGap ?? 1.5, link: style.link });
  },
  placeLine(this: Sheet, { text, x, y, width, style = {} }: Placed): void {
    const doc = typeIn(this, style).fillColor(style.color ?? color.ink);
    const height = doc.currentLineHeight(true) + 0.5;
    doc.text(tieShortWords(text), x, y, { width, height, align: style.align ?? 'left', ellipsis: true, lineGap: 0 });
  },
});

servePdfSlices({
  concurrency: 1,
  render: (report) => {
    const before = documents;
    const rendered = renderReport(report);
    if (documents === before) throw new Error('the report did not open fonts of its own: this peer no longer measures what it says');
    return Promise.resolve(rendered);
  },
});
