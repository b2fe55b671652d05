import { describe, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import fc from 'fast-check';
import {
  apply, asOf, askLimitMs, beginSubmission, cancel, checkTerms, differences, expire, isFinal, maySubmit, nextAskAt, outcomeOf, parseMetadata,
  resubmitLimitMs, retryDelayMs, submissionRefused, submissionUnknown,
  type Intent, type IntentStatus,
} from './intent.ts';
import type { PspPayment } from './psp.ts';
import { aPayment, anIntent } from './testing-nouns.ts';

const start = Date.UTC(2026, 0, 15, 9);
const ttlMs = 600_000;
const leaseMs = 45_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const expected = { shopId: 'shop-1', testAllowed: false };

const fresh = anIntent({ createdAt: start, expiresAt: start + ttlMs });
const submitting = beginSubmission(fresh, { now: start, leaseMs });
const attached = told(submitting, { status: 'pending' }, { now: start + 300 });
const confirmed = told(attached, { status: 'succeeded' }, { now: start + 5000 });
const canceled = cancel(attached, 'canceled_by_customer', start + 5000);
const superseded = cancel(attached, 'superseded', start + 5000);
const expired = expire(attached, start + ttlMs);
const declined = told(attached, { status: 'canceled', cancellationReason: 'insufficient_funds' }, { now: start + 5000 });
const refused = submissionRefused(submitting, start + 5000);

/** What becomes of an intent when the PSP says this: as the store puts the pure functions together. */
function told(intent: Intent, payment: Partial<PspPayment>, { now, confirmLate }: { now: number; confirmLate?: boolean }): Intent {
  const said = aPayment(intent, { shopId: expected.shopId, ...payment });
  // Whoever asks has claimed it.
  const seen = { ...asOf(intent, now), ...(intent.submission === 'attached' ? { lastAskedAt: now, nextActionAt: now + leaseMs } : {}) };
  return apply(seen, said, outcomeOf(seen, said, differences(seen, said, expected)), { now, confirmLate });
}

function faultOf(run: () => unknown): Partial<Fault> {
  try {
    run();
  } catch (error) {
    if (error instanceof Fault) return { kind: error.kind, reason: error.reason };
    throw error;
  }
  return { reason: 'none' };
}

describe('P8 the state machine, by table', () => {
  const later = start + 20_000;
  test.each<[string, Intent, Partial<PspPayment>, { confirmLate?: boolean }, IntentStatus, string | undefined]>([
    ['a pending one stays pending while the PSP says pending', attached, { status: 'pending' }, {}, 'pending', undefined],
    ['money held but not captured is no money', attached, { status: 'waiting_for_capture', paid: true }, {}, 'pending', undefined],
    ['succeeded but not paid is no money', attached, { status: 'succeeded', paid: false }, {}, 'pending', undefined],
    ['a pending one is confirmed by money', attached, { status: 'succeeded' }, {}, 'confirmed', undefined],
    ['a pending one fails with the PSP’s own reason', attached, { status: 'canceled', cancellationReason: 'fraud_suspected' }, {}, 'failed', 'fraud_suspected'],
    ['a pending one fails as a general decline where the PSP gives no reason', attached, { status: 'canceled' }, {}, 'failed', 'general_decline'],
    ['a confirmed one stays confirmed on hearing it again', confirmed, { status: 'succeeded' }, {}, 'confirmed', undefined],
    ['a confirmed one stays confirmed when an older answer comes late', confirmed, { status: 'pending' }, {}, 'confirmed', undefined],
    ['a confirmed one stays confirmed when the PSP takes it back', confirmed, { status: 'canceled' }, {}, 'confirmed', undefined],
    ['late money confirms one that the customer canceled, where the session allows', canceled, { status: 'succeeded' }, { confirmLate: true }, 'confirmed', undefined],
    ['late money confirms a superseded one, where the session allows', superseded, { status: 'succeeded' }, { confirmLate: true }, 'confirmed', undefined],
    ['late money confirms an expired one, where the session allows', expired, { status: 'succeeded' }, { confirmLate: true }, 'confirmed', undefined],
    ['late money without a session changes no canceled one', canceled, { status: 'succeeded' }, {}, 'failed', 'canceled_by_customer'],
    ['late money without a session changes no expired one', expired, { status: 'succeeded' }, {}, 'expired', undefined],
    ['late money does not confirm one that the PSP itself declined', declined, { status: 'succeeded' }, { confirmLate: true }, 'failed', 'insufficient_funds'],
    ['late money does not confirm one that the PSP refused', refused, { status: 'succeeded' }, { confirmLate: true }, 'failed', 'refused_by_psp'],
    ['a canceled one keeps its own reason when the PSP cancels as well', canceled, { status: 'canceled', cancellationReason: 'fraud_suspected' }, {}, 'failed', 'canceled_by_customer'],
    ['an expired one stays expired when the PSP cancels', expired, { status: 'canceled' }, {}, 'expired', undefined],
  ])('%s', (_, intent, payment, options, status, failureReason) => {
    const after = told(intent, payment, { now: later, ...options });
    expect(after).toEqual({ ...after, status, failureReason, submission: 'attached', lastAskedAt: later });
  });

  test('money that comes after expiresAt is late money, whether or not the expiry was recorded', () => {
    expect(told(attached, { status: 'succeeded' }, { now: start + ttlMs })).toMatchObject({ status: 'expired', pspStatus: 'succeeded' });
    expect(told(attached, { status: 'succeeded' }, { now: start + ttlMs - 1 })).toMatchObject({ status: 'confirmed', confirmedAt: start + ttlMs - 1 });
  });

  test('nothing is left to ask once the PSP said its last word', () => {
    for (const final of [confirmed, declined, told(expired, { status: 'succeeded' }, { now: later }), told(canceled, { status: 'canceled' }, { now: later })]) {
      expect(final.nextActionAt).toBeUndefined();
    }
  });

  test('one that ended here is still asked about, since the customer may have the QR', () => {
    for (const ended of [canceled, superseded, expired]) {
      expect(isFinal(ended)).toBe(true);
      expect(ended.nextActionAt).toBeGreaterThan(start);
    }
  });

  test('one that ends before it was sent is never sent', () => {
    const ended = [cancel(fresh, 'canceled_by_customer', later), cancel(fresh, 'superseded', later), expire(fresh, start + ttlMs)];
    for (const intent of ended) {
      expect(intent).toMatchObject({ submission: 'withdrawn', nextActionAt: undefined });
      expect(maySubmit(intent, later)).toBe(false);
    }
  });

  test.each<[string, Intent, Partial<Fault>]>([
    ['pending', attached, { reason: 'none' }],
    ['canceled already', canceled, { reason: 'none' }],
    ['superseded', superseded, { kind: 'conflict', reason: 'intent_final' }],
    ['confirmed', confirmed, { kind: 'conflict', reason: 'intent_final' }],
    ['expired', expired, { kind: 'conflict', reason: 'intent_final' }],
    ['declined', declined, { kind: 'conflict', reason: 'intent_final' }],
  ])('the customer cancels one that is %s', (_, intent, fault) => {
    expect(faultOf(() => cancel(intent, 'canceled_by_customer', later))).toEqual(fault);
  });

  test('expiry is a fact of expiresAt, to the millisecond, and only of what is pending', () => {
    expect(asOf(attached, start + ttlMs - 1)).toBe(attached);
    expect(asOf(attached, start + ttlMs)).toMatchObject({ status: 'expired', updatedAt: start + ttlMs });
    for (const intent of [confirmed, canceled, declined]) expect(asOf(intent, start + 10 * ttlMs)).toBe(intent);
  });

  test('a refusal fails what is pending and leaves alone what has ended', () => {
    expect(refused).toMatchObject({ status: 'failed', failureReason: 'refused_by_psp', submission: 'refused', nextActionAt: undefined });
    const ended = cancel(submitting, 'canceled_by_customer', later);
    expect(submissionRefused(ended, later)).toMatchObject({ status: 'failed', failureReason: 'canceled_by_customer', submission: 'refused' });
  });
});

describe('P7 what confirms', () => {
  test.each<[string, Partial<PspPayment>]>([
    ['amount', { amountMinor: fresh.amountMinor - 1 }],
    ['currency', { currency: 'USD' }],
    ['intent', { intentId: 'pay_someone_elses' }],
    ['intent', { intentId: undefined }],
    ['shop', { shopId: 'shop-2' }],
    ['shop', { shopId: undefined }],
    ['test', { test: true }],
  ])('a payment with another %s is a mismatch and confirms nothing', (field, changed) => {
    const payment = aPayment(attached, { status: 'succeeded', shopId: expected.shopId, ...changed });
    const differing = differences(attached, payment, expected);
    expect(differing.map((difference) => difference.field)).toEqual([field]);
    for (const intent of [attached, canceled, expired]) {
      expect(outcomeOf(intent, payment, differing)).toBe('mismatch');
      expect(apply(intent, payment, 'mismatch', { now: start, confirmLate: true }).status).toBe(intent.status);
    }
  });

  test('a test payment is money where test money is allowed', () => {
    const payment = aPayment(attached, { status: 'succeeded', test: true });
    expect(differences(attached, payment, { testAllowed: true })).toEqual([]);
  });
});

describe('P10 an unknown answer', () => {
  test('is followed by the same request after 5 s, 15 s and then every minute', () => {
    expect([1, 2, 3, 4, 100].map(retryDelayMs)).toEqual([5000, 15_000, minuteMs, minuteMs, minuteMs]);
  });

  test('leaves the intent pending', () => {
    const after = submissionUnknown(submitting, start + 1000);
    expect(after).toEqual({ ...submitting, nextActionAt: start + 6000 });
    expect(maySubmit(after, after.nextActionAt!)).toBe(true);
  });

  test('is given up where the next attempt would come 20 h after the first', () => {
    const atLast = start + resubmitLimitMs - minuteMs;
    const third = { ...submitting, attempts: 3 };
    expect(submissionUnknown(third, atLast - 1)).toMatchObject({ submission: 'submitting', nextActionAt: start + resubmitLimitMs - 1 });
    expect(submissionUnknown(third, atLast)).toMatchObject({ submission: 'abandoned', nextActionAt: undefined, status: 'pending' });
    expect(maySubmit(third, start + resubmitLimitMs - 1)).toBe(true);
    expect(maySubmit(third, start + resubmitLimitMs)).toBe(false);
  });

  test('a new attempt keeps the time of the first', () => {
    expect(beginSubmission(submitting, { now: start + 5000, leaseMs })).toMatchObject({ firstAttemptAt: start, attempts: 2, nextActionAt: start + 5000 + leaseMs });
  });
});

describe('P11 an open payment is asked about again', () => {
  test('within 60 s for the first 15 minutes, and ends after 72 h', () => {
    // The janitor comes round at its interval, and the PSP takes its time to answer.
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 14_000 }), { minLength: 1, maxLength: 50 }), (lags) => {
      let intent = attached;
      let askedAt = intent.lastAskedAt!;
      let asks = 0;
      while (intent.nextActionAt !== undefined) {
        expect(intent.nextActionAt).toBeGreaterThan(askedAt);
        const now = intent.nextActionAt + lags[asks % lags.length]!;
        expect(now - askedAt).toBeLessThanOrEqual(now - start <= 15 * minuteMs ? minuteMs : hourMs + 14_000);
        intent = told(intent, { status: 'pending' }, { now });
        askedAt = now;
        asks += 1;
      }
      expect(askedAt - start).toBeGreaterThan(askLimitMs - hourMs);
      expect(askedAt - start).toBeLessThanOrEqual(askLimitMs + hourMs + 14_000);
      expect(asks).toBeLessThan(200);
    }), { numRuns: 50 });
  });

  test('sooner where the PSP says when something will happen', () => {
    const now = start + 10 * minuteMs;
    expect(told(attached, { status: 'pending', askAgainAt: now + 500 }, { now }).nextActionAt).toBe(now + 500);
    expect(told(attached, { status: 'pending', askAgainAt: now + 500_000 }, { now }).nextActionAt).toBe(now + 45_000);
  });

  test('as soon as a notification wanted that came while the PSP was asked: its answer may be from before', () => {
    const now = start + 10 * minuteMs;
    const hurried = { ...attached, lastAskedAt: now, nextActionAt: now + 2000 };
    expect(apply(hurried, aPayment(hurried, { shopId: expected.shopId, status: 'pending' }), 'open', { now: now + 300 }).nextActionAt).toBe(now + 2000);
  });

  test('the first time comes after two seconds', () => {
    expect(nextAskAt(attached, start)).toBe(start + 2000);
  });
});

