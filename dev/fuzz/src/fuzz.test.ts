import { expect, test } from '@jest/globals';
import { fuzz } from './fuzz.ts';
import { grpcCase } from './grpc-cases.ts';
import { httpCase } from './http-cases.ts';
import { Random } from './random.ts';

test('G1 G2 3000 spoilt requests and calls: nothing answers 5xx, ends, logs an error or stands still', async () => {
  const { failures, ...counts } = await fuzz({ cases: 3000, seed: 20_261_126 });
  expect({ failures, cases: counts.cases }).toEqual({ failures: [], cases: 3000 });
  expect(Math.min(counts.http, counts.grpc)).toBeGreaterThan(1000);
}, 240_000);

test('the same seed makes the same cases', () => {
  const make = () => {
    const random = new Random(7);
    return Array.from({ length: 200 }, (_, n) => (n % 2 ? httpCase(random) : grpcCase(random)));
  };
  expect(make()).toEqual(make());
});
