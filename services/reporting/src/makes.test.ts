import { expect, test } from '@jest/globals';
import { makeLabel } from './makes.ts';

test.each([
  ['LADA', 'lada'], ['Лада', 'lada'], ['LADA (ВАЗ)', 'lada'], ['ВАЗ', 'lada'], ['  Great   Wall ', 'great wall'], ['Хёндай', 'hyundai'], ['Mercedes-Benz', 'mercedes'], ['VW', 'volkswagen'],
  ['ŠKODA', 'skoda'], ['Škoda', 'skoda'], ['Bugatti', 'other'], ['', 'other'], ['constructor', 'other'], ['x'.repeat(100), 'other'],
])('%j counts as %s', (make, label) => {
  expect(makeLabel(make)).toBe(label);
});
