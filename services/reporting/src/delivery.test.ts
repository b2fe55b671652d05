import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { afterAttempt, fewestAttempts, giveUpAfterMs, nextAsk, nextProvider, outageDelaysMs, retryDelaysMs, type AttemptResult, type Delivery } from './delivery.ts';
import { sendErrorReasons, type SendErrorKind } from './send-error.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const start = Date.UTC(2026, 10, 20, 9);
const claimed: Delivery = {
  id: 'dlv_1', reportId: 'rep_1', channel: 'email', recipient: 'a@example.com', cause: 'report', messageId: '<dlv_1@kiosk.example>', status: 'sending',
  attempts: 1, ambiguousAttempts: 0, createdAt: start, firstAttemptAt: start,
};

describe('D5 the schedule', () => {
  test.each([
    [1, 1], [2, 2], [3, 4], [4, 8], [5, 15], [6, 30], [7, 60], [8, 120], [9, 240], [10, 240], [200, 240],
  ])('D5 after attempt %i a delivery waits for at most %i minutes', (attempts, minutes) => {
    const after = afterAttempt({ ...claimed, attempts }, { kind: 'temporary', reason: 'recipient_deferred' }, { now: start, random: 1 });
    expect(after).toMatchObject({ status: 'queued', nextAttemptAt: start + minutes * minuteMs });
  });

  test('D5 chance chooses within that, and never nothing', () => {
    const next = (random: number) => afterAttempt(claimed, { kind: 'temporary', reason: 'recipient_deferred' }, { now: start, random }).nextAttemptAt! - start;
    expect([next(0), next(0.5), next(1)]).toEqual([1000, 30_000, 60_000]);
  });

  test('D3 while a provider is away nobody waits for more than four minutes', () => {
    for (const attempts of [1, 5, 500]) {
      const after = afterAttempt({ ...claimed, attempts }, { kind: 'temporary', reason: 'provider_unavailable' }, { now: start, random: 1 });
      expect(after.nextAttemptAt! - start).toBeLessThanOrEqual(4 * minuteMs);
    }
    expect(Math.max(...outageDelaysMs)).toBe(4 * minuteMs);
    expect(Math.max(...retryDelaysMs)).toBe(4 * hourMs);
  });

  test('D5 the last attempt is made 72 hours after the first, and then it is dead', () => {
    const late = { ...claimed, attempts: 30 };
    const last = afterAttempt(late, { kind: 'temporary', reason: 'recipient_deferred' }, { now: start + 71 * hourMs, random: 1 });
    expect(last).toMatchObject({ status: 'queued', nextAttemptAt: start + giveUpAfterMs });
    const over = afterAttempt(late, { kind: 'temporary', reason: 'recipient_deferred' }, { now: start + giveUpAfterMs, random: 1 });
    expect(over).toMatchObject({ status: 'dead', deadAt: start + giveUpAfterMs, lastError: 'recipient_deferred' });
  });

  test('D3 three days without power are no three days of trying', () => {
    let delivery = { ...claimed, attempts: 2 };
    let now = start + 73 * hourMs;
    for (;;) {
      const after = afterAttempt(delivery, { kind: 'temporary', reason: 'provider_unavailable' }, { now, random: 1 });
      if (after.status === 'dead') break;
      expect(after.nextAttemptAt! - now).toBeLessThanOrEqual(4 * minuteMs);
      now = after.nextAttemptAt!;
      delivery = { ...after, attempts: after.attempts + 1 };
    }
    expect(delivery.attempts).toBe(fewestAttempts);
    expect(now - start - 73 * hourMs).toBeGreaterThan(hourMs);
  });

  test('D5 who was on for all of the 72 hours has made more attempts by then than the fewest', () => {
    let now = start;
    let attempts = 0;
    while (now < start + giveUpAfterMs) {
      attempts += 1;
      now = afterAttempt({ ...claimed, attempts }, { kind: 'temporary', reason: 'recipient_deferred' }, { now, random: 1 }).nextAttemptAt!;
    }
    expect(attempts).toBeGreaterThan(fewestAttempts);
  });
});

