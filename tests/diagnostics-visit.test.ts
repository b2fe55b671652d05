/** A customer has the car's electronics read: from the first touch of the screen to the report in their mailbox. */
import { expect, test } from '@jest/globals';
import { startStack } from '@kiosk/stack';
import { createHash } from 'node:crypto';
import { createClock } from './clock.ts';
import { kioskAt, prices } from './kiosk.ts';
import { emailsIn, textMessagesIn } from './outbox.ts';

test('D1 a diagnostics visit ends with a PDF, an e-mail that carries it and a text message', async () => {
  const clock = createClock();
  await using stack = await startStack({ now: clock.now, settings: { PAYMENT_POLL_INTERVAL_MS: '50' } });
  const kiosk = kioskAt(stack.url);

  const session = await kiosk.openSession({ type: 'diagnostics', contact: { email: 'Ivan.Petrov@Example.com', phone: '8 (912) 345-67-89' } });
  expect(session).toMatchObject({ status: 'active', contact: { email: 'ivan.petrov@example.com', phone: '+79123456789' } });

  const intent = await kiosk.openIntent(session, prices.diagnostics, 'visit-1');
  expect(intent).toMatchObject({ status: 'pending', amount: 48_000, qrCodeData: expect.stringMatching(/^https:/) });
  expect((await kiosk.get<{ status: string }>(`/api/payments/status/${intent.intentId}`)).body).toMatchObject({ status: 'pending', final: false });
  clock.pass(2000);
  expect(await kiosk.untilFinal(intent.intentId)).toMatchObject({ status: 'confirmed' });

  const created = await kiosk.requestReport(session, 'diagnostics-granta');
  expect(created.status).toBe(201);
  const report = created.body;
  expect(report).toMatchObject({ sessionId: session.id, type: 'diagnostics', status: 'ready' });
  expect(report.pages).toBeGreaterThanOrEqual(1);
  expect(report.deliveries.map(({ channel }) => channel).toSorted()).toEqual(['email', 'sms']);
  expect(JSON.stringify(report)).not.toMatch(/ivan\.petrov@|9123456789/);

  const { bytes, headers } = await kiosk.pdf(report);
  expect(bytes.subarray(0, 5).toString()).toBe('%PDF-');
  expect(headers.get('content-type')).toBe('application/pdf');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect(report.sha256).toBe(sha256);
  expect(headers.get('etag')).toBe(`"${sha256}"`);
  expect((await kiosk.get(report.pdfUrl, { 'if-none-match': `"${sha256}"` })).status).toBe(304);

  await kiosk.untilSent(report.reportId);
  const emails = await emailsIn(stack.storagePath);
  expect(emails).toHaveLength(1);
  expect(emails[0]).toMatchObject({ to: { text: 'ivan.petrov@example.com' }, subject: expect.stringMatching(/[А-я]/) });
  expect(emails[0]?.attachments.map(({ contentType, content }) => [contentType, content.equals(bytes)])).toEqual([['application/pdf', true]]);
  const messages = textMessagesIn(stack.storagePath);
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain('+79123456789');

  await kiosk.must(200, kiosk.post(`/api/sessions/${session.id}/complete`));
  expect(await kiosk.must(200, kiosk.get(`/api/reports/session/${session.id}`))).toMatchObject({ count: 1, reports: [{ reportId: report.reportId }] });
});

test('a car without faults gets a report as well, sent to the e-mail alone', async () => {
  await using stack = await startStack();
  const kiosk = kioskAt(stack.url);
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const report = await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-camry-clean'));
  await kiosk.untilSent(report.reportId);
  expect((await kiosk.pdf(report)).bytes.subarray(0, 5).toString()).toBe('%PDF-');
  expect((await emailsIn(stack.storagePath)).map(({ to }) => [to].flat().map((address) => address?.text))).toEqual([['client@example.com']]);
  expect(textMessagesIn(stack.storagePath)).toEqual([]);
});

test('the session\'s contact is where the report goes when nothing else is said', async () => {
  await using stack = await startStack();
  const kiosk = kioskAt(stack.url);
  const session = await kiosk.openSession({ type: 'diagnostics', contact: { email: 'owner@example.com' } });
  const report = await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-camry-clean', null));
  await kiosk.untilSent(report.reportId);
  expect((await emailsIn(stack.storagePath)).map(({ to }) => [to].flat().map((address) => address?.text))).toEqual([['owner@example.com']]);
});

test('a report is sent again, and somewhere else, when the customer asks', async () => {
  await using stack = await startStack();
  const kiosk = kioskAt(stack.url);
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const report = await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-camry-clean'));
  await kiosk.must(202, kiosk.post(`/api/reports/${report.reportId}/deliver`, { email: 'spouse@example.com', phone: '+79000000001' }));
  const { deliveries } = await kiosk.untilSent(report.reportId);
  expect(deliveries.map(({ channel }) => channel).toSorted()).toEqual(['email', 'email', 'sms']);
  const recipients = (await emailsIn(stack.storagePath)).map(({ to }) => String([to].flat()[0]?.text));
  expect(recipients.toSorted()).toEqual(['client@example.com', 'spouse@example.com']);
  expect(textMessagesIn(stack.storagePath)).toHaveLength(1);
});
