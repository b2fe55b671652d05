/**
 * English noun phrases end with their head ("Drive Motor A Position Sensor"); Russian ones begin with it
 * ("датчик положения тягового электродвигателя «A»"). The entries are said in reverse, each in the case that
 * the one it belongs to governs.
 */
import { agreeing, declinePhrase, headOf, type Case } from './decline.ts';
import type { Chunk, NounPhrase } from './nounPhrase.ts';

type Spoken = { words: string; label: string; labelStays: boolean; labelWaits: boolean };

export function sayNounPhrase(phrase: NounPhrase, to: Case): string {
  const spoken: Spoken[] = [];
  let current: Case = to;
  for (let index = phrase.chunks.length - 1; index >= 0; index--) {
    const chunk = phrase.chunks[index];
    if (chunk?.entry.kind !== 'thing') continue;
    const { russian, governs } = chunk.entry;
    const isBareHead = spoken.length === 0 && !russian.includes('|');
    spoken.push({
      words: sayThing(russian, adjectivesBefore(phrase.chunks, index), current),
      label: sayLabels(chunk.labels, russian),
      labelStays: plainlyNumbered.test(russian.replace(' |', '')),
      labelWaits: governs === 'ins' || (isBareHead && phrase.chunks[index - 1]?.labels.length === 0),
    });
    current = governs;
  }
  return withLabels(spoken).join(' ');
}

function adjectivesBefore(chunks: readonly Chunk[], index: number): string[] {
  const adjectives: string[] = [];
  for (let at = index - 1; at >= 0; at--) {
    const entry = chunks[at]?.entry;
    if (entry?.kind !== 'adjective') break;
    adjectives.unshift(entry.russian);
  }
  return adjectives;
}

function sayThing(russian: string, adjectives: string[], to: Case): string {
  const noun = headOf(russian).noun;
  return [...adjectives.map((adjective) => agreeing(adjective, noun, to)), declinePhrase(russian, to)].join(' ');
}

/**
 * A label is said after its own words, but the only label of a phrase, if the head's, goes to the end ("датчик
 * давления топлива «A»"), and one that would tear an expression apart waits for the next words ("блок
 * управления насосом «A»").
 */
function withLabels(spoken: readonly Spoken[]): string[] {
  const head = spoken[0];
  const onlyHeadIsLabelled = head !== undefined && !head.labelStays && spoken.every((part) => part === head || part.label === '');
  if (onlyHeadIsLabelled) return [...spoken.map((part) => part.words), head.label].filter((words) => words !== '');
  const said: string[] = [];
  let waiting = '';
  spoken.forEach((part, index) => {
    const waits = part.labelWaits && !part.labelStays && index < spoken.length - 1;
    said.push(part.words, waits ? '' : part.label, waiting);
    waiting = waits ? part.label : '';
  });
  return said.filter((words) => words !== '');
}

/** Of two labels the first is the camshaft's letter and the second that of one of its mechanisms. */
function sayLabels(labels: readonly string[], russian: string): string {
  const [first, ...others] = labels.map((label) => sayLabel(label, russian));
  if (first === undefined) return '';
  return [first, ...others.map((label) => (label.startsWith('№') ? label : `привод ${label}`))].join(', ');
}

/** Words after which mechanics say a bare number or letter: "цилиндра 3", "фазы U". */
const plainlyNumbered = /((?<!тормозного )цилиндра|цилиндре|^цилиндр|ступень|фаза|фазы|клемма)$/;

function sayLabel(label: string, russian: string): string {
  if (plainlyNumbered.test(russian.replace(' |', ''))) return label;
  if (/^\d/.test(label)) return `№ ${label}`;
  return label.split('/').map((part) => `«${part}»`).join('/');
}
