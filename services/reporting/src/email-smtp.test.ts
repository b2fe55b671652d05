import { readMail, type FaultInput } from '@kiosk/outbox';
import { describe, expect, test } from '@jest/globals';
import { message, outcome, patienceMs, patienceMsFor, signal, smtpTo, startMailServer } from './testing-providers.ts';

test.each(['starttls', 'implicit'] as const)('a message arrives over %s as it was written, and the connection is used again', async (security) => {
  await using server = await startMailServer();
  await using email = smtpTo(server, { security });
  await email.send(message, { signal });
  await email.send({ ...message, messageId: '<dlv_2@kiosk.example>' }, { signal });
  const [mail, second] = server.mails();
  expect(mail).toMatchObject({ from: 'reports@kiosk.example', to: ['ivan@example.com'], messageId: '<dlv_1@kiosk.example>', tls: true, user: 'kiosk' });
  expect(second).toMatchObject({ messageId: '<dlv_2@kiosk.example>' });
  expect(await readMail(mail!)).toMatchObject({
    subject: message.subject, from: '"Проверка автомобиля" <reports@kiosk.example>', to: 'ivan@example.com', text: message.text, html: message.html,
    attachments: [{ filename: 'otchet-K3F9XQ2A.pdf', contentType: 'application/pdf', content: Buffer.from(message.attachment.content) }],
  });
  expect(server.journal().filter(({ on }) => on === 'connect')).toHaveLength(1);
});

test('D4 a message is shaped as decent mail is: plain text and HTML to choose from, the PDF beside them, an id, a date, and no wish for an answer', async () => {
  await using server = await startMailServer();
  await using email = smtpTo(server);
  await email.send(message, { signal });
  const raw = server.mails()[0]!.raw.toString();
  const [head = ''] = raw.split('\r\n\r\n');
  for (const header of ['Message-ID: <dlv_1@kiosk.example>', 'Date: Fri, 20 Nov 2026 09:00:00 +0000', 'Auto-Submitted: auto-generated', 'MIME-Version: 1.0', 'To: ivan@example.com']) {
    expect(head.split('\r\n')).toContain(header);
  }
  const types = [...raw.matchAll(/^Content-Type: ([\w/]+)/gm)].map(([, type]) => type);
  expect(types).toEqual(['multipart/mixed', 'multipart/alternative', 'text/plain', 'text/html', 'application/pdf']);
  // RFC 5322, 2.1.1; and nothing but ASCII on the wire.
  for (const line of raw.split('\r\n')) expect(line).toMatch(/^[\x20-\x7E\t]{0,998}$/);
});

test('on loopback the server\'s certificate may be anybody\'s, and no credentials are needed', async () => {
  await using server = await startMailServer({ smtpUser: undefined });
  await using email = smtpTo(server, { security: 'loopback', user: undefined, ca: undefined });
  expect(await outcome(email.send(message, { signal }))).toBe('sent');
});

test('D4 every attempt has the same Message-ID and date', async () => {
  await using server = await startMailServer();
  await using email = smtpTo(server);
  server.faults.add({ on: 'after_data', kind: 'accept_then_drop' });
  expect(await outcome(email.send(message, { signal }))).toBe('ambiguous connection_lost');
  await email.send(message, { signal });
  const headers = server.mails().map(({ raw }) => raw.toString().split('\r\n\r\n')[0]!);
  expect(headers.map((text) => [/^message-id: .*$/im.exec(text)?.[0], /^date: .*$/im.exec(text)?.[0]])).toEqual(
    Array(2).fill(['Message-ID: <dlv_1@kiosk.example>', 'Date: Fri, 20 Nov 2026 09:00:00 +0000']),
  );
});

