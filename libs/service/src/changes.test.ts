import { expect, test } from '@jest/globals';
import { Changes } from './changes.ts';

/** Something that changes, and who watches it. */
function watched({ signal = new AbortController().signal, changes = new Changes() } = {}) {
  let state = 0;
  let reads = 0;
  const read = async (): Promise<number> => {
    reads++;
    return state;
  };
  return {
    changes,
    watcher: changes.watch('a', { read, signal }),
    become: (next: number, key = 'a') => {
      state = next;
      changes.touch(key);
    },
    reads: () => reads,
  };
}

test('a watcher is told the state, and then each change', async () => {
  const { watcher, become } = watched();
  expect(await watcher.next()).toEqual({ value: 0, done: false });
  for (const state of [1, 2]) {
    const next = watcher.next();
    become(state);
    expect(await next).toEqual({ value: state, done: false });
  }
});

test('changes that come together, or while nobody looks, are one, and the last is not missed', async () => {
  const { watcher, become, reads } = watched();
  await watcher.next();
  for (const state of [1, 2, 3]) become(state);
  expect(await watcher.next()).toEqual({ value: 3, done: false });
  expect(reads()).toBe(2);
});

test('a change during the look is looked at again', async () => {
  const changes = new Changes();
  const states = [1, 2];
  const watcher = changes.watch('a', {
    signal: new AbortController().signal,
    read: async () => {
      const state = states.shift()!;
      if (state === 1) changes.touch('a');
      return state;
    },
  });
  expect([await watcher.next(), await watcher.next()].map(({ value }) => value)).toEqual([1, 2]);
});

test('another key wakes nobody, and nothing is read while nothing changes', async () => {
  const { watcher, become, reads } = watched();
  await watcher.next();
  const next = watcher.next();
  become(1, 'b');
  await new Promise(setImmediate);
  expect(reads()).toBe(1);
  become(2);
  expect((await next).value).toBe(2);
});

test('every watcher of a key is woken', async () => {
  const changes = new Changes();
  const { watcher, become } = watched({ changes });
  const second = watched({ changes }).watcher;
  await Promise.all([watcher.next(), second.next()]);
  const both = Promise.all([watcher.next(), second.next()]);
  become(1);
  expect((await both).map(({ done }) => done)).toEqual([false, false]);
});

test('an abort ends the wait, and leaving the loop leaves nobody behind', async () => {
  const stop = new AbortController();
  const { watcher, changes, reads } = watched({ signal: stop.signal });
  await watcher.next();
  const last = watcher.next();
  expect(changes.watchers).toBe(1);
  stop.abort();
  expect((await last).done).toBe(true);
  expect(changes.watchers).toBe(0);
  const left = watched({ changes });
  for await (const _ of left.watcher) break;
  expect(changes.watchers).toBe(0);
  expect(reads()).toBe(1);
});

test('a look that fails ends the watch with its error', async () => {
  const changes = new Changes();
  const watcher = changes.watch('a', { read: () => Promise.reject(new Error('gone')), signal: new AbortController().signal });
  await expect(watcher.next()).rejects.toThrow('gone');
  expect(changes.watchers).toBe(0);
});