describe('the terms of an intent', () => {
  test.each([1, 35_000, 100_000_000])('P6 takes %d minor units', (amountMinor) => {
    expect(checkTerms({ amountMinor, currency: 'RUB' })).toBe('RUB');
  });

  test.each([0, -1, 1.5, 100_000_001, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])('P6 refuses %d minor units', (amountMinor) => {
    expect(faultOf(() => checkTerms({ amountMinor, currency: 'RUB' }))).toEqual({ kind: 'invalid', reason: 'invalid_amount' });
  });

  test.each(['', 'rub', 'GBP', 'RUB ', 'toString'])('refuses the currency %j', (currency) => {
    expect(faultOf(() => checkTerms({ amountMinor: 1, currency }))).toEqual({ kind: 'invalid', reason: 'invalid_currency' });
  });

  test.each(['x'.repeat(129), 'two\nlines', '\u0000', '\u007f'])('refuses the description %j', (description) => {
    expect(faultOf(() => checkTerms({ amountMinor: 1, currency: 'RUB', description }))).toEqual({ kind: 'invalid', reason: 'invalid_description' });
  });

  test('takes a description of 128 characters in any language', () => {
    expect(checkTerms({ amountMinor: 1, currency: 'EUR', description: 'ё'.repeat(128) })).toBe('EUR');
  });

  const name = 'n'.repeat(32);
  test.each<[string, string, object]>([
    ['nothing', '', {}],
    ['an empty object', '{}', {}],
    ['strings, numbers and booleans', '{"a":"б","n":1.5,"yes":true}', { a: 'б', n: 1.5, yes: true }],
    ['names and texts of full length', JSON.stringify({ [name]: 'v'.repeat(512) }), { [name]: 'v'.repeat(512) }],
  ])('takes %s for metadata', (_, text, value) => {
    expect(parseMetadata(text)).toEqual(value);
  });

  test.each([
    'x', '[]', 'null', '"text"', '1', '{"a":null}', '{"a":{}}', '{"a":[1]}', '{"a":1e400}',
    JSON.stringify({ a: 'v'.repeat(513) }), JSON.stringify({ [`${name}n`]: 1 }),
    JSON.stringify(Object.fromEntries(Array.from({ length: 14 }, (_, index) => [`k${index}`, index]))),
  ])('refuses the metadata %.60s', (text) => {
    expect(faultOf(() => parseMetadata(text))).toEqual({ kind: 'invalid', reason: 'invalid_metadata' });
  });
});
