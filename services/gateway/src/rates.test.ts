import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isLoopback, isLoopbackHost, networkOf } from './addresses.ts';
import { Rates } from './rates.ts';

test('a minute\'s worth may be asked at once, and then one at a time as the minute passes', () => {
  const rates = new Rates({ perMinute: 10 });
  const asked = Array.from({ length: 12 }, () => rates.take('k-1', 1000));
  expect(asked.filter(({ allowed }) => allowed)).toHaveLength(10);
  expect(asked[0]).toEqual({ allowed: true, remaining: 9, fullInMs: 6000, retryAfterMs: 0 });
  expect(asked[11]).toEqual({ allowed: false, remaining: 0, fullInMs: 60_000, retryAfterMs: 6000 });
  expect(rates.take('k-2', 1000).allowed).toBe(true);
  expect(rates.take('k-1', 6999)).toMatchObject({ allowed: false, retryAfterMs: expect.closeTo(1) });
  expect(rates.take('k-1', 7001)).toMatchObject({ allowed: true, remaining: 0 });
});

test('a clock that is set back gives nothing and takes nothing', () => {
  const rates = new Rates({ perMinute: 2 });
  expect([5000, 0, 0].map((now) => rates.take('k-1', now).allowed)).toEqual([true, true, false]);
});

test('whatever the times, no minute lets more through than the minute before it left and one minute\'s worth', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 }), fc.integer({ min: 1, max: 30 }), (pauses, perMinute) => {
    const rates = new Rates({ perMinute });
    let now = 0;
    const taken = pauses.flatMap((pause) => (rates.take('a', now += pause).allowed ? [now] : []));
    for (const start of taken) expect(taken.filter((at) => at >= start && at < start + 60_000).length).toBeLessThanOrEqual(2 * perMinute);
  }));
});

test('of too many callers the one that asked longest ago is forgotten', () => {
  const rates = new Rates({ perMinute: 1, most: 2 });
  for (const caller of ['a', 'b', 'a', 'c']) rates.take(caller, 0);
  expect(rates.size).toBe(2);
  expect(['a', 'b'].map((caller) => rates.take(caller, 0).allowed)).toEqual([false, true]);
});

test.each([
  ['203.0.113.7', '203.0.113.7'], ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'], ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'], ['::1', '0:0:0:0::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'], ['fe80::1:2%eth0', 'fe80:0:0:0::/64'], ['', ''],
])('the client behind %s counts as %s', (ip, network) => {
  expect(networkOf(ip)).toBe(network);
});

test('this machine is 127.0.0.0/8 and ::1', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].filter((ip) => !isLoopback(ip))).toEqual([]);
  expect(['10.0.0.1', '::2', '128.0.0.1', 'localhost', ''].filter((ip) => isLoopback(ip))).toEqual([]);
  expect(isLoopbackHost('localhost')).toBe(true);
});
