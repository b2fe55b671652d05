/** kill -9 of real processes in the middle of a visit. */
import { expect, test } from '@jest/globals';
import { startProcesses } from '@kiosk/stack';
import { randomUUID } from 'node:crypto';
import { kioskAt, prices, type Intent, type Kiosk, type Session } from './kiosk.ts';
import { emailsIn, textMessagesIn } from './outbox.ts';
import { until } from './until.ts';

const settings = { DEV_AUTO_CONFIRM_DELAY_MS: '300', PAYMENT_POLL_INTERVAL_MS: '50' };

test.each(['sessions', 'payments', 'reporting', 'gateway'] as const)('P12 D7 kill -9 of %s after each step of a visit loses nothing that was answered', async (name) => {
  await using processes = await startProcesses({ settings });
  const kiosk = kioskAt(processes.url);
  const kill = async (): Promise<void> => {
    await processes.kill(name, 'SIGKILL');
    await processes.up(name);
  };

  const session = await kiosk.openSession({ type: 'diagnostics', contact: { email: 'owner@example.com' }, metadata: { bay: 2 } });
  await kill();
  expect(await kiosk.again(() => kiosk.get(`/api/sessions/${session.id}`))).toEqual(session);

  const key = randomUUID();
  const intent = await kiosk.again(() => kiosk.requestIntent(session, prices.diagnostics, key));
  await kill();
  expect(await kiosk.again(() => kiosk.get<Intent>(`/api/payments/intent/${intent.intentId}`))).toMatchObject({ amount: prices.diagnostics, sessionId: session.id });
  const paid = await until(() => kiosk.get<Intent>(`/api/payments/intent/${intent.intentId}`).catch(() => undefined), (answer) => answer?.body.status === 'confirmed');
  expect(paid?.status).toBe(200);

  const { reportId, sha256 } = await kiosk.again(() => kiosk.requestReport(session, 'diagnostics-granta'));
  await kill();
  await until(
    () => kiosk.get<{ deliveries?: { status: string }[] }>(`/api/reports/${reportId}`).catch(() => undefined),
    (answer) => answer?.body.deliveries?.length === 2 && answer.body.deliveries.every(({ status }) => status === 'sent'),
  );
  expect((await kiosk.pdf(await kiosk.report(reportId))).headers.get('etag')).toBe(`"${sha256}"`);
  // A delivery that was under way may be repeated, never absent (D4).
  expect(new Set((await emailsIn(processes.storagePath)).map(({ messageId }) => messageId)).size).toBe(1);
  expect(textMessagesIn(processes.storagePath).length).toBeGreaterThanOrEqual(1);
  expect(await kiosk.again(() => kiosk.post<Session>(`/api/sessions/${session.id}/complete`))).toMatchObject({ status: 'completed' });
  expect(await kiosk.paymentsOf(session)).toHaveLength(1);
});

test('P1 P12 kill -9 at any moment under load: every answered intent is there, every key has one intent', async () => {
  await using processes = await startProcesses({ settings: { ...settings, DEV_MANUAL_MODE: 'true' } });
  const kiosk = kioskAt(processes.url);
  const opened: { session: Session; intents: Intent[] }[] = [];
  let done = false;
  const visits = [0, 1, 2, 3].map(async () => {
    while (!done) opened.push(await visit(kiosk));
  });
  for (const name of ['payments', 'sessions', 'payments', 'gateway', 'payments'] as const) {
    const before = opened.length;
    await until(() => opened.length, (count) => count >= before + 3);
    await processes.kill(name, 'SIGKILL');
    await processes.up(name);
  }
  done = true;
  await Promise.all(visits);
  expect(opened.length).toBeGreaterThanOrEqual(15);
  for (const { session, intents } of opened) {
    expect(new Set(intents.map(({ intentId }) => intentId)).size).toBe(1);
    expect(await kiosk.session(session.id)).toMatchObject({ metadata: session.metadata, status: 'active' });
    expect((await kiosk.paymentsOf(session)).map(({ intentId, status }) => [intentId, status])).toEqual([[intents[0]?.intentId, 'pending']]);
  }
});

/** A session and its intent, which is asked for three times with one key. */
async function visit(kiosk: Kiosk): Promise<{ session: Session; intents: Intent[] }> {
  const key = randomUUID();
  const session = await kiosk.again(() => kiosk.post<Session>('/api/sessions', { type: 'thickness', metadata: { key } }));
  const intents = await Promise.all([1, 2, 3].map(() => kiosk.again(() => kiosk.requestIntent(session, prices.thickness, key))));
  return { session, intents };
}
