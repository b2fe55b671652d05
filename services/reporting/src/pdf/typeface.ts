/**
 * A font as reports use it: opened once, its words laid out once, its usual glyphs embedded as one subset that is made and packed once.
 *
 * Laying out Cyrillic text through a font's tables is most of what a plain PDF costs, and reports are made of the same words again and
 * again. A word's glyphs and kerning depend on neither the size nor the document, so they are kept per process, as the very operands of the
 * PDF operator TJ. What is kept is bounded, and bytes never depend on it.
 */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import type { Font, Glyph } from 'fontkit';

/** Two hex bytes for each glyph: its place in the subset. All measures are in thousandths of the type size. */
export type Line = {
  text: string;
  width: number;
  /** Pieces with the height they stand above the baseline: combining marks are moved, ordinary letters stand on it. */
  pieces: readonly Piece[];
  /** Glyphs outside the usual subset; the pieces name them `{id}` until a document gives them places. */
  unusual: readonly Glyph[];
};
type Piece = { rise: number; operands: string };
type Word = Omit<Line, 'text'>;
export type FontFile = {
  /** The subset as a TrueType font and its glyphs' characters, both deflated. */
  program: Uint8Array;
  programLength: number;
  toUnicode: Uint8Array;
  widths: readonly number[];
  /** PostScript name with the tag of a subset: equal tags have equal glyphs. */
  name: string;
};

const latin = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCodePoint(0x20 + index)).join('');
const cyrillic = Array.from({ length: 64 }, (_, index) => String.fromCodePoint(0x410 + index)).join('');
const usualCharacters = `${latin}${cyrillic}Ёё\u00A0«»„“”‘’…·•–—−±×÷°№₽µ§©®\uFFFD`;

const WORDS_KEPT = 5000;
const LINES_KEPT = 3000;

