import { expect, test } from '@jest/globals';
import { partsOf } from './outbox.ts';

test.each<[string, string, number]>([
  ['a'.repeat(160), 'GSM-7', 1], ['a'.repeat(161), 'GSM-7', 2], ['a'.repeat(306), 'GSM-7', 2], ['a'.repeat(307), 'GSM-7', 3],
  ['€'.repeat(80), 'GSM-7', 1], ['€'.repeat(81), 'GSM-7', 2], [`${'a'.repeat(152)}€${'a'.repeat(152)}`, 'GSM-7', 3],
  ['я'.repeat(70), 'UCS-2', 1], ['я'.repeat(71), 'UCS-2', 2], ['я'.repeat(134), 'UCS-2', 2], ['я'.repeat(135), 'UCS-2', 3],
  ['😀'.repeat(35), 'UCS-2', 1], [`${'я'.repeat(66)}😀${'я'.repeat(66)}`, 'UCS-2', 3], ['', 'GSM-7', 1],
])('%# %s', (text, encoding, count) => {
  expect(partsOf(text)).toEqual({ encoding, count });
});