/** Ends the first attempt so, and the next one, after the fault, with the message there. */
async function struck(fault: FaultInput, security: 'starttls' | 'implicit' = 'starttls'): Promise<{ first: string; kept: number }> {
  await using server = await startMailServer();
  const firstPatienceMs = patienceMsFor(fault);
  await using email = smtpTo(server, { security, patienceMs: firstPatienceMs });
  server.faults.add({ times: 'always', ...fault });
  const first = await outcome(email.send(message, { signal }));
  const kept = server.mails().length;
  server.faults.clear();
  await using next = firstPatienceMs < patienceMs ? smtpTo(server, { security }) : email;
  expect(await outcome(next.send(message, { signal }))).toBe('sent');
  return { first, kept };
}

describe('D5 what the server says decides', () => {
  test.each<[FaultInput['on'], number, string]>([
    ['greeting', 421, 'temporary provider_unavailable'], ['greeting', 554, 'temporary provider_unavailable'], ['ehlo', 421, 'temporary provider_unavailable'],
    ['ehlo', 550, 'temporary provider_unavailable'], ['starttls', 454, 'temporary provider_unavailable'], ['starttls', 502, 'temporary connection_insecure'],
    ['auth', 454, 'temporary provider_unavailable'], ['auth', 535, 'temporary credentials_refused'], ['mail', 530, 'temporary credentials_refused'],
    ['mail', 451, 'temporary recipient_deferred'], ['mail', 550, 'temporary sender_refused'], ['mail', 552, 'permanent message_refused'],
    ['rcpt', 421, 'temporary provider_unavailable'], ['rcpt', 450, 'temporary recipient_deferred'], ['rcpt', 451, 'temporary recipient_deferred'],
    ['rcpt', 452, 'temporary recipient_deferred'], ['rcpt', 550, 'permanent recipient_refused'], ['rcpt', 552, 'permanent recipient_refused'],
    ['rcpt', 554, 'permanent recipient_refused'], ['data', 421, 'temporary provider_unavailable'], ['data', 451, 'temporary recipient_deferred'],
    ['data', 503, 'temporary provider_unavailable'], ['data', 554, 'permanent message_refused'], ['after_data', 421, 'temporary provider_unavailable'],
    ['after_data', 450, 'temporary recipient_deferred'], ['after_data', 452, 'temporary recipient_deferred'], ['after_data', 550, 'permanent message_refused'],
    ['after_data', 552, 'permanent message_refused'], ['after_data', 554, 'permanent message_refused'],
  ])('D5 %s %i: %s, and nothing is kept', async (on, code, first) => {
    expect(await struck({ on, kind: 'reply', code })).toEqual({ first, kept: 0 });
  });

  test.each<[string, string]>([
    ['553 5.7.1 <reports@kiosk.example>: Sender address rejected: not owned by user kiosk', 'temporary sender_refused'],
    ['550 5.1.8 <reports@kiosk.example>: Sender address rejected: Domain not found', 'temporary sender_refused'],
    ['550 5.1.7 Bad address of the sender', 'temporary sender_refused'],
    ['554 5.7.1 <ivan@example.com>: Relay access denied', 'temporary sender_refused'],
    ['550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain', 'temporary sender_refused'],
    ['550 relay not permitted', 'temporary sender_refused'],
    ['554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a list', 'temporary sender_refused'],
    ['550 5.1.1 <ivan@example.com>: Recipient address rejected: User unknown in relay recipient table', 'permanent recipient_refused'],
    ['554 5.7.1 <ivan@example.com>: Recipient address rejected: Access denied', 'permanent recipient_refused'],
    ['550 5.7.1 The recipient takes nothing from this sender', 'permanent recipient_refused'],
    ['550 5.7.1 Refused by policy', 'permanent recipient_refused'],
    ['550 No such user: relay-sender@example.com', 'permanent recipient_refused'],
  ])('D3 D5 at RCPT only what is said tells the operator\'s trouble from the recipient\'s: %s: %s', async (answer, first) => {
    expect(await struck({ on: 'rcpt', kind: 'reply', code: Number(answer.slice(0, 3)), text: answer.slice(4) })).toEqual({ first, kept: 0 });
  });
});

