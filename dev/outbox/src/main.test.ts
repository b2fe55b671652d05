import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startMs, startTestOutbox } from './testing.ts';

const SEND = { login: 'a', psw: 'b', fmt: '3', charset: 'utf-8', phones: '79001234567', mes: 'Отчёт готов' };

test('what was sent survives a restart, with what became of it', async () => {
  using folder = temporaryFolder();
  {
    await using box = await startTestOutbox({ storagePath: folder.path });
    await box.mail();
    await box.form('/sys/send.php', SEND);
    await box.outbox.deliver('1', 1);
  }
  expect(readFileSync(join(folder.path, 'mails', '1.eml'), 'utf8')).toContain('Message-ID: <d1@kiosk>');
  appendFileSync(join(folder.path, 'outbox.jsonl'), '{"text":{"id":"2'); // torn by a kill
  {
    await using box = await startTestOutbox({ storagePath: folder.path });
    expect(box.outbox.mails()).toMatchObject([{ id: '1', messageId: '<d1@kiosk>', at: startMs }]);
    expect(box.outbox.mails()[0]?.raw.toString()).toContain('Message-ID: <d1@kiosk>');
    expect(box.outbox.texts()).toMatchObject([{ id: '1', body: 'Отчёт готов', status: 1 }]);
    box.advance(60_000);
    await box.mail();
    expect((await box.form('/sys/send.php', SEND)).body).toMatchObject({ id: 2 });
  }
  await using box = await startTestOutbox({ storagePath: folder.path });
  expect(box.outbox.mails().map((mail) => mail.id)).toEqual(['1', '2']);
  box.outbox.forgetAll();
  expect(readFileSync(join(folder.path, 'outbox.jsonl'), 'utf8')).toBe('');
});

test.each(['SIGTERM', 'SIGINT', 'disconnect'] as const)('as a program it says when it is ready, and %s stops it with exit 0', async (how) => {
  const child = run({ OUTBOX_SMTP_PORT: '0', OUTBOX_SMTPS_PORT: '0', OUTBOX_HTTP_PORT: '0' });
  const [message] = (await once(child, 'message')) as [{ ready: string }];
  expect(message.ready).toMatch(/^outbox at http:\/\/127\.0\.0\.1:\d+, SMTP at \d+, with TLS at \d+$/);
  if (how === 'disconnect') child.disconnect();
  else child.kill(how);
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('as a program it names the settings it cannot use, and not their values', async () => {
  const child = run({ OUTBOX_SMTP_PORT: 'smtp', SENDGRID_WEBHOOK_URL: 'nonsense-url', SMTP_PASS: 'secret' });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(said).toContain('OUTBOX_SMTP_PORT, SENDGRID_WEBHOOK_URL');
  expect(said).not.toMatch(/secret|nonsense-url/);
});

function run(env: Record<string, string>) {
  return fork(join(import.meta.dirname, 'main.ts'), {
    env, execPath: process.execPath, execArgv: ['--conditions=@kiosk/source'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'outbox-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
