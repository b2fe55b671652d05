import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { FaultKind } from './outbox.ts';
import { readMail } from './outbox.ts';
import { startListener, startTestOutbox } from './testing.ts';

const KEY = { sendgridKey: 'SG.secret' };
const BEARER = { authorization: 'Bearer SG.secret' };
const MAIL = {
  personalizations: [{ to: [{ email: 'client@example.org' }] }],
  from: { email: 'kiosk@example.org', name: 'Киоск' },
  subject: 'Отчёт',
  content: [{ type: 'text/plain', value: 'Готово.' }, { type: 'text/html', value: '<b>Готово</b>' }],
  attachments: [{ content: Buffer.from('%PDF-1.7').toString('base64'), filename: 'отчёт.pdf', type: 'application/pdf', disposition: 'attachment' }],
  custom_args: { deliveryId: 'd1' },
};

test('a mail is taken with 202 and an x-message-id, and kept as it came', async () => {
  await using box = await startTestOutbox(KEY);
  const { status, headers, text } = await box.json('/v3/mail/send', MAIL, BEARER);
  expect([status, text]).toEqual([202, '']);
  const [mail] = box.outbox.mails();
  expect(mail).toMatchObject({
    provider: 'sendgrid', from: 'kiosk@example.org', to: ['client@example.org'], messageId: headers.get('x-message-id'), tls: false,
  });
  expect(JSON.parse(mail!.raw.toString())).toEqual(MAIL);
  expect(await readMail(mail!)).toEqual({
    subject: 'Отчёт', from: 'Киоск <kiosk@example.org>', to: 'client@example.org', text: 'Готово.', html: '<b>Готово</b>',
    attachments: [{ filename: 'отчёт.pdf', contentType: 'application/pdf', content: Buffer.from('%PDF-1.7') }],
  });
});

test('an event is signed over its timestamp and its bytes, and carries the custom arguments', async () => {
  await using listener = await startListener();
  await using box = await startTestOutbox({ ...KEY, sendgridWebhookUrl: listener.url });
  const { headers } = await box.json('/v3/mail/send', MAIL, BEARER);
  const messageId = headers.get('x-message-id')!;
  expect(await box.outbox.deliver(messageId, 'bounce')).toEqual({ url: listener.url, answer: 200 });
  const [heard] = listener.heard;
  expect(JSON.parse(heard!.body)).toMatchObject([
    { email: 'client@example.org', event: 'bounce', deliveryId: 'd1', reason: expect.stringContaining('550'), sg_event_id: expect.any(String) },
  ]);
  expect((JSON.parse(heard!.body) as { sg_message_id: string }[])[0]?.sg_message_id).toMatch(new RegExp(`^${messageId}\\.`));
  const key = createPublicKey({ key: Buffer.from(box.outbox.sendgridPublicKey, 'base64'), format: 'der', type: 'spki' });
  const timestamp = String(heard!.headers['x-twilio-email-event-webhook-timestamp']);
  const signature = Buffer.from(String(heard!.headers['x-twilio-email-event-webhook-signature']), 'base64');
  expect(verify('sha256', Buffer.from(timestamp + heard!.body), key, signature)).toBe(true);
  expect(verify('sha256', Buffer.from(`${timestamp}${heard!.body} `), key, signature)).toBe(false);
  expect(box.outbox.mails()).toMatchObject([{ status: 'bounce' }]);
});

test('an event without anybody to hear it, for an SMTP mail, of an unknown kind', async () => {
  await using box = await startTestOutbox();
  await box.json('/v3/mail/send', MAIL, BEARER);
  await box.mail();
  expect(await box.outbox.deliver('1', 'delivered')).toEqual({});
  await expect(box.outbox.deliver('2', 'delivered')).rejects.toThrow('no text or SendGrid mail');
  await expect(box.outbox.deliver('1', 'eaten')).rejects.toThrow('the status is one of');
});

test.each<[string, object, string]>([
  ['no recipient', { personalizations: [{ to: [] }] }, 'personalizations.0.to'], ['no such address', { from: { email: 'x' } }, 'from.email'],
  ['a line feed in the subject', { subject: 'a\nBcc: x@y.z' }, 'subject'], ['no content', { content: [] }, 'content'],
])('%s is HTTP 400 that names the field', async (_what, change, field) => {
  await using box = await startTestOutbox(KEY);
  expect(await box.json('/v3/mail/send', { ...MAIL, ...change }, BEARER)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
  expect(box.outbox.mails()).toEqual([]);
});

test('a wrong key is HTTP 401', async () => {
  await using box = await startTestOutbox(KEY);
  expect((await box.json('/v3/mail/send', MAIL, { authorization: 'Bearer x' })).status).toBe(401);
  expect((await box.json('/v3/mail/send', MAIL)).status).toBe(401);
});

describe('faults', () => {
  test.each<[FaultKind, object | string, number]>([
    ['refuse', { status: 403 }, 0], ['too_many', { status: 429 }, 0], ['error_500', { status: 500 }, 0], ['garbage', { status: 200 }, 0],
    ['reset', 'no answer', 0], ['accept_then_drop', 'no answer', 1],
  ])('%s', async (kind, expected, kept) => {
    await using box = await startTestOutbox();
    box.outbox.faults.add({ on: 'sendgrid', kind, recipient: 'CLIENT@example.org' });
    expect([await box.json('/v3/mail/send', MAIL, BEARER).catch(() => 'no answer')]).toMatchObject([expected]);
    expect(box.outbox.mails()).toHaveLength(kept);
  });
});
