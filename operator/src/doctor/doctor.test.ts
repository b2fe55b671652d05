/** One thing is broken at a time, against a pretend YooKassa, mail server and SMS gateway that speak the real protocols. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startOutbox, type Outbox } from '@kiosk/outbox';
import { startPsp, type Psp } from '@kiosk/psp';
import { freePorts } from '@kiosk/stack/ports';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeBackup } from '../backup.ts';
import { newGround, openOne, type Ground } from '../testing.ts';
import { checkBackups, checkCertificates } from './data.ts';
import { diagnose } from './diagnose.ts';
import type { Finding } from './finding.ts';
import { checkFonts, checkNode } from './machine.ts';
import { clockFinding } from './psp.ts';
import type { Values } from './settings.ts';

const shop = { shopId: '100500', secretKey: 'test_doctor' };
const secrets = [shop.secretKey, 'smtp-pass-1', 'smsc-pass-1', 'twilio-token-1', 'sendgrid-key-1'];

let psp: Psp;
let outbox: Outbox;
let ports: Record<string, string> = {};
let ground: Ground;
let env: Record<string, string> = {};
let settingsFile = '';

beforeAll(async () => {
  psp = await startPsp(shop);
  outbox = await startOutbox({
    smtpUser: 'kiosk', smtpPass: 'smtp-pass-1', smscLogin: 'kiosk', smscPassword: 'smsc-pass-1', twilioSid: 'AC1', twilioToken: 'twilio-token-1', sendgridKey: 'sendgrid-key-1',
  });
  const names = ['PORT', 'SESSIONS_GRPC_PORT', 'PAYMENTS_GRPC_PORT', 'REPORTING_GRPC_PORT', 'SESSIONS_METRICS_PORT', 'PAYMENTS_METRICS_PORT', 'REPORTING_METRICS_PORT'];
  const numbers = await freePorts(names.length);
  ports = Object.fromEntries(names.map((name, index) => [name, String(numbers[index])]));
  ground = await newGround();
  chmodSync(ground.storagePath, 0o700);
  await makeBackup(ground);
  settingsFile = join(ground.folder, 'service.json');
  writeFileSync(settingsFile, '{}');
  // The settings file is found by the process's own environment.
  process.env['CONFIG_FILE'] = settingsFile;
});

afterAll(async () => {
  delete process.env['CONFIG_FILE'];
  ground[Symbol.dispose]();
  await psp[Symbol.asyncDispose]();
  await outbox[Symbol.asyncDispose]();
});

beforeEach(() => {
  psp.faults.clear();
  outbox.faults.clear();
  env = {
    ...ports, STORAGE_PATH: ground.storagePath, BACKUP_PATH: ground.backupPath, BACKUP_KEYS_PATH: ground.backupKeysPath, BACKUP_AGE_LIMIT_MS: '93600000',
    PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: shop.shopId, YOOKASSA_SECRET_KEY: shop.secretKey, YOOKASSA_API_URL: psp.url,
    EMAIL_PROVIDER: 'smtp', SMTP_HOST: '127.0.0.1', SMTP_PORT: String(outbox.smtpPort), SMTP_USER: 'kiosk', SMTP_PASS: 'smtp-pass-1',
    SMS_PROVIDER: 'smsc', SMSC_LOGIN: 'kiosk', SMSC_PASSWORD: 'smsc-pass-1', SMSC_API_URL: outbox.httpUrl,
    KIOSK_API_KEYS: 'hall-1:0123456789abcdef', OPERATOR_API_KEYS: 'anna:fedcba9876543210',
  };
});

/** What is not ok, by check, with the doctor's words; no secret is ever among them. */
async function ills(changes: Record<string, string> = {}): Promise<string[]> {
  const found = await diagnose({ ...env, ...changes });
  const text = JSON.stringify(found);
  for (const secret of secrets) expect(text).not.toContain(secret);
  for (const { level, todo } of found) expect(todo !== undefined).toBe(level !== 'ok');
  return found.filter(({ level }) => level !== 'ok').map(({ level, check, says }) => `${level} ${check}: ${says}`);
}

/** What is always so here: nothing runs, and nobody told us where notifications go, and a temporary folder has one disk. */
const usual = [
  expect.stringMatching(/^warn services: not running$/),
  expect.stringMatching(/^warn backup: the newest is .* on the same disk as the data$/),
  expect.stringMatching(/^warn webhook: YOOKASSA_WEBHOOK_URL is not set$/),
];

test('with everything in order there is nothing to say but what a test machine lacks', async () => {
  expect(await ills()).toEqual(usual);
});

