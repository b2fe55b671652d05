/**
 * A report's pages: a pdfkit document with a cursor that flows from the top margin to the bottom one. Pages are broken here and nowhere
 * else, before something is drawn, never in the middle of it; pdfkit's own breaking is off (bottom margin 0), because it adds empty pages
 * for footers. Everything readable is drawn inside an element of the document's structure, everything else as an artifact, so that screen
 * readers skip it.
 */
import PDFDocument from 'pdfkit';
import { printable, type FontName, type Fonts } from './fonts.ts';
import { color, contentBottom, contentWidth, page, size } from './theme.ts';
import { tieShortWords } from './typography.ts';

export type Doc = PDFKit.PDFDocument;
export type Element = PDFKit.PDFStructureElement;
export type TextStyle = {
  font?: FontName;
  size?: number;
  color?: string;
  align?: 'left' | 'center' | 'right';
  lineGap?: number;
  link?: string;
};
export type Placed = { text: string; x: number; y: number; width: number; style?: TextStyle };

/** Roles of ISO 32000-1 §14.8.4 that reports use. */
export type Role = 'H1' | 'H2' | 'H3' | 'P' | 'L' | 'LI' | 'LBody' | 'Lbl' | 'Table' | 'TR' | 'TH' | 'TD' | 'Figure' | 'Caption' | 'Link';

export class Sheet {
  readonly doc: Doc;
  readonly #fonts: Fonts;
  /** Where new structure elements hang; sections nest. */
  #parent: Element;
  y: number = page.top;

  constructor({ fonts, info, lang }: { fonts: Fonts; info: PDFKit.DocumentInfo; lang: string }) {
    this.#fonts = fonts;
    this.doc = new PDFDocument({
      size: [page.width, page.height],
      margins: { left: page.left, right: page.right, top: page.top, bottom: 0 },
      // No default font: pdfkit would parse Helvetica's metrics for each document, and none of its text uses them.
      font: '',
      autoFirstPage: true,
      bufferPages: true,
      compress: true,
      pdfVersion: '1.7',
      tagged: true,
      displayTitle: true,
      lang,
      info,
    });
    // pdfkit's types know font files only; at run time it also takes an opened fontkit font.
    for (const name of ['regular', 'medium', 'bold'] as const) this.doc.registerFont(name, fonts[name] as unknown as Buffer);
    this.#parent = this.doc.struct('Document');
    this.doc.addStructure(this.#parent);
  }

  get left(): number {
    return page.left;
  }
  get width(): number {
    return contentWidth;
  }
  get room(): number {
    return contentBottom - this.y;
  }
  get atTop(): boolean {
    return this.y <= page.top + 1;
  }

  newPage(): void {
    this.doc.addPage();
    this.y = page.top;
  }

  /** Starts a new page unless `height` points are left on this one. Says whether it did. */
  ensure(height: number): boolean {
    if (this.room >= height || this.atTop) return false;
    this.newPage();
    return true;
  }

  /** Runs `draw` with all its elements inside a new one, such as Table or Sect. */
  inside(role: Role, draw: () => void, options: { alt?: string } = {}): void {
    const outer = this.#parent;
    const element = this.doc.struct(role, options);
    outer.add(element);
    this.#parent = element;
    draw();
    element.end();
    this.#parent = outer;
  }

  /** A leaf of the structure: what `draw` draws is its content. */
  leaf(role: Role, draw: () => void, options: { alt?: string; scope?: 'Column' | 'Row' } = {}): void {
    this.#parent.add(this.doc.struct(role, options as { alt?: string }, [draw]));
  }

  /**
   * Lines, backgrounds and repeated headers, which a screen reader skips. Never call it inside `leaf`: pdfkit would close the leaf's
   * content.
   */
  artifact(draw: () => void): void {
    this.doc.markContent('Artifact', { type: 'Layout' });
    draw();
    this.doc.endMarkedContent();
  }

  #prepare(text: string, style: TextStyle): string {
    const name = style.font ?? 'regular';
    this.doc.font(name, style.size ?? size.body);
    return printable(tieShortWords(text), this.#fonts[name]);
  }

  heightOf({ text, width, style = {} }: { text: string; width: number; style?: TextStyle }): number {
    return this.doc.heightOfString(this.#prepare(text, style), { width, lineGap: style.lineGap ?? 1.5 });
  }

  widthOf(text: string, style: TextStyle = {}): number {
    return this.doc.widthOfString(this.#prepare(text, style));
  }

  /** Draws text at a place without moving the cursor; belongs inside `leaf` or `artifact`. */
  place({ text, x, y, width, style = {} }: Placed): void {
    const prepared = this.#prepare(text, style);
    this.doc.fillColor(style.color ?? color.ink);
    this.doc.text(prepared, x, y, { width, align: style.align ?? 'left', lineGap: style.lineGap ?? 1.5, link: style.link });
  }

  /** One line of text that is cut with an ellipsis where it would overflow; for labels and footers. */
  placeLine({ text, x, y, width, style = {} }: Placed): void {
    const prepared = this.#prepare(text, style);
    this.doc.fillColor(style.color ?? color.ink);
    const height = this.doc.currentLineHeight(true) + 0.5;
    this.doc.text(prepared, x, y, { width, height, align: style.align ?? 'left', ellipsis: true, lineBreak: true, lineGap: 0 });
  }

  /** A flowing paragraph at the cursor. */
  paragraph(text: string, { gap = 4, role = 'P', ...style }: TextStyle & { gap?: number; role?: Role } = {}): void {
    const height = this.heightOf({ text, width: this.width, style });
    this.ensure(height);
    this.leaf(role, () => this.place({ text, x: this.left, y: this.y, width: this.width, style }));
    this.y += height + gap;
  }

  /** A heading that stays with at least `keep` points of what follows it. */
  heading(text: string, { keep = 60, note }: { keep?: number; note?: string } = {}): void {
    const style: TextStyle = { font: 'bold', size: size.heading, color: color.brand };
    const noteStyle: TextStyle = { size: size.small, color: color.muted };
    const height = this.heightOf({ text, width: this.width, style });
    const noteHeight = note === undefined ? 0 : this.heightOf({ text: note, width: this.width, style: noteStyle }) + 3;
    if (!this.atTop) this.y += 10;
    this.ensure(height + noteHeight + 4 + keep);
    this.leaf('H2', () => this.place({ text, x: this.left, y: this.y, width: this.width, style }));
    this.y += height + 1;
    if (note !== undefined) {
      this.leaf('P', () => this.place({ text: note, x: this.left, y: this.y, width: this.width, style: noteStyle }));
      this.y += noteHeight;
    }
    this.y += 3;
  }
}
