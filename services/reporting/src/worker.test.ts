/** The worker as a real process, killed and stopped in the middle of an attempt whose message has arrived without its knowing (D7). */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { SendError } from './send-error.ts';
import { startOutbox, type Outbox } from './testing-providers.ts';
import { create, minuteMs, standInEmail, standInVisits, startClock, startTestReporting, temporaryFolder, type TestReporting } from './testing.ts';

const emailSettings = ({ smtpPort }: Outbox) => ({ EMAIL_PROVIDER: 'smtp', SMTP_HOST: '127.0.0.1', SMTP_PORT: String(smtpPort), DELIVERY_TIMEOUT_MS: '20000' });

/** Leaves a report whose e-mail is due in a second. */
async function leaveWaiting(folder: string): Promise<{ reportId: string }> {
  const clock = startClock(Date.now());
  const visits = standInVisits(clock);
  const email = standInEmail();
  email.obstacle = () => Promise.reject(new SendError({ kind: 'temporary', reason: 'provider_unavailable' }));
  await using reporting = await startTestReporting({ folder, clock, visits, email, random: () => 0 });
  const { id } = await create(reporting, { sessionId: visits.open(), deliverTo: { email: 'ivan@example.com' } });
  await reporting.service.deliverDue();
  return { reportId: id };
}

type Worker = Disposable & { process: ChildProcess; lines: string[] };

function startWorker(folder: string, outbox: Outbox): Worker {
  const process = fork(join(import.meta.dirname, 'main.ts'), {
    execArgv: ['--conditions=@kiosk/source', '--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { STORAGE_PATH: folder, REPORTING_GRPC_PORT: '0', REPORTING_METRICS_PORT: '0', DELIVERY_POLL_INTERVAL_MS: '100', ...emailSettings(outbox) },
  });
  const lines: string[] = [];
  createInterface({ input: process.stdout! }).on('line', (line) => lines.push(line));
  return { process, lines, [Symbol.dispose]: () => void process.kill('SIGKILL') };
}

async function until(holds: () => boolean): Promise<void> {
  for (const giveUpAt = performance.now() + 30_000; !holds();) {
    if (performance.now() > giveUpAt) throw new Error('it never came');
    await new Promise(setImmediate);
  }
}

function deliveryIn(reporting: TestReporting): object {
  return reporting.sql('SELECT status, attempts, ambiguous_attempts AS ambiguous FROM deliveries')[0]!;
}

test('D4 D7 a worker stopped past its lease, and continued: another has sent the message, the stale one changes nothing, and there is no third copy', async () => {
  using folder = temporaryFolder();
  await using outbox = await startOutbox();
  const { reportId } = await leaveWaiting(folder.path);
  outbox.faults.add({ on: 'after_data', kind: 'accept_then_hang' });
  using stale = startWorker(folder.path, outbox);
  await until(() => outbox.mails().length === 1);
  stale.process.kill('SIGSTOP');

  const clock = startClock(Date.now() + 3 * minuteMs);
  await using other = await startTestReporting({ folder: folder.path, clock, devOutbox: true, settings: emailSettings(outbox) });
  await other.service.deliverDue();
  expect(deliveryIn(other)).toEqual({ status: 'sent', attempts: 3, ambiguous: 1 });

  // What the stale worker waits for ends when it looks again.
  await outbox.down('smtp');
  await outbox.up('smtp');
  stale.process.kill('SIGCONT');
  await until(() => stale.lines.some((line) => line.includes('delivery.stale')));
  expect(deliveryIn(other)).toEqual({ status: 'sent', attempts: 3, ambiguous: 1 });
  expect(outbox.mails().map(({ messageId }) => messageId)).toEqual(Array(2).fill(outbox.mails()[0]!.messageId));
  expect(await other.metric('reports_ambiguous_attempts_total', { method: 'email' })).toBe(1);
  expect((await other.client.getReport({ reportId })).report!.deliveries).toMatchObject([{ status: 'DELIVERY_STATUS_SENT', lastError: undefined }]);
});

test('D4 D7 a worker killed with -9: the next start repeats its message, the same one, and counts it', async () => {
  using folder = temporaryFolder();
  await using outbox = await startOutbox();
  await leaveWaiting(folder.path);
  outbox.faults.add({ on: 'after_data', kind: 'accept_then_hang' });
  using killed = startWorker(folder.path, outbox);
  await until(() => outbox.mails().length === 1);
  killed.process.kill('SIGKILL');
  await once(killed.process, 'exit');

  using next = startWorker(folder.path, outbox);
  await until(() => next.lines.some((line) => line.includes('"delivery.sent"')));
  next.process.kill('SIGKILL');
  await once(next.process, 'exit');
  await using reporting = await startTestReporting({ folder: folder.path });
  expect(deliveryIn(reporting)).toEqual({ status: 'sent', attempts: 3, ambiguous: 1 });
  expect(outbox.mails().map(({ messageId, raw }) => [messageId, /^date: .*$/im.exec(raw.toString())?.[0]])).toEqual(
    Array(2).fill([outbox.mails()[0]!.messageId, expect.stringMatching(/^Date: /)]),
  );
});
