/**
 * What is wrong: the trailing words of a meaning ("Circuit Range/Performance", "Stuck Open").
 *
 * One English state reads differently for a sensor ("низкий уровень сигнала"), a measured quantity ("ниже
 * нормы") and anything else ("низкий уровень сигнала в цепи"); the table has a column for each and an empty
 * cell takes the first of them. Two placeholders let one row serve plain and control circuits.
 */
import { cell, readLexicon } from './tables.ts';

export type Subject = 'device' | 'sensor' | 'quantity';

type State = { device: string; sensor: string; quantity: string };

const states: ReadonlyMap<string, State> = new Map(readLexicon('states').map((row) => {
  const device = cell(row, 'device');
  return [cell(row, 'english'), { device, sensor: cell(row, 'sensor') || device, quantity: cell(row, 'quantity') || device }] as const;
}));

const longestState = Math.max(...[...states.keys()].map((key) => key.split(' ').length));

/** Parts that are faults by themselves: nothing needs to be said after "утечка". */
const faults = new Set(['дисбаланс', 'утечка']);

export function isFault(noun: string): boolean {
  return faults.has(noun);
}

const quantities = new Set(readLexicon('quantities').map((row) => cell(row, 'noun')));

export function subjectOf(noun: string): Subject {
  const first = noun.split('/')[0] ?? noun;
  if (/^(датчик|сигнал|камера)/.test(first)) return 'sensor';
  return quantities.has(first) ? 'quantity' : 'device';
}

/**
 * Every way to cut known states off the end of the text, fewest pieces first and, among equals, the shortest
 * pieces first: "Input Current Too High" is the input current, too high, rather than an input with a current.
 */
export function waysToCutStates(text: string): { rest: string; states: string[] }[] {
  const ways = [{ rest: text, states: [] as string[] }];
  for (let at = 0; at < ways.length; at++) ways.push(...cutOnce(ways[at]));
  return ways.sort((a, b) => a.states.length - b.states.length || b.rest.length - a.rest.length);
}

function cutOnce(way: { rest: string; states: string[] } | undefined): { rest: string; states: string[] }[] {
  if (way === undefined || way.states.length === 3) return [];
  const tokens = way.rest.split(' ');
  const ends = tokens.map((_, start) => start).slice(Math.max(1, tokens.length - longestState));
  return ends.filter((start) => states.has(tokens.slice(start).join(' ')))
    .map((start) => ({ rest: tokens.slice(0, start).join(' '), states: [tokens.slice(start).join(' '), ...way.states] }));
}

/** Says nothing of its own beside a more exact state: "Circuit … Stuck Open" is simply stuck open. */
const vague = new Set(['circuit', 'performance', 'circuit performance', 'fault', 'malfunction', 'failure']);

export function isState(english: string): boolean {
  return states.has(english);
}

export function sayStates(found: readonly string[], subject: Subject, ofControl: boolean): string {
  const exact = found.filter((english) => !vague.has(english));
  return (exact.length > 0 ? exact : found.slice(0, 1)).map((english) => states.get(english)?.[subject] ?? '').filter((text) => text !== '')
    .map((text) => text.replaceAll('{в цепи}', inCircuit(subject, ofControl)).replaceAll('{цепи}', ofControl ? 'цепи управления' : 'цепи'))
    .join(', ');
}

function inCircuit(subject: Subject, ofControl: boolean): string {
  if (ofControl) return ' в цепи управления';
  return subject === 'sensor' ? '' : ' в цепи';
}