/** Keeps what was made for a key; forgets everything once there is too much of it. */
export function keeping<Key, Value>(limit: number, make: (key: Key) => Value): (key: Key) => Value {
  const kept = new Map<Key, Value>();
  return (key) => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = make(key);
    if (kept.size >= limit) kept.clear();
    kept.set(key, made);
    return made;
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
const hex = (place: number): string => place.toString(16).padStart(4, '0');

export class Typeface {
  readonly font: Font;
  /** Of a line, from its top to its baseline, and from there to the top of the next. */
  readonly ascender: number;
  readonly lineHeight: number;
  /** One line of text. Tabs and line ends must have been taken out. */
  readonly line: (text: string) => Line;
  readonly #scale: number;
  readonly #usualGlyphs: readonly Glyph[];
  readonly #usualPlaces: ReadonlyMap<number, string>;
  readonly #word: (text: string) => Word;
  #usualFile: FontFile | undefined;

  /** `font` has met its characters in a fixed order, so that each glyph knows the characters it stands for. */
  constructor(font: Font) {
    this.font = font;
    this.#scale = 1000 / font.unitsPerEm;
    this.ascender = font.ascent * this.#scale;
    this.lineHeight = (font.ascent + font.lineGap - font.descent) * this.#scale;
    const usual = new Map<number, Glyph>([[0, font.getGlyph(0)]]);
    for (const character of usualCharacters) {
      const glyph = font.glyphForCodePoint(character.codePointAt(0) ?? 0);
      usual.set(glyph.id, usual.get(glyph.id) ?? glyph);
    }
    this.#usualGlyphs = [...usual.values()];
    this.#usualPlaces = new Map(this.#usualGlyphs.map(({ id }, place) => [id, hex(place)]));
    this.#word = keeping(WORDS_KEPT, (text) => this.#layOut(text));
    this.line = keeping(LINES_KEPT, (text) => this.#setLine(text));
  }

  widthOf(text: string): number {
    return words(text).reduce((sum, word) => sum + this.#word(word).width, 0);
  }

  /** The font file for documents that need no other glyphs; made at the first call. */
  get usualFile(): FontFile {
    this.#usualFile ??= this.#fileOf(this.#usualGlyphs);
    return this.#usualFile;
  }

  /** The font file with these glyphs after the usual ones. */
  fileWith(unusual: readonly Glyph[]): FontFile {
    return this.#fileOf([...this.#usualGlyphs, ...unusual]);
  }

  /** The place of the first glyph after the usual ones. */
  get firstUnusualPlace(): number {
    return this.#usualGlyphs.length;
  }

  #setLine(text: string): Line {
    const laidOut = words(text).map(this.#word);
    const pieces = laidOut.flatMap((word) => word.pieces);
    const level = pieces.every(({ rise }) => rise === 0);
    return {
      text,
      width: laidOut.reduce((sum, { width }) => sum + width, 0),
      pieces: level ? [{ rise: 0, operands: joined(pieces.map(({ operands }) => operands)) }] : pieces,
      unusual: laidOut.flatMap(({ unusual }) => unusual),
    };
  }

  #layOut(text: string): Word {
    const { glyphs, positions } = this.font.layout(text);
    const pieces: Array<{ rise: number; operands: string[] }> = [];
    const unusual: Glyph[] = [];
    // Where the glyphs already written have brought the pen, and where the layout wants it.
    let written = 0;
    let pen = 0;
    const moveTo = (target: number, operands: string[]) => {
      const gap = round(target - written);
      if (gap !== 0) operands.push(String(-gap));
      written = target;
    };
    glyphs.forEach((glyph, index) => {
      const { xAdvance = 0, xOffset = 0, yOffset = 0 } = positions[index] ?? {};
      const rise = round(yOffset * this.#scale);
      let piece = pieces.at(-1);
      if (piece?.rise !== rise) pieces.push((piece = { rise, operands: [] }));
      moveTo(pen + xOffset * this.#scale, piece.operands);
      const place = this.#usualPlaces.get(glyph.id);
      if (place === undefined) unusual.push(glyph);
      piece.operands.push(place === undefined ? `<{${glyph.id}}>` : `<${place}>`);
      written += glyph.advanceWidth * this.#scale;
      pen += xAdvance * this.#scale;
    });
    const last = pieces.at(-1);
    if (last) moveTo(pen, last.operands);
    return { width: pen, pieces: pieces.map(({ rise, operands }) => ({ rise, operands: joined(operands) })), unusual };
  }

  #fileOf(glyphs: readonly Glyph[]): FontFile {
    const subset = this.font.createSubset();
    for (const glyph of glyphs) subset.includeGlyph(glyph);
    const program = subset.encode();
    const tag = createHash('sha256').update(glyphs.map(({ id }) => id).join(' ')).digest().subarray(0, 6);
    const letters = Array.from(tag, (byte) => String.fromCodePoint(0x41 + (byte % 26))).join('');
    return {
      program: deflateSync(program, { level: 9 }),
      programLength: program.length,
      toUnicode: deflateSync(toUnicode(glyphs), { level: 9 }),
      widths: glyphs.map(({ advanceWidth }) => round(advanceWidth * this.#scale)),
      name: `${letters}+${this.font.postscriptName}`,
    };
  }
}

/** Pieces that end in a space: few, short and often met again. */
function words(text: string): string[] {
  return text.match(/[^ \u00A0]*[ \u00A0]|[^ \u00A0]+$/g) ?? [];
}

function joined(operands: readonly string[]): string {
  return operands.join('').replaceAll('><', '');
}

/** What the glyphs stand for, so that a reader can search and copy the text (ISO 32000-1 §9.10.3). */
function toUnicode(glyphs: readonly Glyph[]): string {
  const texts = glyphs.map(({ codePoints }, place) => {
    const text = place === 0 ? '\0' : String.fromCodePoint(...codePoints);
    return `<${Array.from({ length: text.length }, (_, index) => hex(text.charCodeAt(index))).join('')}>`;
  });
  const ranges: string[] = [];
  for (let start = 0; start < texts.length; start += 100) {
    const part = texts.slice(start, start + 100);
    ranges.push(`1 beginbfrange\n<${hex(start)}> <${hex(start + part.length - 1)}> [${part.join(' ')}]\nendbfrange`);
  }
  return [
    '/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap',
    '/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def',
    '/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def',
    '1 begincodespacerange\n<0000> <ffff>\nendcodespacerange',
    ...ranges,
    'endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend',
  ].join('\n');
}
