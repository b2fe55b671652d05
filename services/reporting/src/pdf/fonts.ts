/**
 * The fonts of the reports: Roboto (Apache License 2.0), which has Cyrillic, ₽, № and «». Opened once per process and shared by all its
 * documents.
 */
import { createRequire } from 'node:module';
import { openSync, type Font } from 'fontkit';

export const fontNames = ['regular', 'medium', 'bold'] as const;
export type FontName = (typeof fontNames)[number];
export type Fonts = Readonly<Record<FontName, Font>>;

const FILES: Readonly<Record<FontName, string>> = {
  regular: '400Regular/Roboto_400Regular.ttf',
  medium: '500Medium/Roboto_500Medium.ttf',
  bold: '700Bold/Roboto_700Bold.ttf',
};

let opened: Fonts | undefined;

/** Throws when the font package is not installed or a file is damaged. */
export function openFonts(): Fonts {
  opened ??= { regular: open('regular'), medium: open('medium'), bold: open('bold') };
  return opened;
}

function open(name: FontName): Font {
  const font = openSync(createRequire(import.meta.url).resolve(`@expo-google-fonts/roboto/${FILES[name]}`));
  if (!('characterSet' in font)) throw new Error(`${FILES[name]} is a collection, not a font`);
  // fontkit keeps each glyph with the characters it was first asked for, and asks for the parts of composed glyphs («й» = «и» + breve)
  // without any. A document's bytes and its searchable text would then depend on the documents before it, so every glyph is met here once,
  // in one order.
  for (const codePoint of font.characterSet) font.glyphForCodePoint(codePoint);
  // Copied and searched text has ordinary spaces where print has unbreakable ones.
  font.glyphForCodePoint(0xa0).codePoints = [0x20];
  return font;
}

const REPLACEMENT = '\uFFFD';
const graphemes = new Intl.Segmenter('ru', { granularity: 'grapheme' });

/**
 * The text with one replacement sign for each visible character that the font lacks (emoji, hieroglyphs, …) and without what cannot be
 * printed.
 */
export function printable(text: string, font: Font): string {
  let lacks = false;
  for (const character of text) {
    if (!font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0)) lacks = true;
  }
  if (!lacks) return text;
  let printed = '';
  for (const { segment } of graphemes.segment(text)) {
    const known = Array.from(segment).every((character) => font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0));
    printed += known ? segment : REPLACEMENT;
  }
  return printed;
}
