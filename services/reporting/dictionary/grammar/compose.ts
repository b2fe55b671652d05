/**
 * English meaning → Russian meaning.
 *
 * 1. bring the English to one spelling; 2. take out the details said in brackets; 3. try the sentences
 * written whole and the sentence frames; 4. otherwise cut what is wrong off the end and say the rest as a
 * noun phrase: "part (details): what is wrong".
 */
import { cutCircuitLabel, cutDetails, cutPlace, inBrackets } from './details.ts';
import { sayFrame } from './frames.ts';
import { normalise } from './normalise.ts';
import { parseNounPhrase, type NounPhrase } from './nounPhrase.ts';
import { sayNounPhrase } from './sayNounPhrase.ts';
import { isFault, isState, sayStates, subjectOf, waysToCutStates } from './states.ts';
import { cell, readLexicon } from './tables.ts';
import type { Case } from './decline.ts';

const wholeSentences: ReadonlyMap<string, string> = new Map(
  readLexicon('sentences').map((row) => [cell(row, 'english'), cell(row, 'russian')]),
);

/** Nothing comes back for a meaning the lexicon cannot say in full; the build names it and stops. */
export function compose(english: string): string | undefined {
  const text = normalise(english);
  const whole = wholeSentences.get(text);
  if (whole !== undefined) return whole;
  const { rest, details } = cutDetails(text);
  const composed = sayWhole(rest, details) ?? sayInFrame(rest, details) ?? sayPartAndState(rest, details);
  return composed && capitalised(composed);
}

function sayWhole(text: string, details: readonly string[]): string | undefined {
  const whole = wholeSentences.get(text);
  return whole && whole + inBrackets(details);
}

function sayInFrame(text: string, details: readonly string[]): string | undefined {
  const said = sayFrame(text, sayPart);
  return said && said + inBrackets(details);
}

function sayPart(english: string, to: Case): string | undefined {
  const phrase = parseNounPhrase(english);
  return phrase && sayNounPhrase(phrase, to);
}

function sayPartAndState(text: string, details: readonly string[]): string | undefined {
  const internal = /^internal control module (.+)$/.exec(text)?.[1];
  const inner = internal === undefined ? undefined : sayPartAndState(internal, details);
  if (inner !== undefined) return `Внутренняя проверка блока управления: ${inner.replace(': ', ' — ')}`;
  const circuit = cutCircuitLabel(text);
  return sayPlain(circuit.rest, [...details, ...circuit.details]);
}

function sayPlain(text: string, details: readonly string[]): string | undefined {
  for (const { rest, states } of waysToCutStates(text)) {
    const part = findPart(rest, states);
    if (part === undefined) continue;
    const said = fitted(part.phrase.headNoun, sayStates(states, subjectOf(part.phrase.headNoun), part.ofControl));
    const subject = sayNounPhrase(part.phrase, 'nom') + inBrackets([...part.place, ...details]);
    if (said === '' && isFault(part.phrase.headNoun)) return subject;
    return `${subject}: ${said === '' ? 'неисправность' : said}`;
  }
  return undefined;
}

/** A supply has a voltage rather than a signal, and a signal is not said twice. */
function fitted(noun: string, said: string): string {
  if (/питание$/.test(noun)) return said.replaceAll(/(низк|высок)ий уровень сигнала/g, '$1ое напряжение');
  return noun === 'сигнал' ? said.replaceAll(/ сигнала?(?![а-яё])/g, '') : said;
}

type Part = { phrase: NounPhrase; ofControl: boolean; place: string[] };

function findPart(text: string, states: readonly string[]): Part | undefined {
  const whole = parseNounPhrase(text);
  const isControl = whole === undefined || whole.headEnglish === 'control';
  if (isControl && states.length > 0 && text.endsWith(' control')) {
    const controlled = findControlled(text.slice(0, -' control'.length), states);
    if (controlled !== undefined) return controlled;
    if (isState(`control ${states[0] ?? ''}`)) return undefined;
  }
  if (whole !== undefined) return { phrase: whole, ofControl: false, place: [] };
  const { rest, details } = cutPlace(text);
  const placed = details.length === 0 ? undefined : parseNounPhrase(rest);
  return placed && { phrase: placed, ofControl: false, place: details };
}

/** "pump control" + "circuit low" is the pump with a low control circuit; "boost control" is a thing of its own. */
function findControlled(text: string, states: readonly string[]): Part | undefined {
  const phrase = parseNounPhrase(text);
  if (phrase === undefined || subjectOf(phrase.headNoun) !== 'device' || !states[0]?.startsWith('circuit')) return undefined;
  return { phrase, ofControl: true, place: [] };
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
