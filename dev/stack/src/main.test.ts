/** `npm start`, as an operator meets it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { untilFound } from './found.ts';
import { freePorts } from './ports.ts';

const names = ['PORT', 'SESSIONS_GRPC_PORT', 'PAYMENTS_GRPC_PORT', 'REPORTING_GRPC_PORT', 'SESSIONS_METRICS_PORT', 'PAYMENTS_METRICS_PORT', 'REPORTING_METRICS_PORT'];

let folder = '';
let settings: Record<string, unknown> = {};
const running: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiosk-start-'));
  const ports = await freePorts(names.length);
  // A busy machine is not an overloaded gateway.
  settings = { ...Object.fromEntries(names.map((name, index) => [name, ports[index]])), STORAGE_PATH: join(folder, 'storage'), OVERLOAD_DELAY_MS: 60_000 };
});

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
  await rm(folder, { recursive: true });
});

async function npmStart(changes: Record<string, unknown> = {}, { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {}) {
  await writeFile(join(folder, 'service.json'), JSON.stringify({ ...settings, ...changes }));
  const child = spawn(process.execPath, ['--conditions=@kiosk/source', join(import.meta.dirname, 'main.ts'), ...args], {
    env: { ...env, PATH: process.env['PATH'], CONFIG_FILE: join(folder, 'service.json') }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let output = '';
  const waiting: (() => void)[] = [];
  const changed = (): void => {
    for (const wake of waiting.splice(0)) wake();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      changed();
    });
  }
  let ended = false;
  const exit = once(child, 'close').then(([code]) => {
    ended = true;
    changed();
    return code as number | null;
  });
  return {
    child,
    exit,
    output: () => output,
    /** Resolves when the output matches, with the match; fails when the process ends without it. */
    prints: async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = pattern.exec(output);
        if (found) return found;
        if (ended) throw new Error(`ended without ${String(pattern)}:\n${output}`);
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      }
    },
  };
}

async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const json = await answer.json() as Record<string, unknown>;
  if (!answer.ok) throw new Error(JSON.stringify(json));
  return json;
}

