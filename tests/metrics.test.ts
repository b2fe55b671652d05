/** Every figure that the operator's panels show moves when the thing that it counts happens. */
import { expect, test } from '@jest/globals';
import { startStack } from '@kiosk/stack';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClock } from './clock.ts';
import { kioskAt, prices, type Kiosk } from './kiosk.ts';
import { until } from './until.ts';

/** The sum of the samples of `name` whose labels include these; undefined without any. */
function valueIn(page: string, name: string, labels: Record<string, string>): number | undefined {
  const samples = page.split('\n').flatMap((line) => {
    const [, found, text = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return found === name && Object.entries(labels).every(([label, wanted]) => text.includes(`${label}="${wanted}"`)) ? [Number(value)] : [];
  });
  return samples.length === 0 ? undefined : samples.reduce((sum, value) => sum + value);
}

const pageOf = (kiosk: Kiosk) => kiosk.must(200, kiosk.get<string>('/metrics'));

test('every metric of the contract moves with the event that it counts, under its fixed labels', async () => {
  const clock = createClock();
  await using stack = await startStack({ now: clock.now, settings: { PAYMENT_POLL_INTERVAL_MS: '50', SESSION_SWEEP_INTERVAL_MS: '100' } });
  const kiosk = kioskAt(stack.url);

  // A paid diagnostics visit, a thickness visit whose customer cancels, and one that is left standing.
  const diagnostics = await kiosk.openSession({ type: 'diagnostics' });
  const thickness = await kiosk.openSession({ type: 'thickness' });
  await kiosk.openSession({ type: 'thickness', ttlMs: 60_000 });
  expect(valueIn(await pageOf(kiosk), 'sessions_active', { type: 'thickness' })).toBe(2);
  const canceled = await kiosk.openIntent(thickness, prices.thickness);
  await kiosk.must(200, kiosk.post(`/api/payments/cancel/${canceled.intentId}`));
  const paid = await kiosk.openIntent(diagnostics, prices.diagnostics);
  clock.pass(2000);
  await kiosk.untilFinal(paid.intentId);
  const report = await kiosk.must(201, kiosk.requestReport(diagnostics, 'diagnostics-granta'));
  await kiosk.untilSent(report.reportId);
  const measured = await kiosk.must(201, kiosk.requestReport(thickness, 'thickness-solaris', { email: 'owner@example.com' }));
  await kiosk.untilSent(measured.reportId);
  await kiosk.must(200, kiosk.post(`/api/sessions/${diagnostics.id}/complete`));
  await kiosk.must(200, kiosk.post<string>('/api/payments/webhook', { type: 'notification', event: 'payment.succeeded', object: { id: 'stranger' } }));
  clock.pass(60_000);

  const moved: [name: string, labels: Record<string, string>, value: number][] = [
    ['payments_intents_total', { status: 'pending', env: 'DEV' }, 2],
    ['payments_intents_total', { status: 'confirmed', env: 'DEV' }, 1],
    ['payments_confirmed_total', { env: 'DEV' }, 1],
    ['payments_failed_total', { reason: 'canceled_by_customer', env: 'DEV' }, 1],
    ['payments_webhook_received_total', { status: 'accepted' }, 1],
    ['payments_duration_seconds_count', { status: 'confirmed', env: 'DEV' }, 1],
    ['sessions_created_total', { type: 'diagnostics' }, 1],
    ['sessions_created_total', { type: 'thickness' }, 2],
    ['sessions_completed_total', { type: 'diagnostics' }, 1],
    ['sessions_expired_total', { type: 'thickness' }, 1],
    ['sessions_duration_seconds_count', { type: 'diagnostics', status: 'completed' }, 1],
    ['sessions_active', { type: 'thickness' }, 1],
    ['diagnostics_scans_total', { make: 'lada' }, 1],
    ['diagnostics_dtc_found_total', {}, 4],
    ['diagnostics_duration_seconds_count', { make: 'lada' }, 1],
    ['reports_generated_total', { type: 'diagnostics' }, 1],
    ['reports_generated_total', { type: 'thickness' }, 1],
    ['reports_delivered_total', { type: 'diagnostics', method: 'email' }, 1],
    ['reports_delivered_total', { type: 'diagnostics', method: 'sms' }, 1],
    ['reports_delivered_total', { type: 'thickness', method: 'email' }, 1],
  ];
  const figures = (page: string) => moved.map(([name, labels]) => [name, labels, valueIn(page, name, labels)]);
  const expected = JSON.stringify(moved);
  // The sweep records the expiry in its own time.
  const page = await until(() => pageOf(kiosk), (text) => JSON.stringify(figures(text)) === expected).catch(() => pageOf(kiosk));
  expect(figures(page)).toEqual(moved);
});

test('D1 D5 a delivery that could not be made for three days is counted as failed, once', async () => {
  const clock = createClock();
  await using stack = await startStack({ now: clock.now, settings: { DELIVERY_POLL_INTERVAL_MS: '50' } });
  const kiosk = kioskAt(stack.url);
  // Nothing can be written where a file stands in the folder's place.
  const outbox = join(stack.storagePath, 'outbox');
  await rm(outbox, { recursive: true, force: true });
  await writeFile(outbox, '');
  const session = await kiosk.openSession({ type: 'thickness' });
  const { reportId } = await kiosk.must(201, kiosk.requestReport(session, 'thickness-solaris', { email: 'owner@example.com' }));
  await until(() => kiosk.report(reportId), ({ deliveries }) => deliveries[0]?.attempts === 1 && deliveries[0].status === 'queued');
  expect(valueIn(await pageOf(kiosk), 'reports_failed_total', {})).toBeUndefined();
  // Tried again and again: that the machine was off would not count.
  for (let attempts = 2; attempts <= 25; attempts++) {
    clock.pass(3 * 3_600_000);
    await until(() => kiosk.report(reportId), ({ deliveries: [delivery] }) => delivery!.attempts >= attempts && delivery!.status !== 'sending');
  }
  await until(() => kiosk.report(reportId), ({ deliveries }) => deliveries[0]?.status === 'dead');
  expect(valueIn(await pageOf(kiosk), 'reports_failed_total', { type: 'thickness', method: 'email', reason: 'provider_unavailable' })).toBe(1);
});

test('X2 no metric carries an id, an e-mail or a phone', async () => {
  await using stack = await startStack();
  const kiosk = kioskAt(stack.url);
  const session = await kiosk.openSession({ type: 'diagnostics', contact: { email: 'canary@example.com', phone: '+79001234567' }, kioskId: 'canary-kiosk' });
  const { intentId } = await kiosk.openIntent(session, prices.diagnostics);
  const report = await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-granta', { email: 'canary@example.com', phone: '+79001234567' }));
  await kiosk.untilSent(report.reportId);
  await kiosk.get('/api/nothing/canary');
  const page = await pageOf(kiosk);
  expect(page).not.toMatch(/canary|9001234567/);
  for (const id of [session.id, intentId, report.reportId]) expect(page).not.toContain(id);
});
