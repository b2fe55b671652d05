import { expect, test } from '@jest/globals';
import { biteRows, inBites } from './bites.ts';

test('many rows are done bite by bite, until one is not full', async () => {
  for (const rows of [0, 1, biteRows - 1, biteRows, biteRows + 1, 3 * biteRows]) {
    let left = rows;
    let bites = 0;
    const bite = async () => {
      bites += 1;
      const count = Math.min(left, biteRows);
      left -= count;
      return count;
    };
    expect(await inBites(bite)).toBe(rows);
    expect(bites).toBe(Math.floor(rows / biteRows) + 1);
  }
});

test('between two bites everybody else has a turn, and what fails is the caller\'s', async () => {
  const order: string[] = [];
  let bites = 0;
  const bite = async () => {
    order.push('bite');
    setTimeout(() => order.push('other'), 0);
    return ++bites < 3 ? biteRows : 0;
  };
  await inBites(bite);
  expect(order).toEqual(['bite', 'other', 'bite', 'other', 'bite']);
  await expect(inBites(() => Promise.reject(new Error('the disk is full')))).rejects.toThrow('the disk is full');
});

test('G5 nothing is bitten off once it is told to stop', async () => {
  const stop = new AbortController();
  let bites = 0;
  await expect(inBites(async () => {
    bites += 1;
    stop.abort(new Error('stopping'));
    return 10;
  }, { rows: 10, signal: stop.signal })).rejects.toThrow('stopping');
  expect(bites).toBe(1);
});