describe('the PSP', () => {
  test.each<[what: string, changes: () => Record<string, string>, says: RegExp]>([
    ['a name that nobody knows', () => ({ YOOKASSA_API_URL: 'https://api.yookassa.invalid/v3' }), /^fail psp: api\.yookassa\.invalid has no address: (ENOTFOUND|EAI_AGAIN)$/],
    ['nobody at the port', () => ({ YOOKASSA_API_URL: `http://127.0.0.1:${ports['PORT']}/v3` }), /^fail psp: .* does not answer: ECONNREFUSED$/],
    ['a wrong key', () => ({ YOOKASSA_SECRET_KEY: 'test_wrong' }), /^fail psp: the shop id and the secret key do not fit$/],
    ['a wrong shop', () => ({ YOOKASSA_SHOP_ID: '100501' }), /^fail psp: the shop id and the secret key do not fit$/],
  ])('%s', async (_, changes, says) => {
    expect(await ills(changes())).toContainEqual(expect.stringMatching(says));
  });

  test('a shop that may not use the API, and one that answers nonsense', async () => {
    psp.faults.add({ call: 'me', kind: 'forbidden' });
    expect(await ills()).toContain('fail psp: the shop may not use the API');
    psp.faults.add({ call: 'me', kind: 'error_500_before' });
    expect(await ills()).toContain('warn psp: GET /me answers 500');
  });

  test('a shop that wants receipts while we send none, and the other way round', async () => {
    psp.settings.fiscalisation = true;
    expect(await ills()).toContainEqual(expect.stringMatching(/^fail psp: the shop registers receipts, and RECEIPTS_ENABLED is false/));
    psp.settings.fiscalisation = false;
    expect(await ills({ RECEIPTS_ENABLED: 'true', RECEIPT_FALLBACK_EMAIL: 'receipts@kiosk.ru' })).toContainEqual(expect.stringMatching(/^warn psp: RECEIPTS_ENABLED is true, and the shop registers none/));
  });

  test('a certificate that nobody trusts', async () => {
    await using there = await serve((_request, response) => response.end(), { tls: true });
    expect(await ills({ YOOKASSA_API_URL: `${there.url}/v3` })).toContainEqual(expect.stringMatching(/^fail psp: no TLS with localhost: (UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT)$/));
  });
});

test.each<[skewMs: number, level: Finding['level'], says: RegExp]>([
  [0, 'ok', /right/], [-2000, 'ok', /right/], [20_000, 'warn', /20 s slow/], [-21_000, 'warn', /20 s fast/], [300_000, 'fail', /300 s slow/], [-301_000, 'fail', /300 s fast/],
])('the clock, where the PSP is %i ms ahead of us', (skewMs, level, says) => {
  const at = Date.parse('2026-11-26T12:00:00Z');
  expect(clockFinding(new Date(at + skewMs).toUTCString(), at, at)).toMatchObject({ level, says: expect.stringMatching(says) });
  expect(clockFinding(null, at, at)).toMatchObject({ level: 'warn' });
});

describe('the webhook', () => {
  test('leads to a gateway, elsewhere, nowhere, or is no such address', async () => {
    await using gateway = await serve((_request, response) => response.writeHead(405, { 'x-request-id': 'r' }).end());
    await using other = await serve((_request, response) => response.writeHead(404).end());
    const path = '/api/payments/webhook';
    expect((await ills({ YOOKASSA_WEBHOOK_URL: gateway.url + path })).filter((line) => line.includes('webhook'))).toEqual([]);
    expect(await ills({ YOOKASSA_WEBHOOK_URL: other.url + path })).toContain(`fail webhook: ${other.url}${path} leads elsewhere: it answers 404`);
    expect(await ills({ YOOKASSA_WEBHOOK_URL: `http://127.0.0.1:${ports['PORT']}${path}` })).toContainEqual(expect.stringMatching(/^fail webhook: .* does not answer: ECONNREFUSED$/));
    expect(await ills({ YOOKASSA_WEBHOOK_URL: `${gateway.url}/webhook` })).toContainEqual(expect.stringMatching(/is not where notifications are taken$/));
    expect(await ills({ YOOKASSA_WEBHOOK_URL: `http://kiosk.example${path}` })).toContainEqual(expect.stringMatching(/^fail webhook: .* is not https/));
  });
});

