import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { idFloor, newId } from './id.ts';

// Ten digits of five bits: to the year 37648.
const time = fc.integer({ min: 0, max: 2 ** 50 - 2 });

test('ids sort by the millisecond they were made in', () => {
  fc.assert(fc.property(time, time, (a, b) => {
    fc.pre(a !== b);
    expect(newId('ses', a) < newId('ses', b)).toBe(a < b);
  }));
});

test('idFloor bounds the ids of a time range: inclusive below, exclusive above', () => {
  fc.assert(fc.property(time, (ms) => {
    const id = newId('ses', ms);
    expect(idFloor('ses', ms) <= id).toBe(true);
    expect(id < idFloor('ses', ms + 1)).toBe(true);
  }));
});

test('a time before 1970 or beyond the last id bounds everything', () => {
  const id = newId('ses', Date.UTC(2026, 6, 1));
  for (const early of [-1, -8.64e15, -Infinity]) expect(idFloor('ses', early) <= id).toBe(true);
  for (const late of [2 ** 50, 8.64e15, Infinity]) expect(idFloor('ses', late) > id).toBe(true);
});

test('an id is its prefix, ten digits of time, three of sequence and thirteen random ones, of the same length always', () => {
  fc.assert(fc.property(time, (ms) => expect(newId('pay', ms)).toMatch(/^pay_[0-9a-hjkmnp-tv-z]{26}$/)));
});

test('ids of one millisecond differ and sort in the order they were made in', () => {
  const made = Array.from({ length: 10_000 }, () => newId('ses', 1));
  expect(new Set(made).size).toBe(10_000);
  expect(made.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(made);
});
