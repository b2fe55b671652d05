/**
 * Brings the English meanings to one spelling, so that the lexicon needs each phrase once.
 *
 * The sources write the same thing in many ways ("Seatbelt" and "Seat Belt", curly and straight quotes,
 * long and short dashes, "A/C" beside the labels "A/B"). Everything becomes lower case except labels:
 * a lone capital letter stays a capital, which is how the grammar tells the label "A" from a word.
 */
import { cell, readLexicon } from './tables.ts';

const spellings: ReadonlyArray<readonly [RegExp, string]> = readLexicon('spelling')
  .map((row) => [new RegExp(cell(row, 'english'), 'gi'), cell(row, 'becomes')] as const);

export function normalise(english: string): string {
  const plain = english.replace(/[“”"]/g, '').replace(/[–—]/g, '-').replace(/\s+/g, ' ').trim();
  const spelled = spellings.reduce((text, [from, to]) => text.replace(from, to), plain);
  return spelled.split(/\s+/).filter((word) => word !== '').map(lowerUnlessLabel).join(' ');
}

export function isLabel(token: string): boolean {
  return /^([A-Z]|\d+)([-/]([A-Z]|\d+))*$/.test(token);
}

function lowerUnlessLabel(word: string): string {
  return isLabel(word) ? word : word.toLowerCase();
}
