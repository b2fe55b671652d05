import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { readMail, type FaultInput } from '@kiosk/outbox';
import { describe, expect, test } from '@jest/globals';
import { createSendgridEmail, type SendgridOptions } from './email-sendgrid.ts';
import { isSignedBySendgrid, readSendgridReports } from './sendgrid-callback.ts';
import { message, outcome, patienceMs, patienceMsFor, signal, startOutbox, type Outbox } from './testing-providers.ts';

const apiKey = 'SG.key-of-the-pretend-account';

function sendgridAt(apiUrl: string, change: Partial<SendgridOptions> = {}) {
  return createSendgridEmail({ apiUrl, apiKey, timeoutMs: patienceMs, ...change });
}

async function struck(fault: FaultInput): Promise<{ first: string; kept: number; outbox: Outbox }> {
  await using outbox = await startOutbox({ sendgridKey: apiKey });
  outbox.faults.add(fault);
  const first = await outcome(sendgridAt(outbox.httpUrl, { timeoutMs: patienceMsFor(fault) }).send(message, { signal }));
  const kept = outbox.mails().length;
  expect(await outcome(sendgridAt(outbox.httpUrl).send(message, { signal }))).toBe('sent');
  return { first, kept, outbox };
}

test('D4 a message arrives as it was written, with its Message-ID and delivery, and nobody is followed', async () => {
  await using outbox = await startOutbox({ sendgridKey: apiKey });
  const { providerId } = await sendgridAt(outbox.httpUrl).send(message, { signal });
  const [mail] = outbox.mails();
  expect(mail).toMatchObject({ provider: 'sendgrid', from: 'reports@kiosk.example', to: ['ivan@example.com'], messageId: providerId });
  expect(await readMail(mail!)).toMatchObject({
    subject: message.subject, from: 'Проверка автомобиля <reports@kiosk.example>', text: message.text, html: message.html,
    attachments: [{ filename: 'otchet-K3F9XQ2A.pdf', contentType: 'application/pdf', content: Buffer.from(message.attachment.content) }],
  });
  expect(JSON.parse(mail!.raw.toString())).toMatchObject({
    headers: { 'Message-ID': '<dlv_1@kiosk.example>' }, custom_args: { delivery_id: 'dlv_1' },
    tracking_settings: { click_tracking: { enable: false }, open_tracking: { enable: false } },
  });
});

describe('D4 D5 what went wrong', () => {
  test.each<[FaultInput, string, number]>([
    [{ on: 'sendgrid', kind: 'reply', code: 400 }, 'permanent message_refused', 0],
    [{ on: 'sendgrid', kind: 'reply', code: 413 }, 'permanent message_refused', 0],
    [{ on: 'sendgrid', kind: 'reply', code: 401 }, 'temporary credentials_refused', 0],
    [{ on: 'sendgrid', kind: 'reply', code: 403 }, 'temporary credentials_refused', 0],
    [{ on: 'sendgrid', kind: 'refuse' }, 'temporary sender_refused', 0],
    [{ on: 'sendgrid', kind: 'reply', code: 404 }, 'temporary provider_unavailable', 0],
    [{ on: 'sendgrid', kind: 'too_many' }, 'temporary rate_limited', 0],
    [{ on: 'sendgrid', kind: 'error_500' }, 'temporary provider_unavailable', 0],
    [{ on: 'sendgrid', kind: 'reply', code: 503 }, 'temporary provider_unavailable', 0],
    [{ on: 'sendgrid', kind: 'reply', code: 504 }, 'ambiguous timeout', 0],
    [{ on: 'sendgrid', kind: 'hang' }, 'ambiguous timeout', 0],
    [{ on: 'sendgrid', kind: 'reset' }, 'ambiguous connection_lost', 0],
    [{ on: 'sendgrid', kind: 'garbage' }, 'ambiguous answer_unreadable', 0],
    [{ on: 'sendgrid', kind: 'accept_then_drop' }, 'ambiguous connection_lost', 1],
    [{ on: 'sendgrid', kind: 'accept_then_hang' }, 'ambiguous timeout', 1],
  ])('%j: %s', async (fault, first, kept) => {
    expect(await struck(fault)).toMatchObject({ first, kept });
  });

  test('a wrong key is refused without a word of it', async () => {
    await using outbox = await startOutbox({ sendgridKey: apiKey });
    const error = await sendgridAt(outbox.httpUrl, { apiKey: 'SG.wrong-secret' }).send(message, { signal }).catch((reason: unknown) => reason) as Error;
    expect(error).toMatchObject({ kind: 'temporary', reason: 'credentials_refused' });
    expect([error, error.cause].map((each) => String((each as Error).stack)).join()).not.toContain('wrong-secret');
  });

  test('D3 nobody there: not heard, so not ambiguous', async () => {
    await using outbox = await startOutbox();
    await outbox.down('http');
    expect(await outcome(sendgridAt(outbox.httpUrl).send(message, { signal }))).toBe('temporary provider_unavailable');
    expect(await outcome(sendgridAt('http://no-such-host.invalid').send(message, { signal }))).toBe('temporary provider_unavailable');
  });
});

test('no redirect carries the key elsewhere, and an answer without end is given up on', async () => {
  const heard: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    heard.push(request.url);
    request.resume();
    if (request.url === '/elsewhere') response.writeHead(202).end();
    else if (request.url?.startsWith('/endless')) response.writeHead(202).write(Buffer.alloc(1024 * 1024));
    else response.writeHead(307, { location: '/elsewhere' }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    expect(await outcome(sendgridAt(url).send(message, { signal }))).toBe('temporary provider_unavailable');
    expect(heard).toEqual(['/v3/mail/send']);
    expect(await outcome(sendgridAt(`${url}/endless`).send(message, { signal }))).toBe('ambiguous answer_unreadable');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('its events are believed only with its signature over the very bytes, and name the delivery', async () => {
  const heard: { body: Buffer; timestamp: string; signature: string }[] = [];
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      const header = (name: string) => String(request.headers[`x-twilio-email-event-webhook-${name}`]);
      heard.push({ body: Buffer.concat(chunks as Buffer[]), timestamp: header('timestamp'), signature: header('signature') });
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using outbox = await startOutbox({ sendgridWebhookUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
  const { providerId } = await sendgridAt(outbox.httpUrl).send(message, { signal });
  for (const event of ['processed', 'delivered', 'bounce']) await outbox.deliver(providerId!, event);
  server.close();
  const { sendgridPublicKey: publicKey } = outbox;
  for (const { body, timestamp, signature } of heard) {
    expect(isSignedBySendgrid({ publicKey, timestamp, body, signature })).toBe(true);
    expect(isSignedBySendgrid({ publicKey, timestamp, body: Buffer.concat([body, Buffer.from(' ')]), signature })).toBe(false);
    expect(isSignedBySendgrid({ publicKey, timestamp: `${timestamp}0`, body, signature })).toBe(false);
    expect(isSignedBySendgrid({ publicKey, timestamp, body, signature: '' })).toBe(false);
  }
  expect(heard.map(({ body }) => readSendgridReports(JSON.parse(body.toString())))).toEqual([
    [], [{ providerId, deliveryId: 'dlv_1', outcome: 'delivered' }], [{ providerId, deliveryId: 'dlv_1', outcome: 'undelivered' }],
  ]);
  expect(readSendgridReports([{ event: 'delivered' }, null, 7])).toEqual([]);
  expect(readSendgridReports('nonsense')).toEqual([]);
});