/** Whatever anybody but the owner may read or write in these folders, themselves included. */
function readableByOthers(base: string, names: readonly string[]): string[] {
  const paths = names.flatMap((name) => [name, ...readdirSync(join(base, name), { recursive: true, encoding: 'utf8' }).map((each) => join(name, each))]);
  return paths.filter((path) => ((statSync(join(base, path), { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0);
}

test('G5 O2 X2 one line says what is ready and where; a backup that is due is made; nobody else reads either; SIGTERM stops all and exits 0', async () => {
  const stack = await npmStart({ BACKUP_INTERVAL_MS: 3_600_000, BACKUP_PATH: join(folder, 'backups'), BACKUP_KEYS_PATH: join(folder, 'keys') });
  const [line] = await stack.prints(/^kiosk +\| ready at .*$/m);
  expect(line).toContain(`ready at http://127.0.0.1:${String(settings['PORT'])}`);
  expect(line).toContain('environment DEV');
  expect(line).toContain('payments by dev');
  expect(line).toContain(`storage ${String(settings['STORAGE_PATH'])}`);
  expect(line).toContain('outbox');
  expect((await fetch(`http://127.0.0.1:${String(settings['PORT'])}/health/ready`)).status).toBe(200);
  for (const name of ['sessions', 'payments', 'reporting', 'gateway']) await stack.prints(new RegExp(`^${name} +\\| .*ready`, 'm'));

  await stack.prints(/^backup +\| .*checked/m);
  expect(readableByOthers(folder, ['storage', 'backups', 'keys'])).toEqual([]);

  stack.child.kill('SIGTERM');
  expect(await stack.exit).toBe(0);
  await expect(fetch(`http://127.0.0.1:${String(settings['PORT'])}/health/live`)).rejects.toThrow('fetch failed');
  expect(stack.output()).not.toMatch(/could not stop|was killed|exited with code/);
});

test('under npm, which passes a signal on to a shell and no further, all stop too', async () => {
  await writeFile(join(folder, 'service.json'), JSON.stringify(settings));
  // The second command keeps the shell from becoming the first.
  const shell = spawn('sh', ['-c', `'${process.execPath}' --conditions=@kiosk/source '${join(import.meta.dirname, 'main.ts')}'; true`], {
    env: { PATH: process.env['PATH'], CONFIG_FILE: join(folder, 'service.json'), npm_lifecycle_event: 'start' }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(shell);
  let output = '';
  shell.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (/^kiosk +\| ready at /m.test(output)) shell.kill('SIGTERM');
  });
  // When the last who has the pipe is gone.
  await once(shell, 'close');
  expect(output).toMatch(/^kiosk +\| stopping: npm has ended$/m);
  await expect(fetch(`http://127.0.0.1:${String(settings['PORT'])}/health/live`)).rejects.toThrow('fetch failed');
});

test('with LOG_FORMAT=pretty the lines of the services are readable', async () => {
  const stack = await npmStart({ LOG_FORMAT: 'pretty' });
  await stack.prints(/^kiosk +\| ready at .*$/m);
  await stack.prints(/^payments +\| \d\d:\d\d:\d\d\.\d{3} info {2}payments ready/m);
  expect(stack.output()).not.toContain('{"level"');
});

test.each<[what: string, changes: () => Record<string, unknown>, sentence: RegExp]>([
  ['a name that no service knows', () => ({ PAYMENTS_TTL: 1 }), /the settings file names PAYMENTS_TTL, which no service knows/],
  ['a value that is none', () => ({ AGENT_ENV: 'TEST' }), /AGENT_ENV .*must be one of DEV, PROD/],
  ['a port named twice', () => ({ PAYMENTS_GRPC_PORT: settings['SESSIONS_GRPC_PORT'] }), /SESSIONS_GRPC_PORT and PAYMENTS_GRPC_PORT are both \d+/],
])('X1 %s ends the start with code 1 and a sentence, and starts nothing', async (_, changes, sentence) => {
  const stack = await npmStart(changes());
  expect(await stack.exit).toBe(1);
  expect(stack.output()).toMatch(sentence);
  expect(stack.output()).not.toMatch(/\bat .*:\d+:\d+|ready/);
});

test('a port that is taken ends the start with code 1 and a sentence that names the setting', async () => {
  const other = createServer().listen(Number(settings['PORT']), '127.0.0.1');
  await once(other, 'listening');
  const stack = await npmStart();
  expect(await stack.exit).toBe(1);
  expect(stack.output()).toMatch(new RegExp(`port ${String(settings['PORT'])} on 127.0.0.1 is in use: .* set PORT`));
  other.close();
});

test('X1 PROD without credentials and keys stops every service, exits 1 and shows the sentences', async () => {
  const stack = await npmStart({ AGENT_ENV: 'PROD' });
  expect(await stack.exit).toBe(1);
  expect(stack.output()).toMatch(/could not start: .*(PAYMENTS_PROVIDER|EMAIL_PROVIDER|API keys)/);
  expect(stack.output()).toMatch(/kiosk +\| \w+ exited with code 1|could not start: \w+ could not start/);
});

test('an option that does not exist is refused', async () => {
  const child = spawn(process.execPath, ['--conditions=@kiosk/source', join(import.meta.dirname, 'main.ts'), '--faster'], { stdio: ['ignore', 'ignore', 'pipe'] });
  running.push(child);
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = await once(child, 'close') as [number];
  expect([code, said]).toEqual([1, expect.stringMatching(/^could not start: Unknown option '--faster'/)]);
});

test('--psp runs everything against the pretend YooKassa: a payment waits for its customer there, and the notification confirms it', async () => {
  const [pspPort] = await freePorts(1);
  const stack = await npmStart({}, { args: ['--psp'], env: { PSP_PORT: String(pspPort) } });
  const [line] = await stack.prints(/^kiosk +\| ready at .*$/m);
  expect(line).toContain(`the pretend YooKassa, whose page is http://127.0.0.1:${pspPort}`);
  const api = `http://127.0.0.1:${String(settings['PORT'])}/api`;
  await untilFound(`http://127.0.0.1:${String(settings['PORT'])}`);
  const session = await post(`${api}/sessions`, { type: 'thickness' });
  const intent = await post(`${api}/payments/intent`, { sessionId: session['id'], amount: 35_000, currency: 'RUB' });
  expect(intent).toMatchObject({ status: 'pending', provider: 'yookassa' });
  const [, paymentId] = /\/pay\/([0-9a-f-]{36})/.exec(String(intent['qrCodeData']))!;
  await post(`http://127.0.0.1:${pspPort}/control/payments/${paymentId}/pay`, {});
  await stack.prints(/"event":"intent.confirmed"/);
  expect(await (await fetch(`${api}/payments/status/${String(intent['intentId'])}`)).json()).toMatchObject({ status: 'confirmed', final: true });
});

test('--outbox sends reports to the pretend mail server, and text messages to the pretend SMS gateway', async () => {
  const [smtp, smtps, http] = await freePorts(3);
  const stack = await npmStart({ DEV_AUTO_CONFIRM_DELAY_MS: 0 }, { args: ['--outbox'], env: { OUTBOX_SMTP_PORT: String(smtp), OUTBOX_SMTPS_PORT: String(smtps), OUTBOX_HTTP_PORT: String(http) } });
  const [line] = await stack.prints(/^kiosk +\| ready at .*$/m);
  expect(line).toContain(`e-mail and SMS to a pretend mail server and SMS gateway, whose page is http://127.0.0.1:${http}`);
  const api = `http://127.0.0.1:${String(settings['PORT'])}/api`;
  await untilFound(`http://127.0.0.1:${String(settings['PORT'])}`);
  const session = await post(`${api}/sessions`, { type: 'thickness', contact: { email: 'ivan@example.com', phone: '+79123456789' } });
  const { data } = JSON.parse(await readFile(join(import.meta.dirname, '../../../docs/samples/thickness-solaris.json'), 'utf8')) as { data: object };
  const report = await post(`${api}/reports/thickness`, { data: { ...data, sessionId: session['id'] } });
  expect(report).toMatchObject({ status: 'ready', deliveries: [{ channel: 'email' }, { channel: 'sms' }] });
  for (const channel of ['email', 'sms']) await stack.prints(new RegExp(`"event":"delivery.sent".*"channel":"${channel}"`));
  const kept = async (what: string): Promise<unknown> => (await fetch(`http://127.0.0.1:${http}/control/${what}`)).json();
  expect(await kept('mails')).toMatchObject([{ to: ['ivan@example.com'] }]);
  expect(await kept('texts')).toMatchObject([{ to: '+79123456789' }]);
});

test('X1 --psp is refused in PROD', async () => {
  const stack = await npmStart({ AGENT_ENV: 'PROD', PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: '1', YOOKASSA_SECRET_KEY: 'live_1' }, { args: ['--psp'] });
  expect(await stack.exit).toBe(1);
  expect(stack.output()).toMatch(/--psp takes pretend money, and AGENT_ENV is PROD/);
});
