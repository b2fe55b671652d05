/** The pure functions under any sequence of events, each taken with the guards that the store puts around it. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  apply, asOf, beginSubmission, cancel, differences, expire, maySubmit, outcomeOf, resubmitLimitMs, submissionRefused, submissionUnknown,
  type Intent, type Submission,
} from './intent.ts';
import type { PspPayment } from './psp.ts';
import { aPayment, anIntent } from './testing-nouns.ts';

const start = Date.UTC(2026, 0, 15, 9);
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const leaseMs = 45_000;
const expected = { shopId: 'shop-1', testAllowed: false };
const fresh = anIntent({ createdAt: start });

type Step =
  | { do: 'wait'; ms: number }
  | { do: 'cancel'; reason: 'canceled_by_customer' | 'superseded' }
  | { do: 'sweep' }
  | { do: 'send' }
  | { do: 'unknown'; delayMs: number | undefined }
  | { do: 'refuse' }
  | { do: 'tell'; payment: Partial<PspPayment>; confirmLate: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: 0, max: 30 * hourMs })) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), reason: fc.constantFrom('canceled_by_customer' as const, 'superseded' as const) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'sweep' }) },
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'send' }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('unknown' as const), delayMs: fc.constantFrom(undefined, minuteMs) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'refuse' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('tell' as const),
      confirmLate: fc.boolean(),
      payment: fc.record({
        status: fc.constantFrom('pending' as const, 'waiting_for_capture' as const, 'succeeded' as const, 'canceled' as const),
        paid: fc.boolean(),
        test: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.boolean()),
        amountMinor: fc.constantFrom(...Array<number>(5).fill(fresh.amountMinor), fresh.amountMinor + 1),
        currency: fc.constantFrom('RUB', 'RUB', 'RUB', 'RUB', 'USD'),
        shopId: fc.constantFrom('shop-1', 'shop-1', 'shop-1', 'shop-1', 'shop-2', undefined),
        intentId: fc.constantFrom(fresh.id, fresh.id, fresh.id, fresh.id, 'pay_other', undefined),
        cancellationReason: fc.constantFrom(undefined, 'insufficient_funds'),
      }, { requiredKeys: ['status', 'paid'] }),
    }),
  },
);

/** One step, with the store's own guards: it sends only what may be sent, and records an attempt's end only while one is under way. */
function take(intent: Intent, now: number, action: Exclude<Step, { do: 'wait' }>): Intent {
  const seen = asOf(intent, now);
  switch (action.do) {
    case 'cancel': return seen.status === 'pending' ? cancel(seen, action.reason, now) : seen;
    case 'sweep': return intent.status === 'pending' ? expire(intent, now) : intent;
    case 'send': return maySubmit(seen, now) ? beginSubmission(seen, { now, leaseMs }) : seen;
    case 'unknown': return seen.submission === 'submitting' ? submissionUnknown(seen, now, action.delayMs) : seen;
    case 'refuse': return seen.submission === 'submitting' ? submissionRefused(seen, now) : seen;
    case 'tell': {
      const said = aPayment(seen, { shopId: expected.shopId, ...action.payment });
      return apply(seen, said, outcomeOf(seen, said, differences(seen, said, expected)), { now, confirmLate: action.confirmLate });
    }
  }
}

function eachStep(steps: readonly Step[], check: Check): void {
  let now = start;
  let intent: Intent = fresh;
  for (const action of steps) {
    if (action.do === 'wait') now += action.ms;
    const before = asOf(intent, action.do === 'wait' ? now - action.ms : now);
    if (action.do !== 'wait') intent = take(intent, now, action);
    check(before, asOf(intent, now), action, now);
  }
}

type Check = (before: Intent, after: Intent, action: Step, now: number) => void;

function anySequence(check: Check): () => void {
  return () => fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => eachStep(steps, check)), { numRuns: 1500 });
}

const movesForward: Check = (before, after, action) => {
  if (after.status === before.status) {
    expect(after.failureReason).toBe(before.failureReason);
  } else if (before.status !== 'pending') {
    expect(before.status === 'expired' || ['canceled_by_customer', 'superseded'].includes(before.failureReason!)).toBe(true);
    expect(after.status).toBe('confirmed');
    expect(action).toMatchObject({ do: 'tell', confirmLate: true });
  }
};

const confirmsOnMoneyOnly: Check = (before, after, action) => {
  if (after.status !== 'confirmed' || before.status === 'confirmed') return;
  if (action.do !== 'tell') throw new Error(`confirmed by ${action.do}`);
  const payment = aPayment(before, { shopId: expected.shopId, ...action.payment });
  expect(payment).toMatchObject({
    status: 'succeeded', paid: true, test: false, amountMinor: before.amountMinor, currency: before.currency, shopId: expected.shopId, intentId: before.id,
  });
};

const keepsTheUnknownApart: Check = (before, after, action, now) => {
  if (action.do === 'unknown') expect(after.status).toBe(before.status);
  if (action.do === 'send' && after.attempts > before.attempts) expect(now - after.firstAttemptAt!).toBeLessThan(resubmitLimitMs);
  if (after.submission === 'submitting') expect(after.nextActionAt! - after.firstAttemptAt!).toBeLessThan(resubmitLimitMs + leaseMs);
  if (before.firstAttemptAt !== undefined) expect(after.firstAttemptAt).toBe(before.firstAttemptAt);
  expect(after.pspRequest).toBe(before.pspRequest);
};

const sent: readonly Submission[] = ['submitting', 'attached', 'refused', 'abandoned'];

const fitsTheTable: Check = (before, after) => {
  expect(after.status === 'confirmed').toBe(after.confirmedAt !== undefined);
  expect(after.status === 'failed').toBe(after.failureReason !== undefined);
  expect(after.submission === 'attached').toBe(after.pspPaymentId !== undefined);
  if (sent.includes(before.submission)) expect(sent).toContain(after.submission);
  if (before.submission === 'attached') expect(after.submission).toBe('attached');
  for (const field of ['id', 'sessionId', 'amountMinor', 'currency', 'provider', 'createdAt', 'expiresAt'] as const) expect(after[field]).toBe(before[field]);
};

describe('any sequence of events', () => {
  test('P8 only moves the public status forward; the one way back is late money for what we ended ourselves', () => {
    expect(anySequence(movesForward)).not.toThrow();
  });
  test('P7 confirms only on a payment that succeeded, is paid, and differs in nothing', () => {
    expect(anySequence(confirmsOnMoneyOnly)).not.toThrow();
  });
  test('P10 never fails an intent whose outcome is unknown, and never sends it again 20 h after the first time', () => {
    expect(anySequence(keepsTheUnknownApart)).not.toThrow();
  });
  test('keeps what the database checks, and what is fixed at the creation', () => {
    expect(anySequence(fitsTheTable)).not.toThrow();
  });
});
