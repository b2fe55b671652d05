import { expect, test } from '@jest/globals';
import { createNewcomers } from './newcomers.ts';

const comeAgainMs = 4000;

function newcomersAt() {
  const clock = { at: 1_000_000 };
  const newcomers = createNewcomers({ comeAgainMs, now: () => clock.at });
  /** How many begin during so many ms where as many come as may. */
  function begin(ms: number): number {
    let count = 0;
    for (const until = clock.at + ms; clock.at < until; clock.at++) for (; newcomers.mayBegin() && count < 100_000; count++) newcomers.began();
    return count;
  }
  return { clock, newcomers, begin };
}

test('G4 nobody is kept out before somebody was turned away', () => {
  expect(newcomersAt().begin(1)).toBe(100_000);
});

test('G4 after somebody was turned away as many begin as were served lately, first fewer and then more each second', () => {
  const { clock, newcomers, begin } = newcomersAt();
  for (let report = 0; report < 600; report++, clock.at += 10) newcomers.served();
  // Nothing for a while, as when the machine stands still.
  clock.at += 20_000;
  newcomers.turnedAway();
  // 100 were made in a second: 80 in the first, and so on.
  expect(Array.from({ length: 4 }, () => begin(1000))).toEqual([71, 57, 46, 37]);
  expect(Array.from({ length: 4 }, () => begin(1000))).toEqual([101, 101, 103, 103]);
  // Those of a second that nobody came in may still come, and no more.
  clock.at += 60_000;
  expect(begin(1)).toBe(189);
  clock.at += 300_000;
  expect(begin(1)).toBe(100_000);
});

test('G4 while more and more are turned away hardly anybody begins', () => {
  const { clock, newcomers, begin } = newcomersAt();
  for (let report = 0; report < 500; report++, clock.at += 10) newcomers.served();
  const eachSecond = Array.from({ length: 20 }, () => {
    newcomers.turnedAway();
    return begin(1000);
  });
  expect([eachSecond[0], eachSecond[9], eachSecond[19]]).toEqual([71, 9, 1]);
});

test('G4 where somebody is turned away just after a start, as many begin a few seconds later as are served then', () => {
  const { clock, newcomers, begin } = newcomersAt();
  for (let report = 0; report < 20; report++, clock.at += 100) newcomers.served();
  newcomers.turnedAway();
  for (let report = 0; report < 100; report++, clock.at += 100) newcomers.served();
  begin(1000);
  expect(begin(10_000)).toBeGreaterThan(95);
});

test('G4 where none was served lately about one begins each second, so that there is evidence', () => {
  const { clock, newcomers, begin } = newcomersAt();
  newcomers.served();
  clock.at += 61_000;
  newcomers.turnedAway();
  clock.at += comeAgainMs;
  expect(begin(10_000)).toBe(11);
});

const tickMs = 10;
const places = 64;

/**
 * Ten times as many customers come as reports can be made for. Each asks for the report about `measuringMs` after the first call, and again after Retry-After where there
 * is no place. Gives how many were made of those that could be, and how long the last customers waited at most, in the second half of an hour.
 */
function rush({ madePerSecond, measuringMs }: { madePerSecond: number; measuringMs: number }) {
  const { clock, newcomers } = newcomersAt();
  const [halfAt, endAt] = [clock.at + 1_800_000, clock.at + 3_600_000];
  let asking: { at: number; since: number }[] = [];
  let [queued, come, done, made, number, longestMs] = [0, 0, 0, 0, 0, 0];
  for (; clock.at < endAt; clock.at += tickMs) {
    for (come += (10 * madePerSecond * tickMs) / 1000; come >= 1; come--) {
      if (!newcomers.mayBegin()) continue;
      newcomers.began();
      const at = clock.at + measuringMs * (0.7 + 0.6 * ((number++ * 7 % 10) / 10));
      asking.push({ at, since: at });
    }
    const due = asking.filter(({ at }) => at <= clock.at);
    if (due.length > 0) asking = asking.filter(({ at }) => at > clock.at);
    for (const { since } of due) {
      if (queued >= places) {
        newcomers.turnedAway();
        asking.push({ at: clock.at + 2000 + 100 * (number++ % 10), since });
      } else queued++;
      if (clock.at > halfAt) longestMs = Math.max(longestMs, clock.at - since);
    }
    for (done = Math.min(1, done) + (madePerSecond * tickMs) / 1000; done >= 1 && queued > 0; done--) {
      queued--;
      newcomers.served();
      if (clock.at > halfAt) made++;
    }
  }
  return { madeShare: made / (madePerSecond * 1800), longestMs };
}

test.each([[12, 1000, 10_000], [12, 10_000, 20_000], [50, 5000, 10_000]])('G4 where ten times as many come as %d reports a second are for, and each is asked for after %d ms, nearly as many are made, and nobody waits for longer than %d ms', (madePerSecond, measuringMs, withinMs) => {
  const { madeShare, longestMs } = rush({ madePerSecond, measuringMs });
  expect(madeShare).toBeGreaterThan(0.8);
  expect(longestMs).toBeLessThan(withinMs);
});
