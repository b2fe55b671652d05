/** Cuts an English noun phrase into as few lexicon entries as possible; the last one is its head. */
import { headOf } from './decline.ts';
import { lexicon, longestEntry, type Entry } from './lexicon.ts';
import { isLabel } from './normalise.ts';

/** An entry of the lexicon as it stands in the phrase, with the letters or numbers that name it. */
export type Chunk = { english: string; entry: Entry; labels: string[] };

export type NounPhrase = { chunks: Chunk[]; headNoun: string; headEnglish: string };

export function parseNounPhrase(text: string): NounPhrase | undefined {
  const chunks = cut(text.split(' '));
  const head = chunks?.at(-1);
  if (chunks === undefined || head === undefined || head.entry.kind !== 'thing') return undefined;
  return { chunks, headNoun: headOf(head.entry.russian).noun, headEnglish: head.english };
}

/** Fewest entries win; among equals the one with the shorter head: "exhaust pressure" + "sensor". */
function cut(tokens: string[]): Chunk[] | undefined {
  const best: (Chunk[] | undefined)[] = [[]];
  for (let end = 1; end <= tokens.length; end++) best[end] = bestEndingAt(end, tokens, best);
  return best[tokens.length];
}

function bestEndingAt(end: number, tokens: string[], best: (Chunk[] | undefined)[]): Chunk[] | undefined {
  const token = tokens[end - 1] ?? '';
  if (isLabel(token) && !lexicon.has(token)) return labelled(best[end - 1], token);
  let winner: Chunk[] | undefined;
  for (let start = Math.max(0, end - longestEntry - 1); start < end; start++) {
    const before = best[start];
    const chunk = before && chunkOf(tokens.slice(start, end));
    if (before === undefined || chunk === undefined) continue;
    if (winner === undefined || before.length + 1 <= winner.length) winner = [...before, chunk];
  }
  return winner;
}

/** A label may stand inside an entry: "Camshaft A Profile Actuator" is the "camshaft profile actuator" named A. */
function chunkOf(tokens: string[]): Chunk | undefined {
  const english = tokens.join(' ');
  const entry = lexicon.get(english);
  if (entry !== undefined) return { english, entry, labels: [] };
  const [label, ...others] = tokens.filter(isLabel);
  if (label === undefined || others.length > 0 || tokens[0] === label || tokens.at(-1) === label) return undefined;
  const bare = tokens.filter((token) => token !== label).join(' ');
  const around = lexicon.get(bare);
  return around?.kind === 'thing' ? { english: bare, entry: around, labels: [label] } : undefined;
}

function labelled(chunks: Chunk[] | undefined, label: string): Chunk[] | undefined {
  const last = chunks?.at(-1);
  if (chunks === undefined || last === undefined || last.entry.kind !== 'thing') return undefined;
  return [...chunks.slice(0, -1), { ...last, labels: [...last.labels, label] }];
}
