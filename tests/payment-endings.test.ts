/** The ways in which a payment ends. */
import { expect, test } from '@jest/globals';
import { startStack } from '@kiosk/stack';
import { createClock } from './clock.ts';
import { expectProblem, kioskAt, prices, type Intent } from './kiosk.ts';

const price = prices.diagnostics;

async function manualStack(settings: Record<string, string> = {}) {
  const clock = createClock();
  const stack = await startStack({ now: clock.now, settings: { DEV_MANUAL_MODE: 'true', PAYMENT_POLL_INTERVAL_MS: '50', ...settings } });
  return { stack, clock, kiosk: kioskAt(stack.url), [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}

test('in manual mode nothing is paid until somebody confirms; confirming again answers the same', async () => {
  await using test = await manualStack();
  const { kiosk, clock } = test;
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const { intentId } = await kiosk.openIntent(session, price);
  clock.pass(60_000);
  expect(await kiosk.intent(intentId)).toMatchObject({ status: 'pending' });
  const confirmed = await kiosk.must(200, kiosk.post<Intent>(`/api/payments/confirm/${intentId}`));
  expect(confirmed).toMatchObject({ status: 'confirmed', confirmedAt: expect.any(String) });
  expect(await kiosk.must(200, kiosk.post<Intent>(`/api/payments/confirm/${intentId}`))).toMatchObject({ status: 'confirmed' });
});

test('the same amount again answers the pending intent; another amount replaces it as superseded', async () => {
  await using test = await manualStack();
  const { kiosk } = test;
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const first = await kiosk.openIntent(session, price);
  expect(await kiosk.must(200, kiosk.requestIntent(session, price))).toMatchObject({ intentId: first.intentId });
  const second = await kiosk.openIntent(session, 32_000);
  expect(second.intentId).not.toBe(first.intentId);
  expect(await kiosk.paymentsOf(session)).toMatchObject([
    { intentId: second.intentId, status: 'pending', amount: 32_000 }, { intentId: first.intentId, status: 'failed', failureReason: 'superseded' },
  ]);
});

test('a session that is paid takes no second payment: 409 already_paid', async () => {
  await using test = await manualStack();
  const { kiosk } = test;
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const { intentId } = await kiosk.openIntent(session, price);
  await kiosk.must(200, kiosk.post(`/api/payments/confirm/${intentId}`));
  expectProblem(await kiosk.requestIntent(session, price), { status: 409, reason: 'already_paid' });
  expectProblem(await kiosk.requestIntent(session, 32_000), { status: 409, reason: 'already_paid' });
  expect(await kiosk.paymentsOf(session)).toHaveLength(1);
});

test('a customer cancels a pending payment, twice if they like; a paid one stays paid', async () => {
  await using test = await manualStack();
  const { kiosk } = test;
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const canceled = await kiosk.openIntent(session, price);
  for (let i = 0; i < 2; i++) {
    expect(await kiosk.must(200, kiosk.post(`/api/payments/cancel/${canceled.intentId}`))).toMatchObject({ status: 'failed', failureReason: 'canceled_by_customer' });
  }
  expectProblem(await kiosk.post(`/api/payments/confirm/${canceled.intentId}`), { status: 409 });
  const paid = await kiosk.openIntent(session, price);
  await kiosk.must(200, kiosk.post(`/api/payments/confirm/${paid.intentId}`));
  expectProblem(await kiosk.post(`/api/payments/cancel/${paid.intentId}`), { status: 409 });
  expect(await kiosk.intent(paid.intentId)).toMatchObject({ status: 'confirmed' });
});

test('P8 an intent that nobody pays expires after ten minutes, at the very next read, and is not confirmed any more', async () => {
  await using test = await manualStack();
  const { kiosk, clock } = test;
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const { intentId } = await kiosk.openIntent(session, price);
  clock.pass(590_000);
  expect(await kiosk.intent(intentId)).toMatchObject({ status: 'pending' });
  clock.pass(10_000);
  expect((await kiosk.get(`/api/payments/status/${intentId}`)).body).toMatchObject({ status: 'expired', final: true });
  expectProblem(await kiosk.post(`/api/payments/confirm/${intentId}`), { status: 409 });
  const next = await kiosk.openIntent(session, price);
  expect(next.intentId).not.toBe(intentId);
});

test('a session that expires while its customer pays: the payment counts and the report is made, a new payment is refused', async () => {
  await using test = await manualStack({ REPORTS_REQUIRE_PAYMENT: 'true' });
  const { kiosk, clock } = test;
  const session = await kiosk.openSession({ type: 'diagnostics', ttlMs: 60_000 });
  const unpaid = await kiosk.openSession({ type: 'diagnostics', ttlMs: 60_000 });
  const { intentId } = await kiosk.openIntent(session, price);
  clock.pass(60_000);
  expect(await kiosk.session(session.id)).toMatchObject({ status: 'expired' });
  await kiosk.must(200, kiosk.post(`/api/payments/confirm/${intentId}`));
  expect(await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-camry-clean'))).toMatchObject({ status: 'ready' });
  expectProblem(await kiosk.requestIntent(unpaid, price), { status: 409, reason: 'session_final' });
  expectProblem(await kiosk.requestReport(unpaid, 'diagnostics-camry-clean'), { status: 409, reason: 'session_final' });
});

test('the status tells a client that has it already so, and the QR is served as a picture', async () => {
  await using test = await manualStack();
  const { kiosk } = test;
  const { intentId, qrCodeUrl } = await kiosk.openIntent(await kiosk.openSession({ type: 'diagnostics' }), price);
  const { headers } = await kiosk.get(`/api/payments/status/${intentId}`);
  const etag = headers.get('etag')!;
  expect((await kiosk.get(`/api/payments/status/${intentId}`, { 'if-none-match': etag })).status).toBe(304);
  await kiosk.must(200, kiosk.post(`/api/payments/confirm/${intentId}`));
  expect((await kiosk.get(`/api/payments/status/${intentId}`, { 'if-none-match': etag })).status).toBe(200);
  const svg = await kiosk.get<string>(qrCodeUrl);
  expect([svg.status, svg.headers.get('content-type'), svg.body]).toEqual([200, expect.stringContaining('image/svg+xml'), expect.stringContaining('<svg')]);
  const png = await fetch(`${kiosk.url}/api/payments/qr/${intentId}.png`);
  expect(Buffer.from(await png.arrayBuffer()).subarray(1, 4).toString()).toBe('PNG');
});

test('P12 a payment that is due while the service is down is confirmed when it is back', async () => {
  await using test = await manualStack({ DEV_MANUAL_MODE: 'false', DEV_AUTO_CONFIRM_DELAY_MS: '30000' });
  const { kiosk, clock, stack } = test;
  const { intentId } = await kiosk.openIntent(await kiosk.openSession({ type: 'diagnostics' }), price);
  await stack.stop('payments');
  clock.pass(30_000);
  await stack.start('payments');
  expect(await kiosk.untilFinal(intentId)).toMatchObject({ status: 'confirmed' });
});
