import { expect, test } from '@jest/globals';
import { limitAttempt } from './attempt-limit.ts';

const neverEnds = () => new Promise<never>(() => {});
const running = new AbortController().signal;

test('an attempt that hangs ends as ambiguous when its time is over, whether or not the provider listens', async () => {
  await expect(limitAttempt(neverEnds, { stop: running, timeoutMs: 1, graceMs: 1000 })).rejects.toMatchObject({ kind: 'ambiguous', reason: 'timeout' });
});

test('an attempt under way gets its grace when the process stops, and ends as interrupted', async () => {
  const stop = new AbortController();
  const attempt = limitAttempt(neverEnds, { stop: stop.signal, timeoutMs: 60_000, graceMs: 1 });
  stop.abort();
  await expect(attempt).rejects.toMatchObject({ kind: 'ambiguous', reason: 'interrupted' });
});

test('an attempt that ends within its grace ends as it would have', async () => {
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  const attempt = limitAttempt(() => promise, { stop: stop.signal, timeoutMs: 60_000, graceMs: 60_000 });
  stop.abort();
  resolve('sent');
  expect(await attempt).toBe('sent');
});
