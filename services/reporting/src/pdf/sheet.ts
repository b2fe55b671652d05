/**
 * A report's pages: a pdfkit document with a cursor that flows from the top margin to the bottom one. Pages are broken here and nowhere
 * else, before something is drawn, never in the middle of it; pdfkit's own breaking is off (bottom margin 0), because it adds empty pages
 * for footers. Everything readable is drawn inside an element of the document's structure, everything else as an artifact, so that screen
 * readers skip it.
 */
import { CollectedDocument } from './document.ts';
import { EmbeddedFont } from './embedded-font.ts';
import type { FontName } from './fonts.ts';
import { color, contentBottom, contentWidth, page, size } from './theme.ts';
import { cutToWidth, setParagraph, typefaceOf, widthOf, type Paragraph } from './typesetting.ts';

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
  readonly doc: CollectedDocument;
  readonly #fonts: Readonly<Record<FontName, EmbeddedFont>>;
  /** Where new structure elements hang; sections nest. */
  #parent: Element;
  /** The element whose content is being drawn. */
  #leaf: Element | undefined;
  y: number = page.top;

  constructor({ info, lang }: { info: PDFKit.DocumentInfo; lang: string }) {
    this.doc = new CollectedDocument({
      size: [page.width, page.height],
      margins: { left: page.left, right: page.right, top: page.top, bottom: 0 },
      // No default font: the text is set here, by embedded-font.ts.
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
    const embed = (name: FontName) => new EmbeddedFont({ doc: this.doc, typeface: typefaceOf(name), name });
    this.#fonts = { regular: embed('regular'), medium: embed('medium'), bold: embed('bold') };
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
    const element = this.doc.struct(role, options as { alt?: string }, [
      () => {
        this.#leaf = element;
        draw();
        this.#leaf = undefined;
      },
    ]);
    this.#parent.add(element);
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

  heightOf({ text, width, style = {} }: { text: string; width: number; style?: TextStyle }): number {
    const { lines } = setParagraph({ text, width, ...type(style) });
    return lines.length * lineHeight(style);
  }

  widthOf(text: string, style: TextStyle = {}): number {
    return widthOf({ text, ...type(style) });
  }

  /** Draws text at a place without moving the cursor; belongs inside `leaf` or `artifact`. */
  place({ text, x, y, width, style = {} }: Placed): void {
    this.#draw(setParagraph({ text, width, ...type(style) }), { x, y, width, style });
  }

  /** One line of text that is cut with an ellipsis where it would overflow; for labels and footers. */
  placeLine({ text, x, y, width, style = {} }: Placed): void {
    this.#draw(cutToWidth({ text, width, ...type(style) }), { x, y, width, style });
  }

  #draw({ lines }: Paragraph, { x, y, width, style }: Omit<Placed, 'text' | 'style'> & { style: TextStyle }): void {
    const { font, size: points } = type(style);
    const fill = style.color ?? color.ink;
    lines.forEach((line, index) => {
      const lineWidth = (line.width * points) / 1000;
      const spare = width - lineWidth;
      const left = x + (style.align === 'right' ? spare : style.align === 'center' ? spare / 2 : 0);
      const top = y + index * lineHeight(style);
      this.#fonts[font].write(line, { x: left, y: top, size: points, fill });
      if (style.link !== undefined) {
        // PDFKit's types do not know the element that the link belongs to.
        const options = { structParent: this.#leaf } as PDFKit.Mixins.AnnotationOption;
        this.doc.link(left, top, lineWidth, lineHeight(style), style.link, options);
      }
    });
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

  /** Ends the document and gives its bytes. */
  bytes(): Uint8Array<ArrayBuffer> {
    for (const font of Object.values(this.#fonts)) font.end();
    return this.doc.bytes();
  }
}

function type({ font = 'regular', size: points = size.body }: TextStyle): { font: FontName; size: number } {
  return { font, size: points };
}

function lineHeight(style: TextStyle): number {
  const { font, size: points } = type(style);
  return (typefaceOf(font).lineHeight * points) / 1000 + (style.lineGap ?? 1.5);
}
