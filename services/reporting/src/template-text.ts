/**
 * Which text from outside may stand in a report. Refused are characters that hide or reorder what is printed: controls, zero-width
 * characters, directional marks, embeddings, overrides and isolates (the "Trojan Source" set), private-use, unassigned-plane tags and lone
 * surrogates. Everything else is allowed, emoji included: the renderer prints a replacement sign for what its font lacks (`pdf/fonts.ts`).
 */
import { invalid } from '@kiosk/fault';

// General categories: Cc control, Cf format (zero-width, bidi, tags, BOM, soft hyphen), Co private use, Cs lone surrogate, Zl and Zp line
// and paragraph separators; default ignorable ones are fillers and joiners that print as nothing.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
// A family emoji is held together by U+200D and its picture style by U+FE0F: both vanish in print, so they may stay where an emoji stands.
const EMOJI_JOINERS = /(?<=\p{Extended_Pictographic}|\p{Emoji_Modifier}|\uFE0F)(?:\u200D|\uFE0F)/gu;
// More than this many combining marks in a row is a picture, not a word ("Zalgo" text overlaps its neighbours).
const STACKED_MARKS = /\p{M}{4,}/u;

export type TextRule = { value: unknown; path: string; maxLength: number; reason: string };

/** Gives the text without surrounding blanks. Throws Fault invalid with `reason` for anything that is not 1…maxLength harmless characters. */
export function requireText({ value, path, maxLength, reason }: TextRule): string {
  if (typeof value !== 'string') throw invalid(reason, `${path} must be a text`, path);
  // The raw length is checked first, so that a huge text costs nothing.
  if (value.length > maxLength * 2) throw invalid(reason, `${path} is longer than ${maxLength} characters`, path);
  const text = value.trim();
  if (text === '') throw invalid(reason, `${path} is empty`, path);
  if (Array.from(text).length > maxLength) throw invalid(reason, `${path} is longer than ${maxLength} characters`, path);
  if (HIDDEN.test(text.replace(EMOJI_JOINERS, ''))) {
    throw invalid(reason, `${path} contains control, invisible or direction-changing characters`, path);
  }
  if (STACKED_MARKS.test(text)) throw invalid(reason, `${path} stacks combining marks`, path);
  return text;
}

export type NumberRule = { value: unknown; path: string; min: number; max: number; integer?: boolean; reason: string };

/** Gives the number. Throws Fault invalid with `reason` for what is not finite, out of min…max, or not whole where `integer` asks for it. */
export function requireNumber({ value, path, min, max, integer = false, reason }: NumberRule): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || (integer && !Number.isInteger(value)) || value < min || value > max) {
    throw invalid(reason, `${path} must be ${integer ? 'a whole number' : 'a number'} from ${min} to ${max}`, path);
  }
  return value;
}
