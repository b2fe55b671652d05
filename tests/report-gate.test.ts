/** Who gets a report. */
import { expect, test } from '@jest/globals';
import { startStack } from '@kiosk/stack';
import { expectProblem, kioskAt, prices } from './kiosk.ts';
import { emailsIn } from './outbox.ts';

test('D2 where payment is required an unpaid session gets 402 and nothing is made or sent; once paid it gets its report', async () => {
  await using stack = await startStack({ settings: { REPORTS_REQUIRE_PAYMENT: 'true', DEV_MANUAL_MODE: 'true' } });
  const kiosk = kioskAt(stack.url);
  const session = await kiosk.openSession({ type: 'thickness' });
  expectProblem(await kiosk.requestReport(session, 'thickness-solaris'), { status: 402, reason: 'payment_required' });
  const { intentId } = await kiosk.openIntent(session, prices.thickness);
  expectProblem(await kiosk.requestReport(session, 'thickness-solaris'), { status: 402, reason: 'payment_required' });
  expect(await kiosk.must(200, kiosk.get(`/api/reports/session/${session.id}`))).toMatchObject({ count: 0 });
  await kiosk.must(200, kiosk.post(`/api/payments/confirm/${intentId}`));
  const report = await kiosk.must(201, kiosk.requestReport(session, 'thickness-solaris', { email: 'owner@example.com' }));
  await kiosk.untilSent(report.reportId);
  expect(await emailsIn(stack.storagePath)).toHaveLength(1);
});

test('a session that failed gets no report, one that is completed does', async () => {
  await using stack = await startStack();
  const kiosk = kioskAt(stack.url);
  const failed = await kiosk.openSession({ type: 'diagnostics' });
  await kiosk.must(200, kiosk.post(`/api/sessions/${failed.id}/fail`, { reason: 'scanner_lost' }));
  expectProblem(await kiosk.requestReport(failed, 'diagnostics-granta'), { status: 409, reason: 'session_final' });
  const completed = await kiosk.openSession({ type: 'diagnostics' });
  await kiosk.must(200, kiosk.post(`/api/sessions/${completed.id}/complete`));
  expect(await kiosk.must(201, kiosk.requestReport(completed, 'diagnostics-granta'))).toMatchObject({ status: 'ready' });
});

test('a report that is asked for again with the same key is the same report', async () => {
  await using stack = await startStack();
  const kiosk = kioskAt(stack.url);
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const { data } = { data: { sessionId: session.id, vehicleMake: 'LADA', vehicleModel: 'Vesta', dtcCodes: [], timestamp: '2026-11-20T09:41:12Z' } };
  const request = (body: object) => kiosk.post<{ reportId: string }>('/api/reports/diagnostics', body, { 'idempotency-key': 'report-1' });
  const first = await kiosk.must(201, request({ data }));
  const again = await request({ data });
  expect([again.status < 300, again.body.reportId]).toEqual([true, first.reportId]);
  expectProblem(await request({ data: { ...data, vehicleModel: 'Niva' } }), { status: 422, reason: 'idempotency_key_reused' });
  expect(await kiosk.must(200, kiosk.get(`/api/reports/session/${session.id}`))).toMatchObject({ count: 1 });
});
