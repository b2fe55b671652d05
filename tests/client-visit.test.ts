/** The example of the TypeScript client: a whole visit, told by events, against the real `npm start`, and with the gateway restarted in the middle. */
import { expect, test } from '@jest/globals';
import { freePorts, startProcesses } from '@kiosk/stack';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kioskAt, type Report } from './kiosk.ts';
import { emailsIn } from './outbox.ts';

const workspace = join(import.meta.dirname, '..');
const portNames = ['PORT', 'SESSIONS_GRPC_PORT', 'PAYMENTS_GRPC_PORT', 'REPORTING_GRPC_PORT', 'SESSIONS_METRICS_PORT', 'PAYMENTS_METRICS_PORT', 'REPORTING_METRICS_PORT'];

/** What a process writes, as it comes. */
function listen(child: ChildProcess) {
  let output = '';
  let ended = false;
  let wake = (): void => {};
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      wake();
    });
  }
  const exit = once(child, 'close').then(([code]) => {
    ended = true;
    wake();
    return code as number | null;
  });
  return {
    exit,
    output: () => output,
    async prints(pattern: RegExp): Promise<string> {
      for (;;) {
        const [found] = pattern.exec(output) ?? [];
        if (found !== undefined) return found;
        if (ended) throw new Error(`ended without ${String(pattern)}:\n${output}`);
        await new Promise<void>((resolve) => { wake = resolve; });
      }
    },
  };
}

function runExample(url: string) {
  const child = spawn(process.execPath, [join(workspace, 'clients/typescript/example.ts')], { env: { PATH: process.env['PATH'], KIOSK_URL: url }, stdio: ['ignore', 'pipe', 'pipe'] });
  return listen(child);
}

/** The visit has happened, once, and the customer has the report. */
async function expectVisit(url: string, storagePath: string, output: string): Promise<void> {
  expect(output.split('\n').map((line) => line.split(' ')[0])).toEqual(['session', 'to', 'paid', 'report', 'sent', 'done', '']);
  const kiosk = kioskAt(url);
  const [, sessionId = ''] = /^session (\S+)$/m.exec(output) ?? [];
  expect(await kiosk.session(sessionId)).toMatchObject({ status: 'completed' });
  expect(await kiosk.paymentsOf({ id: sessionId })).toMatchObject([{ status: 'confirmed' }]);
  const { reports } = await kiosk.must(200, kiosk.get<{ reports: Report[] }>(`/api/reports/session/${sessionId}`));
  expect(reports).toMatchObject([{ status: 'ready', deliveries: [{ channel: 'email', status: 'sent' }] }]);
  expect(await emailsIn(storagePath)).toHaveLength(1);
}

test('the example runs a whole visit against npm start', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'kiosk-client-'));
  const ports = await freePorts(portNames.length);
  const storagePath = join(folder.path, 'storage');
  const settingsFile = join(folder.path, 'service.json');
  writeFileSync(settingsFile, JSON.stringify({ ...Object.fromEntries(portNames.map((name, index) => [name, ports[index]])), STORAGE_PATH: storagePath, DEV_AUTO_CONFIRM_DELAY_MS: 300, OVERLOAD_DELAY_MS: 60_000 }));
  // A group of its own: npm and what it starts are stopped together, as Ctrl-C does.
  const child = spawn('npm', ['start'], { cwd: workspace, env: { PATH: process.env['PATH'], HOME: folder.path, CONFIG_FILE: settingsFile }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const start = listen(child);
  try {
    await start.prints(/\| ready at /);
    const url = `http://127.0.0.1:${ports[0]}`;
    const example = runExample(url);
    expect([await example.exit, example.output()]).toEqual([0, expect.any(String)]);
    await expectVisit(url, storagePath, example.output());
  } finally {
    process.kill(-child.pid!, 'SIGINT');
    await start.exit;
  }
  // An open stream has held up nobody.
  expect(start.output()).not.toMatch(/could not stop|was killed/);
});

test.each(['SIGTERM', 'SIGKILL'] as const)('G5 the example runs a whole visit although %s restarts the gateway before the payment and before the delivery', async (signal) => {
  await using processes = await startProcesses({ settings: { DEV_AUTO_CONFIRM_DELAY_MS: '1500', PAYMENT_POLL_INTERVAL_MS: '100' } });
  const example = runExample(processes.url);
  for (const moment of [/^to be paid by/m, /^paid/m]) {
    await example.prints(moment);
    await processes.kill('gateway', signal);
    await processes.up('gateway');
  }
  expect([await example.exit, example.output()]).toEqual([0, expect.any(String)]);
  await expectVisit(processes.url, processes.storagePath, example.output());
});
