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

test('G4 the wait of the one that has waited longest is known, so that it counts as delay', async () => {
  let at = 0;
  const turns = createTurns({ perTurn: 1, now: () => at });
  turns.take(() => true);
  expect(turns.waitedMs()).toBe(0);
  turns.take(() => true);
  at = 30;
  turns.take(() => true);
  at = 50;
  expect(turns.waitedMs()).toBe(50);
  await nextTurn();
  expect(turns.waitedMs()).toBe(20);
  await nextTurn();
  expect(turns.waitedMs()).toBe(0);
});
