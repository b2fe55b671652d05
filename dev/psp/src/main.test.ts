import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startTestPsp } from './testing.ts';

test('what the shop knows survives its restart: payments, refunds, keys, notifications, the clock, the journal', async () => {
  using folder = temporaryFolder();
  let id: string;
  let first: string;
  {
    await using shop = await startTestPsp({ storagePath: folder.path });
    const answer = await shop.create({}, 'key-1');
    ({ text: first, body: { id } } = answer);
    shop.psp.pay(id);
    await shop.post('/refunds', { payment_id: id, amount: { value: '100.00', currency: 'RUB' } });
    shop.psp.advanceClock(60_000);
  }
  await using shop = await startTestPsp({ storagePath: folder.path });
  expect((await shop.get(`/payments/${id}`)).body).toMatchObject({ status: 'succeeded', refunded_amount: { value: '100.00' } });
  expect((await shop.create({}, 'key-1')).text).toBe(first);
  expect(shop.psp.refunds()).toHaveLength(1);
  expect(shop.psp.notifications())
    .toMatchObject([{ event: 'payment.succeeded', state: 'waiting' }, { event: 'refund.succeeded', state: 'waiting' }]);
  expect(shop.psp.journal.map((entry) => entry.call)).toEqual(['create', 'refund', 'get', 'create']);
  expect(Date.parse((await shop.create()).body.created_at)).toBe(shop.startMs + 60_000);
});

test('a line torn by a kill is ignored', async () => {
  using folder = temporaryFolder();
  {
    await using shop = await startTestPsp({ storagePath: folder.path });
    await shop.create();
  }
  appendFileSync(join(folder.path, 'psp.jsonl'), '{"kind":"payment","id":"2');
  await using shop = await startTestPsp({ storagePath: folder.path });
  expect(shop.psp.payments()).toHaveLength(1);
});

test.each(['SIGTERM', 'SIGINT', 'disconnect'] as const)('as a program it says when it is ready, and %s stops it with exit 0', async (how) => {
  using folder = temporaryFolder();
  const child = run({ PSP_PORT: '0', YOOKASSA_SHOP_ID: '506751', YOOKASSA_SECRET_KEY: 'test_secret', STORAGE_PATH: folder.path });
  const [message] = (await once(child, 'message')) as [{ ready: string }];
  expect(message.ready).toMatch(/^pretend YooKassa at http:\/\/127\.0\.0\.1:\d+$/);
  if (how === 'disconnect') child.disconnect();
  else child.kill(how);
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('as a program it names the settings it misses, and not their values', async () => {
  const child = run({ PSP_PORT: '0', YOOKASSA_SECRET_KEY: 'test_secret', YOOKASSA_WEBHOOK_URL: 'nonsense-url' });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(said).toContain('YOOKASSA_SHOP_ID, YOOKASSA_WEBHOOK_URL');
  expect(said).not.toMatch(/test_secret|nonsense-url/);
});

function run(env: Record<string, string>) {
  return fork(join(import.meta.dirname, 'main.ts'), {
    env, execPath: process.execPath, execArgv: ['--conditions=@kiosk/source'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'psp-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
