import { expect, test } from '@jest/globals';
import { conflict, type Fault } from '@kiosk/fault';
import fc from 'fast-check';
import { asOf, checkFailureReason, finish, openSession, refuseFinal, type Session, type SessionStatus } from './session.ts';

const openedAt = 1_000_000;
const ttlMs = 60_000;

function opened(overrides: Partial<Parameters<typeof openSession>[0]> = {}): Session {
  return openSession({ id: 'ses_1', type: 'thickness', contact: {}, metadata: {}, ttlMs, now: openedAt, ...overrides });
}

function thrown(run: () => unknown): Fault {
  try {
    run();
  } catch (error) {
    return error as Fault;
  }
  throw new Error('it was expected to fail');
}

/** What a step answers, or the fault it throws. */
function outcome(step: () => unknown): unknown {
  try {
    return step();
  } catch (error) {
    return error;
  }
}

function refusal(status: SessionStatus): Fault {
  return conflict('session_final', `The session is ${status} and can no longer change.`);
}

const finals = ['completed', 'expired', 'failed'] as const;

test('a session opens as active and ends at its time to live', () => {
  expect(opened({ kioskId: 'kiosk-7' })).toEqual({
    id: 'ses_1', type: 'thickness', status: 'active', contact: {}, metadata: {}, kioskId: 'kiosk-7',
    createdAt: openedAt, updatedAt: openedAt, expiresAt: openedAt + ttlMs,
  });
});

test.each([999, 0, -1, 86_400_001, 1000.5, NaN, Infinity, Number.MAX_SAFE_INTEGER])('a time to live of %p ms is refused', (bad) => {
  expect(thrown(() => opened({ ttlMs: bad }))).toMatchObject({ kind: 'invalid', reason: 'invalid_ttl', errors: [{ path: 'ttlMs' }] });
});

test.each([1000, 86_400_000])('a time to live of %p ms is taken', (good) => {
  expect(opened({ ttlMs: good }).expiresAt).toBe(openedAt + good);
});

test.each(['', 'a b', 'киоск', 'a/b', 'a\n', 'x'.repeat(65)])('the kiosk id %j is refused', (kioskId) => {
  expect(thrown(() => opened({ kioskId }))).toMatchObject({ kind: 'invalid', reason: 'invalid_kiosk_id' });
});

test.each(finals)('S1 an active session can become %s, and says when', (status) => {
  const after = finish(opened(), status, { now: openedAt + 5, failureReason: status === 'failed' ? 'scanner lost' : undefined });
  expect(after).toMatchObject({ status, updatedAt: openedAt + 5 });
  expect(after.completedAt).toBe(status === 'completed' ? openedAt + 5 : undefined);
  expect(after.failureReason).toBe(status === 'failed' ? 'scanner lost' : undefined);
});

test.each(finals.flatMap((from) => finals.map((to) => [from, to] as const)))('S1 %s → %s', (from, to) => {
  const session = finish(opened(), from, { now: openedAt + 5, failureReason: 'first' });
  const step = () => finish(session, to, { now: openedAt + 9, failureReason: 'second', metadata: { changed: true } });
  expect(outcome(step)).toEqual(from === to ? session : refusal(from));
});

test.each<[SessionStatus, boolean]>([['active', false], ['completed', true], ['expired', true], ['failed', true]])('S1 a change of a session that is %s is refused: %p', (status, refused) => {
  expect(outcome(() => refuseFinal({ ...opened(), status }))).toEqual(refused ? refusal(status) : undefined);
});

test.each<[string, number, SessionStatus]>([['before', -1, 'active'], ['at', 0, 'expired'], ['after', 1, 'expired']])('S2 %s its time a session is as it is', (_, offset, status) => {
  const session = opened();
  const now = session.expiresAt + offset;
  expect(asOf(session, now).status).toBe(status);
  expect(asOf(session, now).updatedAt).toBe(status === 'expired' ? session.expiresAt : openedAt);
});

// A visit as a sequence of what may happen to it, at any time and in any order.
const steps = fc.array(fc.oneof(
  fc.record({ verb: fc.constantFrom(...finals), afterMs: fc.nat(2 * ttlMs) }),
  fc.record({ verb: fc.constant('look' as const), afterMs: fc.nat(2 * ttlMs) }),
), { maxLength: 12 });

test('S1 S2 whatever happens and whenever: at most one final state, which never changes, and never a completion after the end', () => {
  fc.assert(fc.property(steps, (happenings) => {
    let now = openedAt;
    let stored = opened();
    let final: Session | undefined;
    for (const { verb, afterMs } of happenings) {
      now += afterMs;
      const before = asOf(stored, now);
      const after = verb === 'look' ? before : outcome(() => finish(before, verb, { now, failureReason: 'because' }));
      // Only from another final state is a verb refused.
      expect(after instanceof Error).toBe(verb !== 'look' && before.status !== 'active' && before.status !== verb);
      if (verb !== 'look' && !(after instanceof Error)) stored = after as Session;
      const seen = asOf(stored, now);
      expect(seen.status === 'active').toBe(final === undefined && now < stored.expiresAt && stored.status === 'active');
      if (seen.status !== 'active') final ??= seen;
      expect(seen).toEqual(final ?? stored);
      expect(seen.completedAt ?? -1).toBeLessThan(seen.expiresAt);
      expect(seen.updatedAt).toBeGreaterThanOrEqual(seen.createdAt);
      expect(seen.updatedAt).toBeLessThanOrEqual(now);
    }
  }));
});

test.each(['', '   ', 'x'.repeat(201), 'a\r\nb', 'a\u0000b', 'a\u007fb'])('the reason %j for a failure is refused', (reason) => {
  expect(thrown(() => checkFailureReason(reason))).toMatchObject({ kind: 'invalid', reason: 'invalid_reason' });
});

test('a reason is kept without the blanks around it', () => {
  expect(checkFailureReason(' сканер не отвечает ')).toBe('сканер не отвечает');
  expect(checkFailureReason('x'.repeat(200))).toHaveLength(200);
});
