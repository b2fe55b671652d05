/**
 * Russian declension of the three cases the dictionary needs, by rule.
 *
 * Phrases are written in the lexicon as a mechanic says them ("топливный насос"); the rules below find the
 * genitive ("датчик топливного насоса") and the instrumental ("управление топливным насосом"). Nouns that
 * do not follow the rules are named in nouns.ts.
 */
import { irregularNouns, softMasculineNouns } from './nouns.ts';

export type Case = 'nom' | 'gen' | 'ins';
export type Gender = 'm' | 'f' | 'n' | 'pl';

const hushing = /[жшчщц]$/;
const velar = /[кгх]$/;

export function genderOf(noun: string): Gender {
  const last = noun.split('/')[0] ?? noun;
  const irregular = irregularNouns[last];
  if (irregular !== undefined) return irregular.gender;
  if (/[ая]$/.test(last)) return 'f';
  if (/[ое]$/.test(last)) return 'n';
  if (/ь$/.test(last)) return isSoftMasculine(last) ? 'm' : 'f';
  return 'm';
}

function isSoftMasculine(noun: string): boolean {
  return noun.endsWith('тель') || softMasculineNouns.has(noun);
}

/** "турбокомпрессор/нагнетатель" declines on both sides of the slash. */
export function declineNoun(noun: string, to: Case): string {
  if (to === 'nom') return noun;
  return noun.split('/').map((part) => declineOneNoun(part, to)).join('/');
}

function declineOneNoun(noun: string, to: 'gen' | 'ins'): string {
  const irregular = irregularNouns[noun];
  if (irregular !== undefined) return irregular[to];
  return to === 'gen' ? genitive(noun) : instrumental(noun);
}

function genitive(noun: string): string {
  const stem = noun.slice(0, -1);
  if (noun.endsWith('а')) return stem + (hushing.test(stem) && !stem.endsWith('ц') || velar.test(stem) ? 'и' : 'ы');
  if (noun.endsWith('я')) return `${stem}и`;
  if (noun.endsWith('о')) return `${stem}а`;
  if (noun.endsWith('е')) return stem + (hushing.test(stem) ? 'а' : 'я');
  if (noun.endsWith('й')) return `${stem}я`;
  if (noun.endsWith('ь')) return stem + (isSoftMasculine(noun) ? 'я' : 'и');
  return `${noun}а`;
}

function instrumental(noun: string): string {
  const stem = noun.slice(0, -1);
  if (noun.endsWith('а')) return stem + (hushing.test(stem) ? 'ей' : 'ой');
  if (noun.endsWith('я')) return `${stem}ей`;
  if (noun.endsWith('о')) return `${stem}ом`;
  if (noun.endsWith('е') || noun.endsWith('й')) return `${stem}ем`;
  if (noun.endsWith('ь')) return isSoftMasculine(noun) ? `${stem}ем` : `${noun}ю`;
  return noun + (hushing.test(noun) ? 'ем' : 'ом');
}

/** Turns a masculine nominative adjective into the nominative of another gender. */
function agree(masculine: string, gender: Gender): string {
  if (gender === 'm') return masculine;
  if (masculine.includes('/')) return masculine.split('/').map((side) => agree(side, gender)).join('/');
  const stem = masculine.slice(0, -2);
  const soft = masculine.endsWith('ий') && !velar.test(stem) && !hushing.test(stem);
  if (gender === 'f') return stem + (soft ? 'яя' : 'ая');
  if (gender === 'n') return stem + (soft || (masculine.endsWith('ий') && hushing.test(stem)) ? 'ее' : 'ое');
  return stem + (masculine.endsWith('ый') || (masculine.endsWith('ой') && !velar.test(stem)) ? 'ые' : 'ие');
}

/** Declines an adjective given in the nominative of any gender. */
export function declineAdjective(nominative: string, to: Case): string {
  if (to === 'nom') return nominative;
  if (nominative.includes('/')) return nominative.split('/').map((side) => declineAdjective(side, to)).join('/');
  const bracketed = /^\((.+)\)$/.exec(nominative)?.[1];
  if (bracketed !== undefined) return `(${declineAdjective(bracketed, to)})`;
  const stem = nominative.slice(0, -2);
  const ending = nominative.slice(-2);
  const softStem = velar.test(stem) || hushing.test(stem);
  switch (ending) {
    case 'ая': return stem + (hushing.test(stem) ? 'ей' : 'ой');
    case 'яя': return `${stem}ей`;
    case 'ые': return stem + (to === 'gen' ? 'ых' : 'ыми');
    case 'ие': return stem + (to === 'gen' ? 'их' : 'ими');
    case 'ее': return stem + (to === 'gen' ? 'его' : 'им');
    case 'ое': case 'ый': case 'ой': return stem + (to === 'gen' ? 'ого' : softStem ? 'им' : 'ым');
    case 'ий': return stem + (to === 'ins' ? 'им' : velar.test(stem) ? 'ого' : 'его');
    default: throw new Error(`"${nominative}" stands where an adjective must stand`);
  }
}

/** Makes a masculine adjective phrase ("левый передний") agree with a noun. */
export function agreeing(adjectives: string, noun: string, to: Case): string {
  const gender = genderOf(noun);
  return adjectives.split(' ').map((word) => declineAdjective(agree(word, gender), to)).join(' ');
}

/**
 * Declines a lexicon phrase: adjectives and noun before the bar change, the tail after it does not.
 * "датчик | массового расхода воздуха" → "датчика массового расхода воздуха".
 */
export function declinePhrase(phrase: string, to: Case): string {
  const { adjectives, noun, tail } = headOf(phrase);
  const declined = [...adjectives.map((word) => declineAdjective(word, to)), declineNoun(noun, to)];
  return tail === '' ? declined.join(' ') : `${declined.join(' ')} ${tail}`;
}

export function headOf(phrase: string): { adjectives: string[]; noun: string; tail: string } {
  const [head = '', tail = ''] = phrase.split('|').map((part) => part.trim());
  const words = head.split(' ');
  const noun = words.pop() ?? '';
  return { adjectives: words, noun, tail };
}
