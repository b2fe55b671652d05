import { expect, test } from '@jest/globals';
import { createCrowd } from './crowd.ts';

/** A crowd of which as many as may are always inside, each for as long as `tookMs` says; gives the limit after so many ms. */
function crowded(tookMs: (inside: number) => number) {
  let at = 0;
  const crowd = createCrowd({ least: 8, most: 300, quickMs: 100, now: () => at });
  return {
    crowd,
    after(ms: number): number {
      for (const until = at + ms; at < until; at += 5) {
        const inside = Math.floor(crowd.limit);
        crowd.entered(inside);
        crowd.took(tookMs(inside));
      }
      return crowd.limit;
    },
  };
}

test('G4 nobody is kept out before there is evidence, and nobody while all is quick', () => {
  const { crowd, after } = crowded(() => 99);
  expect([crowd.limit, after(60_000)]).toEqual([300, 300]);
});

test('G4 the limit settles where everything takes as long as it may, whatever the machine can do', () => {
  for (const perSecond of [200, 400, 1000, 2000]) {
    // Little's law: who waits inside waits for all that are.
    const { after } = crowded((inside) => (1000 * inside) / perSecond);
    after(10_000);
    const limits = Array.from({ length: 50 }, () => after(100));
    const usual = limits.reduce((sum, limit) => sum + limit, 0) / limits.length;
    expect(usual).toBeGreaterThan(0.75 * 0.1 * perSecond);
    expect(usual).toBeLessThan(1.25 * 0.1 * perSecond);
  }
});

test('G4 a machine that becomes slow lets fewer in within a second, and never fewer than the least', () => {
  let perSecond = 2000;
  const { after } = crowded((inside) => (1000 * inside) / perSecond);
  after(5000);
  perSecond = 200;
  expect(after(1000)).toBeLessThan(40);
  perSecond = 1;
  expect(after(5000)).toBe(8);
});

test('G4 once all is quick again everybody may come in within ten seconds', () => {
  let tookMs = 1000;
  const { after } = crowded(() => tookMs);
  expect(after(5000)).toBe(8);
  tookMs = 5;
  expect(after(10_000)).toBe(300);
});

test('G4 a machine that is slow with nobody inside is not taken for a crowded one', () => {
  const { after } = crowded((inside) => 140 + inside);
  after(20_000);
  expect(after(1000)).toBeGreaterThan(100);
});

test('a few that are slow prove nothing', () => {
  let at = 0;
  const crowd = createCrowd({ least: 8, most: 300, quickMs: 100, now: () => at });
  for (let n = 0; n < 7; n++, at += 500) crowd.took(5000);
  expect(crowd.limit).toBe(300);
});
