/** A customer has the paint measured. */
import { expect, test } from '@jest/globals';
import { startStack } from '@kiosk/stack';
import { createHash } from 'node:crypto';
import { createClock } from './clock.ts';
import { kioskAt, prices } from './kiosk.ts';
import { emailsIn, textMessagesIn } from './outbox.ts';

test('D1 D8 a thickness visit ends with a PDF that is the same whenever it is fetched, and with its deliveries', async () => {
  const clock = createClock();
  await using stack = await startStack({ now: clock.now, settings: { PAYMENT_POLL_INTERVAL_MS: '50' } });
  const kiosk = kioskAt(stack.url);
  const session = await kiosk.openSession({ type: 'thickness', kioskId: 'kiosk-7', metadata: { bay: 2 } });
  const intent = await kiosk.openIntent(session, prices.thickness, 'visit-2');
  clock.pass(2000);
  expect(await kiosk.untilFinal(intent.intentId)).toMatchObject({ status: 'confirmed' });
  await kiosk.must(200, kiosk.post(`/api/sessions/${session.id}/complete`, { metadata: { measured: true } }));

  const report = await kiosk.must(201, kiosk.requestReport(session, 'thickness-solaris', { email: 'owner@example.com', phone: '+7 900 123-45-67' }));
  const { bytes } = await kiosk.pdf(report);
  expect(bytes.subarray(0, 5).toString()).toBe('%PDF-');
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(report.sha256);
  await stack.restart('reporting');
  expect((await kiosk.pdf(report)).bytes.equals(bytes)).toBe(true);

  await kiosk.untilSent(report.reportId);
  const [email] = await emailsIn(stack.storagePath);
  expect(email?.attachments[0]?.content.equals(bytes)).toBe(true);
  expect(textMessagesIn(stack.storagePath)).toEqual([expect.stringContaining('+79001234567')]);
  expect(await kiosk.session(session.id)).toMatchObject({ status: 'completed', metadata: { bay: 2, measured: true }, kioskId: 'kiosk-7' });
});

test('a car whose paint is thick from the factory is measured like any other', async () => {
  await using stack = await startStack();
  const kiosk = kioskAt(stack.url);
  const session = await kiosk.openSession({ type: 'thickness' });
  const report = await kiosk.must(201, kiosk.requestReport(session, 'thickness-dokker-thick-factory', { email: 'owner@example.com' }));
  expect((await kiosk.pdf(report)).bytes.subarray(0, 5).toString()).toBe('%PDF-');
  await kiosk.untilSent(report.reportId);
  expect(await emailsIn(stack.storagePath)).toHaveLength(1);
});