test('a permanent refusal is dead at once', () => {
  expect(afterAttempt(claimed, { kind: 'permanent', reason: 'recipient_refused' }, { now: start, random: 1 })).toMatchObject({ status: 'dead', deadAt: start, lastError: 'recipient_refused' });
});

test('D4 an ambiguous attempt is counted, and repeated with the same Message-ID', () => {
  const after = afterAttempt(claimed, { kind: 'ambiguous', reason: 'connection_lost' }, { now: start, random: 1 });
  expect(after).toMatchObject({ status: 'queued', ambiguousAttempts: 1, messageId: claimed.messageId });
});

test('what was sent says so and forgets the error before', () => {
  const after = afterAttempt({ ...claimed, lastError: 'timeout' }, { kind: 'sent', providerId: 'x' }, { now: start, random: 1 });
  expect(after).toMatchObject({ status: 'sent', sentAt: start, providerId: 'x', lastError: undefined });
});

describe('whose turn it is', () => {
  const after = (change: Partial<Delivery>) => nextProvider({ ...claimed, provider: 'a', ...change }, ['a', 'b']);

  test.each<[string, Partial<Delivery>, string]>([
    ['the first one begins', { provider: undefined }, 'a'],
    ['the other one goes on after a provider\'s trouble', { lastError: 'provider_unavailable' }, 'b'],
    ['and the first one after that', { provider: 'b', lastError: 'credentials_refused' }, 'a'],
    ['a recipient\'s server says the same to both', { lastError: 'recipient_deferred' }, 'a'],
    ['D4 what may have arrived is the same one\'s', { lastError: 'timeout', ambiguousAttempts: 1 }, 'a'],
    ['twice is enough', { lastError: 'timeout', ambiguousAttempts: 2 }, 'b'],
    ['one that the settings no longer name is forgotten', { provider: 'c', lastError: 'timeout' }, 'a'],
  ])('%s', (_, change, provider) => {
    expect(after(change)).toBe(provider);
  });

  test('alone it has every turn', () => {
    expect(nextProvider({ ...claimed, provider: 'a', lastError: 'provider_unavailable' }, ['a'])).toBe('a');
  });
});

test('a provider that says nothing is asked after as long as it has been silent, within a minute and an hour, and for two days', () => {
  const inMinutes = (ageMs: number) => (nextAsk({ sentAt: start }, { now: start + ageMs }) ?? Number.NaN) - start - ageMs;
  expect([0, minuteMs, 10 * minuteMs, 5 * hourMs, 49 * hourMs].map((ageMs) => inMinutes(ageMs) / minuteMs)).toEqual([1, 1, 10, 60, Number.NaN]);
});

test('D1 whatever happens, a delivery is sent, or waits with a next attempt, or is dead', () => {
  const results: fc.Arbitrary<AttemptResult> = fc.oneof(
    fc.constant<AttemptResult>({ kind: 'sent' }),
    fc.record({ kind: fc.constantFrom<SendErrorKind>('temporary', 'permanent', 'ambiguous'), reason: fc.constantFrom(...sendErrorReasons) }),
  );
  const chances = fc.double({ min: 0, max: 1, noNaN: true });
  const property = fc.property(results, fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 100 * hourMs }), chances, (result, attempts, lateMs, random) => {
    const now = start + lateMs;
    const after = afterAttempt({ ...claimed, attempts }, result, { now, random });
    const isInTime = after.nextAttemptAt! <= start + giveUpAfterMs || (attempts < fewestAttempts && after.nextAttemptAt! <= now + 4 * hourMs);
    const waits = after.status === 'queued' && after.nextAttemptAt! > now && isInTime;
    return waits || (after.status === 'sent' && after.sentAt === now) || (after.status === 'dead' && after.deadAt === now);
  });
  expect(() => fc.assert(property)).not.toThrow();
});