describe('e-mail and text messages', () => {
  test.each<[what: string, breaking: () => Record<string, string>, says: RegExp]>([
    ['a wrong password', () => ({ SMTP_PASS: 'wrong' }), /^fail email: 127\.0\.0\.1:\d+ does not take the password of kiosk \(535\)$/],
    ['nobody at the port', () => ({ SMTP_PORT: ports['PORT']! }), /^fail email: .* does not greet us \(E\w+\)$/],
    ['TLS from the first byte where there is none', () => ({ SMTP_SECURE: 'true' }), /^fail email: .* offers no TLS that can be trusted/],
    ['a certificate that nobody trusts', () => ({ SMTP_SECURE: 'true', SMTP_HOST: 'localhost', SMTP_PORT: String(outbox.smtpsPort) }), /^fail email: localhost:\d+ offers no TLS that can be trusted \(.*(CERT|SIGNATURE).*\)$/],
    ['a server that sends everybody away', () => {
      outbox.faults.add({ on: 'greeting', kind: 'reply', code: 554 });
      return {};
    }, /^fail email: .* sends us away with 554$/],
    ['SendGrid with a wrong key', () => ({ EMAIL_PROVIDER: 'sendgrid', SENDGRID_API_KEY: 'wrong', SENDGRID_API_URL: outbox.httpUrl }), /^fail email: SendGrid does not take the key$/],
    ['SMSC with a wrong password', () => ({ SMSC_PASSWORD: 'wrong' }), /^fail sms: SMSC does not take login and password$/],
    ['SMSC out of reach', () => ({ SMSC_API_URL: `http://127.0.0.1:${ports['PORT']}` }), /^fail sms: SMSC does not answer: ECONNREFUSED$/],
    ['Twilio with a wrong token', () => ({ SMS_PROVIDER: 'twilio', TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKEN: 'wrong', SMS_FROM: '+100', TWILIO_API_URL: outbox.httpUrl }), /^fail sms: Twilio does not take account and token$/],
  ])('%s', async (_, breaking, says) => {
    expect(await ills(breaking())).toContainEqual(expect.stringMatching(says));
  });

  test('the other providers, in order', async () => {
    expect(await ills({
      EMAIL_PROVIDER: 'sendgrid', SENDGRID_API_KEY: 'sendgrid-key-1', SENDGRID_API_URL: outbox.httpUrl,
      SMS_PROVIDER: 'twilio', TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKEN: 'twilio-token-1', SMS_FROM: '+100', TWILIO_API_URL: outbox.httpUrl,
    })).toEqual(usual);
  });

  test.each([[10, 'warn'], [0, 'fail']])('SMSC with %i ₽ left: %s', async (smscBalance, level) => {
    await using poor = await startOutbox({ smscBalance });
    expect(await ills({ SMSC_API_URL: poor.httpUrl })).toContainEqual(expect.stringMatching(new RegExp(`^${level} sms: SMSC has ${smscBalance}(\\.\\d+)? ₽ of ours$`)));
  });
});

describe('the machine', () => {
  test('a port that somebody else holds, and one that two settings share', async () => {
    await using other = await serve((_request, response) => response.end('hello'));
    const port = new URL(other.url).port;
    expect(await ills({ SESSIONS_METRICS_PORT: port })).toContain(`fail ports: ${port} (SESSIONS_METRICS_PORT) is held by something that is no kiosk service`);
    expect(await ills({ SESSIONS_GRPC_PORT: ports['PAYMENTS_GRPC_PORT']! })).toContainEqual(expect.stringMatching(/^fail ports: SESSIONS_GRPC_PORT and PAYMENTS_GRPC_PORT are both \d+$/));
  });

  test('a port that our own service holds is in order', async () => {
    await using ours = await serve((_request, response) => response.end('{"status":"ok"}'));
    const port = new URL(ours.url).port;
    expect((await ills({ PAYMENTS_METRICS_PORT: port })).filter((line) => line.includes('ports'))).toEqual([]);
  });

  test('a storage that cannot be written to, and one that everybody can read', async () => {
    expect(await ills({ STORAGE_PATH: join(settingsFile, 'storage') })).toContainEqual(expect.stringMatching(/^fail storage: .* cannot be written to: ENOTDIR$/));
    chmodSync(ground.storagePath, 0o755);
    expect(await ills()).toContainEqual(expect.stringMatching(/^warn storage: .* can be read by every user of this machine/));
    chmodSync(ground.storagePath, 0o700);
  });

  test('fonts and Node', () => {
    expect(checkFonts((file) => join(ground.folder, file))).toMatchObject({ level: 'fail', says: expect.stringContaining('Roboto_400Regular.ttf') });
    expect(checkFonts(() => settingsFile)).toMatchObject({ level: 'fail' });
    expect(checkNode('20.20.2')).toMatchObject({ level: 'fail' });
  });

  test('settings that a service refuses, a misspelt one, and a file that is no JSON', async () => {
    expect(await ills({ RECEIPTS_ENABLED: 'true' })).toContain('fail settings: RECEIPT_FALLBACK_EMAIL is required with RECEIPTS_ENABLED');
    writeFileSync(settingsFile, '{"PAYMENT_TTL": 1}');
    expect(await ills()).toContainEqual(expect.stringMatching(/^fail settings: PAYMENT_TTL .*did you mean PAYMENT_TTL_MS/));
    writeFileSync(settingsFile, '{');
    expect(await ills()).toEqual(['fail settings: the settings file service.json is not valid JSON']);
    writeFileSync(settingsFile, '{}');
  });
});

