/** A typeface within one document: writes lines into its pages, and at the end the font file with the glyphs they use. */
import type { Glyph } from 'fontkit';
import { keeping, type Line, type Typeface } from './typeface.ts';

export class EmbeddedFont {
  readonly #doc: PDFKit.PDFDocument;
  readonly #typeface: Typeface;
  /** Its name in the pages' resources. */
  readonly #name: string;
  readonly #unusual = new Map<number, { glyph: Glyph; place: string }>();
  #dictionary: PDFKit.PDFKitReference | undefined;

  constructor({ doc, typeface, name }: { doc: PDFKit.PDFDocument; typeface: Typeface; name: string }) {
    this.#doc = doc;
    this.#typeface = typeface;
    this.#name = name;
  }

  /** Writes a line with its left end at `x` and its top at `y`; `fill` is a colour as #RRGGBB. */
  write(line: Line, { x, y, size, fill }: { x: number; y: number; size: number; fill: string }): void {
    this.#dictionary ??= this.#doc.ref({});
    this.#doc.page.fonts[this.#name] ??= this.#dictionary;
    const baseline = y + (this.#typeface.ascender * size) / 1000;
    // PDFKit's pages are turned upside down; the text's matrix turns the letters back.
    const shown = line.pieces.map(({ rise, operands }) => {
      const shift = line.pieces.length === 1 ? '' : `${figure((rise * size) / 1000)} Ts `;
      return `${shift}[${line.unusual.length === 0 ? operands : this.#placed(operands, line.unusual)}] TJ`;
    });
    const level = line.pieces.length === 1 ? '' : ' 0 Ts';
    this.#doc.addContent(`${colorOperator(fill)} BT /${this.#name} ${size} Tf 1 0 0 -1 ${figure(x)} ${figure(baseline)} Tm ${shown.join(' ')}${level} ET`);
  }

  /** Writes the font into the file, if the document uses it. */
  end(): void {
    if (!this.#dictionary) return;
    const typeface = this.#typeface;
    const unusual = [...this.#unusual.values()].map(({ glyph }) => glyph);
    const { program, programLength, toUnicode, widths, name } = unusual.length === 0 ? typeface.usualFile : typeface.fileWith(unusual);
    const { font } = typeface;
    const scale = 1000 / font.unitsPerEm;
    const { minX, minY, maxX, maxY } = font.bbox;
    const descriptor = this.#written({
      Type: 'FontDescriptor',
      FontName: name,
      Flags: 4, // Symbolic: its glyphs are reached by their places alone (ISO 32000-1 table 123).
      FontBBox: [minX * scale, minY * scale, maxX * scale, maxY * scale],
      ItalicAngle: font.italicAngle,
      Ascent: font.ascent * scale,
      Descent: font.descent * scale,
      CapHeight: font.capHeight * scale,
      XHeight: font.xHeight * scale,
      StemV: 0,
      FontFile2: this.#written({ Filter: 'FlateDecode', Length1: programLength }, program),
    });
    const glyphs = this.#written({
      Type: 'Font',
      Subtype: 'CIDFontType2',
      BaseFont: name,
      // PDFKit writes strings as names and String objects as strings.
      CIDSystemInfo: { Registry: new String('Adobe'), Ordering: new String('Identity'), Supplement: 0 },
      FontDescriptor: descriptor,
      CIDToGIDMap: 'Identity',
      W: [0, widths],
    });
    Object.assign(this.#dictionary.data, {
      Type: 'Font',
      Subtype: 'Type0',
      BaseFont: name,
      Encoding: 'Identity-H',
      DescendantFonts: [glyphs],
      ToUnicode: this.#written({ Filter: 'FlateDecode' }, toUnicode),
    });
    this.#dictionary.end(undefined);
  }

  #written(data: Record<string, unknown>, stream?: Uint8Array): PDFKit.PDFKitReference {
    const object = this.#doc.ref(data);
    if (stream) object.write(stream);
    object.end(undefined);
    return object;
  }

  #placed(operands: string, unusual: readonly Glyph[]): string {
    for (const glyph of unusual) {
      if (this.#unusual.has(glyph.id)) continue;
      const place = (this.#typeface.firstUnusualPlace + this.#unusual.size).toString(16).padStart(4, '0');
      this.#unusual.set(glyph.id, { glyph, place });
    }
    return operands.replace(/\{(\d+)\}/g, (_, id: string) => this.#unusual.get(Number(id))?.place ?? '0000');
  }
}

const colorOperator = keeping(100, (color: string) => {
  const parts = [1, 3, 5].map((at) => figure(Number.parseInt(color.slice(at, at + 2), 16) / 255));
  return `${parts.join(' ')} rg`;
});

function figure(points: number): number {
  return Math.round(points * 1000) / 1000;
}
