/**
 * The lexicon: English phrase → Russian noun phrase or adjective.
 *
 * A thing governs the noun phrase before it: usually the genitive ("pump" + "motor" → "двигатель насоса"),
 * but "control" takes the instrumental ("управление насосом").
 */
import { cell, readLexicon } from './tables.ts';
import type { Case } from './decline.ts';

export type Entry =
  | { kind: 'thing'; russian: string; governs: Exclude<Case, 'nom'> }
  | { kind: 'adjective'; russian: string };

const files = ['things', 'electric', 'body', 'modules'];

export const lexicon: ReadonlyMap<string, Entry> = new Map([
  ...files.flatMap((file) => readLexicon(file).map((row) => [cell(row, 'english'), thing(row)] as const)),
  ...readLexicon('adjectives').map((row) => [cell(row, 'english'), { kind: 'adjective', russian: cell(row, 'russian') }] as const),
]);

export const longestEntry = Math.max(...[...lexicon.keys()].map((key) => key.split(' ').length));

function thing(row: Readonly<Record<string, string>>): Entry {
  return { kind: 'thing', russian: cell(row, 'russian'), governs: cell(row, 'governs') === 'ins' ? 'ins' : 'gen' };
}
