/** Text as reports print it: what the font lacks replaced, short words tied, broken into lines. What was set once is kept. */
import { fontNames, openFonts, printable, type FontName } from './fonts.ts';
import { createBreaker } from './paragraph.ts';
import { keeping, Typeface, type Line } from './typeface.ts';
import { tieShortWords } from './typography.ts';

export type Paragraph = { lines: readonly Line[] };
/** `size` and `width` in points. */
export type Type = { font: FontName; size: number };
type Text = Type & { text: string };

/** A busy day's words and sentences; some 10 MB a thread. */
const PARAGRAPHS_KEPT = 3000;
const ELLIPSIS = '…';

function createSetter(name: FontName) {
  const font = openFonts()[name];
  const typeface = new Typeface(font);
  const broken = createBreaker(typeface);
  const prepared = (text: string) => printable(tieShortWords(text), font);
  // One key for both, so that what is kept is bounded as a whole.
  const paragraphs = keeping(PARAGRAPHS_KEPT, (key: string): Paragraph => {
    const space = key.indexOf(' ');
    return { lines: broken(prepared(key.slice(space + 1)), Number(key.slice(0, space))).map(typeface.line) };
  });
  return { typeface, prepared, paragraphs };
}
type Setter = ReturnType<typeof createSetter>;

const setters = new Map<FontName, Setter>();

function setterOf(name: FontName): Setter {
  const known = setters.get(name);
  if (known) return known;
  const setter = createSetter(name);
  setters.set(name, setter);
  return setter;
}

/** Opens all fonts and makes their subsets, which would otherwise cost the first report some 200 ms. */
export function openTypefaces(): void {
  for (const name of fontNames) void typefaceOf(name).usualFile;
}

/** Opened at the first call. */
export function typefaceOf(name: FontName): Typeface {
  return setterOf(name).typeface;
}

export function setParagraph({ text, width, font, size }: Text & { width: number }): Paragraph {
  return setterOf(font).paragraphs(`${(width * 1000) / size} ${text}`);
}

/** In points, on one line. */
export function widthOf({ text, font, size }: Text): number {
  const { typeface, prepared } = setterOf(font);
  return (typeface.widthOf(prepared(text)) * size) / 1000;
}

/** One line, which ends in an ellipsis where the text is wider. */
export function cutToWidth({ text, width, font, size }: Text & { width: number }): Paragraph {
  const { typeface, prepared } = setterOf(font);
  const room = (width * 1000) / size;
  let shown = prepared(text);
  if (typeface.widthOf(shown) <= room) return { lines: [typeface.line(shown)] };
  const characters = Array.from(shown);
  do {
    characters.pop();
    shown = `${characters.join('').trimEnd()}${ELLIPSIS}`;
  } while (characters.length > 0 && typeface.widthOf(shown) > room);
  return { lines: [typeface.line(shown)] };
}