describe('the data', () => {
  test('a database that is missing, damaged, or in use', async () => {
    using other = await newGround();
    chmodSync(other.storagePath, 0o700);
    const here = { STORAGE_PATH: other.storagePath };
    {
      await using _running = await openOne(other, 'payments');
      expect((await ills(here)).filter((line) => line.includes('database'))).toEqual([]);
    }
    const file = openSync(join(other.storagePath, 'payments.sqlite'), 'r+');
    writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, 4096 * 3);
    closeSync(file);
    expect(await ills(here)).toContainEqual(expect.stringMatching(/^fail database: payments is damaged: /));
    rmSync(join(other.storagePath, 'reporting.sqlite'));
    expect(await ills(here)).toContain('fail database: reporting has none, and others have');
  });

  test('O2 a backup that is too old, or none', () => {
    const config = { ...ground, backupAgeLimitMs: 26 * 3_600_000 };
    expect(checkBackups(config, Date.now() + 27 * 3_600_000)).toMatchObject({ level: 'fail', says: expect.stringMatching(/is 27 h old$/) });
    expect(checkBackups({ ...config, backupPath: join(ground.folder, 'none') })).toMatchObject({ level: 'fail' });
    expect(checkBackups({ ...config, backupAgeLimitMs: 0, backupPath: join(ground.folder, 'none') })).toMatchObject({ level: 'warn' });
  });

  test('D10 a key that others can read, that is damaged, or that has no copy', async () => {
    const key = join(ground.storagePath, 'report-links.key');
    chmodSync(key, 0o644);
    expect(await ills()).toContainEqual(expect.stringMatching(/^fail keys: .* can be read by others/));
    chmodSync(key, 0o600);
    expect(await ills({ BACKUP_KEYS_PATH: join(ground.folder, 'elsewhere') })).toContainEqual(expect.stringMatching(/^warn keys: report-links\.key has no copy/));
    writeFileSync(key, 'short');
    expect(await ills()).toContainEqual(expect.stringMatching(/^fail keys: .* is damaged$/));
    writeFileSync(key, Buffer.alloc(32, 7));
  });

  test('certificates that end soon, have ended, or are none', () => {
    const certificates = join(import.meta.dirname, '../../../dev/outbox/certificates');
    const values = (file: string): Values => ({ isSet: (name) => name === 'HTTPS_CERT', text: () => join(certificates, file), number: () => 0, isProd: false });
    expect(checkCertificates(values('test-only-expired.pem'))).toMatchObject([{ level: 'fail', says: expect.stringMatching(/ended \d+ days ago$/) }]);
    const [{ says } = { says: '' }] = checkCertificates(values('test-only-localhost.pem'));
    const days = Number(/good for (\d+) days/.exec(says)?.[1]);
    expect(checkCertificates(values('test-only-localhost.pem'), Date.now() + (days - 10) * 86_400_000)).toMatchObject([{ level: 'warn', says: expect.stringMatching(/ends in (9|10) days$/) }]);
    expect(checkCertificates(values('README.md'))).toMatchObject([{ level: 'fail', says: expect.stringMatching(/no certificate that can be read$/) }]);
  });
});

test('the command prints each line with its advice, and its exit code is 1 when something fails', () => {
  const run = (changes: object) => spawnSync(process.execPath, ['--conditions=@kiosk/source', join(import.meta.dirname, '../doctor-command.ts')], {
    env: { PATH: process.env['PATH'], CONFIG_FILE: settingsFile, NODE_NO_WARNINGS: '1', ...ports, STORAGE_PATH: ground.storagePath, BACKUP_PATH: ground.backupPath, BACKUP_KEYS_PATH: ground.backupKeysPath, ...changes }, encoding: 'utf8',
  });
  const well = run({});
  expect([well.status, well.stdout]).toEqual([0, expect.stringMatching(/\n\d+ ok, \d+ warnings?, 0 failures\n$/)]);
  const ill = run({ BACKUP_AGE_LIMIT_MS: '1' });
  expect([ill.status, ill.stdout]).toEqual([1, expect.stringMatching(/^fail {2}backup: the newest, .* old\n {6}→ npm run backup/m)]);
});

async function serve(listener: RequestListener, { tls = false }: { tls?: boolean } = {}): Promise<AsyncDisposable & { url: string }> {
  const certificates = join(import.meta.dirname, '../../../dev/outbox/certificates');
  const server = tls
    ? createTlsServer({ key: readFileSync(join(certificates, 'test-only-key.pem')), cert: readFileSync(join(certificates, 'test-only-localhost.pem')) }, listener)
    : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: tls ? `https://localhost:${(server.address() as AddressInfo).port}` : `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