describe('D4 without an answer only the whole message may have arrived', () => {
  test.each<[FaultInput['kind'], FaultInput['on'], string]>([
    ...(['connect', 'greeting', 'ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data'] as const).flatMap((on) =>
      (['hang', 'reset'] as const).map((kind): [FaultInput['kind'], FaultInput['on'], string] => [kind, on, 'temporary provider_unavailable'])),
    ['hang', 'after_data', 'ambiguous timeout'], ['reset', 'after_data', 'ambiguous connection_lost'], ['garbage', 'after_data', 'ambiguous answer_unreadable'],
    ['garbage', 'greeting', 'temporary provider_unavailable'], ['garbage', 'rcpt', 'temporary provider_unavailable'],
  ])('D4 %s at %s: %s', async (kind, on, first) => {
    expect(await struck({ on, kind })).toEqual({ first, kept: 0 });
  });

  test.each<[FaultInput['kind'], string]>([['accept_then_drop', 'ambiguous connection_lost'], ['accept_then_hang', 'ambiguous timeout']])('D4 %s: %s', async (kind, first) => {
    expect(await struck({ on: 'after_data', kind, times: 1 })).toEqual({ first, kept: 1 });
  });
});

describe('bad TLS', () => {
  test.each([
    ['expired', 'starttls'], ['other_host', 'starttls'], ['untrusted', 'starttls'], ['expired', 'implicit'], ['other_host', 'implicit'], ['untrusted', 'implicit'],
  ] as const)('%s certificate over %s: nothing leaves, and the operator is to act', async (certificate, security) => {
    expect(await struck({ on: 'starttls', kind: 'bad_tls', certificate }, security)).toEqual({ first: 'temporary connection_insecure', kept: 0 });
  });

  test.each(['starttls', 'implicit'] as const)('garbage instead of a handshake over %s', async (security) => {
    expect(await struck({ on: 'starttls', kind: 'garbage' }, security)).toEqual({ first: 'temporary connection_insecure', kept: 0 });
  });
});

test('D3 a server that is down: nothing is lost, and the same sender goes on when it is back', async () => {
  await using server = await startMailServer();
  await using email = smtpTo(server);
  await email.send(message, { signal });
  await server.down('smtp');
  expect(await outcome(email.send({ ...message, messageId: '<dlv_2@kiosk.example>' }, { signal }))).toBe('temporary provider_unavailable');
  await server.up('smtp');
  expect(await outcome(email.send({ ...message, messageId: '<dlv_2@kiosk.example>' }, { signal }))).toBe('sent');
  expect(server.mails()).toHaveLength(2);
});

test('wrong credentials are refused without a word of them', async () => {
  await using server = await startMailServer();
  await using email = smtpTo(server, { pass: 'wrong-secret' });
  const error = await email.send(message, { signal }).catch((reason: unknown) => reason) as Error;
  expect(error).toMatchObject({ kind: 'temporary', reason: 'credentials_refused' });
  expect([error, error.cause].map((each) => String((each as Error).stack)).join()).not.toMatch(/wrong-secret|d3Jvbmct/);
});

test('X2 a refusal that repeats the recipient is not passed on', async () => {
  await using server = await startMailServer();
  await using email = smtpTo(server);
  server.faults.add({ on: 'rcpt', kind: 'reply', code: 550, text: '5.1.1 <ivan@example.com> unknown' });
  const error = await email.send(message, { signal }).catch((reason: unknown) => reason) as Error;
  expect([error, error.cause].map((each) => String((each as Error).stack)).join()).not.toContain('ivan@example.com');
});

test('an attempt that is called off ends at once, and leaves the others alone', async () => {
  await using server = await startMailServer();
  await using email = smtpTo(server);
  server.faults.add({ on: 'rcpt', kind: 'hang', recipient: 'poison@example.com' });
  const stop = new AbortController();
  const hanging = outcome(email.send({ ...message, to: 'poison@example.com', messageId: '<dlv_9@kiosk.example>' }, { signal: stop.signal }));
  await email.send(message, { signal });
  stop.abort();
  expect(await hanging).toBe('temporary provider_unavailable');
  expect(server.mails()).toHaveLength(1);
});
