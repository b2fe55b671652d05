import { expect, test } from '@jest/globals';
import { Fault, conflict, invalid, notFound } from './fault.ts';

test('a fault is an error with a kind and a reason', () => {
  const cause = new Error('why');
  const fault = new Fault({ kind: 'exhausted', reason: 'too_many_intents', message: 'Too many.', retryAfterMs: 2000, cause });
  expect(fault).toBeInstanceOf(Error);
  expect(fault).toMatchObject({ name: 'Fault', kind: 'exhausted', reason: 'too_many_intents', message: 'Too many.', retryAfterMs: 2000, errors: [], cause });
});

test('a fault without a cause has none', () => {
  expect(Object.hasOwn(new Fault({ kind: 'internal', reason: 'internal', message: '' }), 'cause')).toBe(false);
});

test('invalid names the field that breaks the rule, where there is one', () => {
  expect(invalid('invalid_ttl', 'ttlMs is too long.', 'ttlMs')).toMatchObject({
    kind: 'invalid', reason: 'invalid_ttl', message: 'ttlMs is too long.', errors: [{ path: 'ttlMs', message: 'ttlMs is too long.' }],
  });
  expect(invalid('invalid_json', 'The body is no JSON.').errors).toEqual([]);
});

test.each([[notFound, 'not_found'], [conflict, 'conflict']] as const)('%p makes a fault of kind %s', (make, kind) => {
  expect(make('some_reason', 'Some words.')).toMatchObject({ kind, reason: 'some_reason', message: 'Some words.' });
});
