import { expect, test } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createTurns } from './turns.ts';

test('so many begin at once, the others in the turns that follow, each in its order', async () => {
  const turns = createTurns({ perTurn: 2 });
  const begun: number[] = [];
  for (let number = 0; number < 5; number++) turns.take(() => begun.push(number) > 0);
  expect(begun).toEqual([0, 1]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3]);
  turns.take(() => begun.push(5) > 0);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a turn in which nothing begins makes room again', async () => {
  const turns = createTurns({ perTurn: 1 });
  for (let number = 0; number < 3; number++) {
    let isBegun = false;
    turns.take(() => isBegun = true);
    expect(isBegun).toBe(true);
    await nextTurn();
  }
});

test('G4 those that are refused at their turn are refused together, and keep nobody waiting', async () => {
  const turns = createTurns({ perTurn: 1 });
  const begun: number[] = [];
  turns.take(() => true);
  for (let number = 0; number < 100; number++) turns.take(() => number % 50 === 49 && begun.push(number) > 0);
  await nextTurn();
  expect(begun).toEqual([49]);
  await nextTurn();
  expect(begun).toEqual([49, 99]);
});

test('what begins may itself ask for a turn', async () => {
  const turns = createTurns({ perTurn: 1 });
  const begun: string[] = [];
  turns.take(() => {
    begun.push('first');
    turns.take(() => begun.push('second') > 0);
    return true;
  });
  expect(begun).toEqual(['first']);
  await nextTurn();
  expect(begun).toEqual(['first', 'second']);
});

test('G4 it is known how many wait, and how long the one that began last did', async () => {
  let at = 0;
  const turns = createTurns({ perTurn: 1, now: () => at });
  const seen: [waiting: number, waitedMs: number][] = [];
  const take = () => turns.take(() => seen.push([turns.waiting, turns.waitedMs]) > 0);
  take();
  take();
  at = 30;
  take();
  expect(turns.waiting).toBe(2);
  at = 50;
  await nextTurn();
  at = 70;
  await nextTurn();
  await nextTurn();
  // Whoever comes past the turns, as the first of a connection does, has not waited.
  expect(turns.waitedMs).toBe(0);
  take();
  expect(seen).toEqual([[0, 0], [1, 50], [0, 40], [0, 0]]);
});

test('who awaits its turn goes on in it', async () => {
  const turns = createTurns({ perTurn: 2 });
  const begun: number[] = [];
  for (let number = 0; number < 5; number++) void turns.next().then(() => begun.push(number));
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3]);
});
