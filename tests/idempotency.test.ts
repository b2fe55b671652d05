/** A kiosk that lost the answer asks again with the same key. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { randomUUID } from 'node:crypto';
import { expectProblem, kioskAt, prices, type Answer, type Intent, type Kiosk } from './kiosk.ts';

let stack: Stack;
let kiosk: Kiosk;
const price = prices.diagnostics;

beforeAll(async () => {
  stack = await startStack({ settings: { DEV_MANUAL_MODE: 'true' } });
  kiosk = kioskAt(stack.url);
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

test('P1 the same key and body again, before and after the money, answer the same intent', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const key = randomUUID();
  const first = await kiosk.openIntent(session, price, key);
  const again = await kiosk.requestIntent(session, price, key);
  expect([again.status, again.body.intentId]).toEqual([expect.any(Number), first.intentId]);
  expect(again.status).toBeLessThan(300);
  await kiosk.must(200, kiosk.post(`/api/payments/confirm/${first.intentId}`));
  const afterwards = await kiosk.requestIntent(session, price, key);
  expect([afterwards.status < 300, afterwards.body.intentId, afterwards.body.status]).toEqual([true, first.intentId, 'confirmed']);
  expect(await kiosk.paymentsOf(session)).toHaveLength(1);
});

test('P1 P3 twenty at once with one key make one intent; each is told of that one or asked to come back', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => kiosk.requestIntent(session, price, key)));
  for (const answer of answers) expectInFlightOrDone(answer);
  const named = new Set(answers.filter(({ status }) => status < 300).map(({ body }) => body.intentId));
  expect(named.size).toBe(1);
  expect((await kiosk.paymentsOf(session)).map(({ intentId }) => intentId)).toEqual([...named]);
});

test('P2 the same key with another amount or session is 422 and changes nothing', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const other = await kiosk.openSession({ type: 'diagnostics' });
  const key = randomUUID();
  await kiosk.openIntent(session, price, key);
  const before = await kiosk.paymentsOf(session);
  expectProblem(await kiosk.requestIntent(session, price + 100, key), { status: 422, reason: 'idempotency_key_reused' });
  expectProblem(await kiosk.requestIntent(other, price, key), { status: 422, reason: 'idempotency_key_reused' });
  expect(await kiosk.paymentsOf(session)).toEqual(before);
  expect(await kiosk.paymentsOf(other)).toEqual([]);
});

test('P2 another order of the fields and other white space are the same body', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const key = { 'idempotency-key': randomUUID() };
  const first = await kiosk.must(201, kiosk.post<Intent>('/api/payments/intent', `{"amount":${price},"currency":"RUB","sessionId":"${session.id}","metadata":{"a":"1","b":"2"}}`, key));
  const again = await kiosk.post<Intent>('/api/payments/intent', `{ "metadata": {"b":"2", "a":"1"},\n "sessionId" : "${session.id}", "currency":"RUB", "amount": ${price} }`, key);
  expect([again.status < 300, again.body.intentId]).toEqual([true, first.intentId]);
});

test('P4 a request that was refused as invalid has not used up its key', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const key = randomUUID();
  expectProblem(await kiosk.requestIntent(session, 1.5, key), { status: 400 });
  expectProblem(await kiosk.requestIntent({ id: 'ses_00000000000000000000000000' }, price, key), { status: 404 });
  await kiosk.openIntent(session, price, key);
});

test('P4 a 503 is not the final answer: the same key works once the service is back', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const key = randomUUID();
  await stack.stop('sessions');
  const { headers, ...refused } = await kiosk.requestIntent(session, price, key);
  await stack.start('sessions');
  expectProblem({ headers, ...refused }, { status: 503 });
  expect(headers.get('retry-after')).toMatch(/^[1-9]/);
  await kiosk.again(() => kiosk.requestIntent(session, price, key));
  expect(await kiosk.paymentsOf(session)).toHaveLength(1);
});

test('P5 twenty at once with keys of their own leave one pending intent, which all of them name', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const answers = await Promise.all(Array.from({ length: 20 }, () => kiosk.requestIntent(session, price, randomUUID())));
  for (const answer of answers) expectInFlightOrDone(answer);
  expect(await kiosk.paymentsOf(session)).toMatchObject([{ status: 'pending' }]);
  expect(new Set(answers.filter(({ status }) => status < 300).map(({ body }) => body.intentId)).size).toBe(1);
});

test('P5 concurrent requests for different amounts leave one pending intent, and the others superseded', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => kiosk.requestIntent(session, n * 1000, randomUUID())));
  expect(answers.every(({ status }) => status < 500)).toBe(true);
  const payments = await kiosk.paymentsOf(session);
  expect(payments.filter(({ status }) => status === 'pending')).toHaveLength(1);
  expect(payments.filter(({ status }) => status !== 'pending').every(({ status, failureReason }) => status === 'failed' && failureReason === 'superseded')).toBe(true);
});

test('a key that is too long or empty is refused', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  expectProblem(await kiosk.requestIntent(session, price, 'k'.repeat(256)), { status: 400 });
  expect(await kiosk.paymentsOf(session)).toEqual([]);
  await kiosk.openIntent(session, price, 'k'.repeat(255));
});

function expectInFlightOrDone(answer: Answer<Intent>): void {
  if (answer.status < 300) return;
  expectProblem(answer, { status: 409, reason: 'request_in_flight' });
  expect(answer.headers.get('retry-after')).toMatch(/^[1-9]/);
}
