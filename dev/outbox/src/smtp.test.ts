import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { readMail } from './outbox.ts';
import { startMs, startTestOutbox, until } from './testing.ts';

test('a mail over STARTTLS is kept with its envelope and its bytes', async () => {
  await using box = await startTestOutbox();
  const attachment = { filename: 'отчёт.pdf', content: Buffer.from('%PDF-1.7') };
  expect(await box.mail({ to: ['a@example.org', 'b@example.org'], html: '<b>Готово</b>', attachment })).toMatch(/^250 /);
  const [mail] = box.outbox.mails();
  expect(mail).toMatchObject({
    id: '1', provider: 'smtp', from: 'kiosk@example.org', to: ['a@example.org', 'b@example.org'], messageId: '<d1@kiosk>', at: startMs, tls: true,
  });
  expect(await readMail(mail!)).toMatchObject({
    subject: 'Отчёт', text: expect.stringContaining('Готово.'), html: '<b>Готово</b>', attachments: [attachment],
  });
});

test('implicit TLS and clear text work too, and are told apart', async () => {
  await using box = await startTestOutbox();
  await box.mail({ secure: true });
  await box.mail({ ignoreTLS: true });
  expect(box.outbox.mails().map((mail) => mail.tls)).toEqual([true, false]);
});

test.each(['PLAIN', 'LOGIN'])('AUTH %s: the right password passes and is named, a wrong one and none do not', async (authMethod) => {
  await using box = await startTestOutbox({ smtpUser: 'kiosk', smtpPass: 'pass' });
  await box.mail({ user: 'kiosk', authMethod });
  expect(box.outbox.mails()).toMatchObject([{ user: 'kiosk' }]);
  await expect(box.mail({ user: 'kiosk', pass: 'wrong', authMethod })).rejects.toMatchObject({ code: 'EAUTH', responseCode: 535 });
  await expect(box.mail()).rejects.toMatchObject({ responseCode: 530 });
  expect(box.outbox.mails()).toHaveLength(1);
});

test('a password is not taken in clear text', async () => {
  await using box = await startTestOutbox({ smtpUser: 'kiosk', smtpPass: 'pass' });
  await expect(box.mail({ user: 'kiosk', ignoreTLS: true, authMethod: 'PLAIN' })).rejects.toMatchObject({ responseCode: 538 });
});

test('without its authority the certificate is not trusted', async () => {
  await using box = await startTestOutbox();
  await expect(box.mail({ ca: '' })).rejects.toThrow(/certificate/);
  expect(box.outbox.mails()).toEqual([]);
});

test('a mail that is too large is refused and not kept', async () => {
  await using box = await startTestOutbox();
  // The client would compare with the advertised SIZE, so this one does not say how large it is.
  const socket = connect(box.outbox.smtpPort, '127.0.0.1');
  let said = '';
  socket.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  for (const [line, answer] of [['', '220 '], ['EHLO x', '250 SIZE'], ['MAIL FROM:<a@b.c>', '250 '], ['RCPT TO:<d@e.f>', '250 '], ['DATA', '354 ']]) {
    said = '';
    if (line !== '') socket.write(`${line}\r\n`);
    await until(() => said.includes(answer!));
  }
  const line = Buffer.from(`${'x'.repeat(998)}\r\n`);
  socket.write(Buffer.concat(Array.from({ length: 26_300 }, () => line)));
  socket.write('.\r\n');
  await until(() => said.includes('552 '));
  socket.destroy();
  expect(box.outbox.mails()).toEqual([]);
});

test('down refuses connections, up is the same port, and open connections are cut', async () => {
  await using box = await startTestOutbox();
  const { smtpPort } = box.outbox;
  const idle = connect(smtpPort, '127.0.0.1');
  await once(idle, 'data');
  const cut = once(idle, 'close');
  await box.outbox.down('smtp');
  await cut;
  await expect(box.mail()).rejects.toMatchObject({ code: 'ESOCKET', errno: expect.any(Number), syscall: 'connect' });
  await expect(box.mail({ secure: true })).rejects.toThrow('ECONNREFUSED');
  expect((await box.get('/control/mails')).status).toBe(200);
  await box.outbox.up('smtp');
  expect(box.outbox.smtpPort).toBe(smtpPort);
  await box.mail();
  expect(box.outbox.mails()).toHaveLength(1);
});

test('parallel connections do not disturb each other', async () => {
  await using box = await startTestOutbox();
  box.outbox.faults.add({ on: 'starttls', kind: 'bad_tls', times: 3 });
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_none, index) => box.mail({ messageId: `<m${index}@kiosk>` })));
  expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(7);
  expect(new Set(box.outbox.mails().map((mail) => mail.messageId)).size).toBe(7);
});
