import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closest } from './closest.ts';

/** Runs `npm run config:check` with this settings file and nothing else in the environment. */
function check(file: object | string, env: Record<string, string> = {}, args: string[] = []): { code: number | null; lines: string[]; output: string } {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'kiosk-config-'));
  const path = join(folder.path, 'service.json');
  writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@kiosk/source', join(import.meta.dirname, 'config-command.ts'), ...args], {
    env: { PATH: process.env['PATH'], CONFIG_FILE: path, NODE_NO_WARNINGS: '1', ...env }, encoding: 'utf8',
  });
  const output = stdout + stderr;
  return { code: status, output, lines: output.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  ').trim()) };
}

const prod = {
  AGENT_ENV: 'PROD', PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: '123456', YOOKASSA_SECRET_KEY: 'live_0123456789', YOOKASSA_WEBHOOK_URL: 'https://kiosk.ru/api/payments/webhook',
  EMAIL_PROVIDER: 'smtp', SMTP_HOST: 'smtp.kiosk.ru', EMAIL_FROM: 'reports@kiosk.ru', SMS_PROVIDER: 'smsc', SMSC_LOGIN: 'kiosk', SMSC_PASSWORD: 'a-secret-of-smsc',
  KIOSK_API_KEYS: 'hall-1:0123456789abcdef', OPERATOR_API_KEYS: 'anna:fedcba9876543210', REPORT_PUBLIC_URL: 'https://kiosk.ru', RECEIPTS_ENABLED: 'true', RECEIPT_FALLBACK_EMAIL: 'receipts@kiosk.ru',
  PRICES: [{ service: 'thickness', name: 'sedan', amountMinor: 35_000, currency: 'RUB' }],
};

test('what is set is shown with where it comes from, the environment over the file; the rest are defaults', () => {
  const { code, lines } = check({ PORT: 3100, LOG_LEVEL: 'warn' }, { PORT: '3200' });
  expect(code).toBe(0);
  expect(lines).toEqual(expect.arrayContaining(['PORT  environment  3200', 'LOG_LEVEL  file  warn', 'ok: the services start with these settings in DEV']));
  expect(check({}, {}, ['--all']).lines).toContain('SESSION_TTL_MS  default  3600000');
});

test('X2 no secret is ever shown, right or wrong, in the file or in the environment', () => {
  const { output, lines } = check({ ...prod, YOOKASSA_SECRET_KEY: 'test_whatever-it-is' }, { SMSC_PASSWORD: 'another-secret', KIOSK_API_KEYS: 'hall-1:short-secret' });
  expect(lines).toContain('SMSC_PASSWORD  environment  (secret, 14 characters)');
  for (const secret of ['test_whatever', 'another-secret', 'a-secret-of-smsc', 'short-secret', 'fedcba98']) expect(output).not.toContain(secret);
});

test('X1 in PROD everything that is missing is named at once, with the exit code 1', () => {
  const { code, lines } = check({ AGENT_ENV: 'PROD' });
  expect(code).toBe(1);
  expect(lines.filter((line) => line.startsWith('fail'))).toEqual([
    expect.stringContaining('PAYMENTS_PROVIDER must not be dev'), expect.stringContaining('EMAIL_PROVIDER must not be dev'), expect.stringContaining('SMS_PROVIDER must not be dev'),
    expect.stringContaining('PROD needs API keys'),
  ]);
});

test('in DEV it says what PROD would miss, and starts all the same; --prod judges as PROD', () => {
  const { code, lines } = check({});
  expect(code).toBe(0);
  expect(lines).toContain('missing  PROD needs API keys: set KIOSK_API_KEYS and OPERATOR_API_KEYS');
  expect(check({}, {}, ['--prod']).code).toBe(1);
});

test('a whole set of PROD settings has nothing wrong and nothing to look at', () => {
  const { code, lines } = check(prod);
  expect(lines.filter((line) => /^(fail|warn)/.test(line))).toEqual([]);
  expect([code, lines.at(-2)]).toEqual([0, 'ok: the services start with these settings in PROD']);
});

test.each<[changes: object, sentence: RegExp]>([
  [{ RECEIPT_FALLBACK_EMAIL: '' }, /^fail {2}RECEIPT_FALLBACK_EMAIL/],
  [{ SMS_PROVIDER: 'twilio' }, /^fail {2}TWILIO_ACCOUNT_SID is required with the provider twilio/],
  [{ YOOKASSA_SECRET_KEY: 'test_0' }, /^fail {2}YOOKASSA_SECRET_KEY is a test key/],
  [{ PORT: 'http' }, /^fail {2}PORT \(settings file\) must be a whole number/],
  [{ PRICES: [] }, /^warn {2}PRICES is empty/],
  [{ REPORT_PUBLIC_URL: 'http://localhost:3000' }, /^warn {2}REPORT_PUBLIC_URL is this machine/],
  [{ HOST: '0.0.0.0' }, /^warn {2}HOST listens to everybody/],
  [{ YOOKASSA_WEBHOOK_URL: 'http://kiosk.ru/api/payments/webhook' }, /^warn {2}YOOKASSA_WEBHOOK_URL must be https/],
])('PROD with %j is told so', (changes, sentence) => {
  const { lines, code } = check({ ...prod, ...changes });
  expect(lines).toContainEqual(expect.stringMatching(sentence));
  expect(code).toBe(lines.some((line) => line.startsWith('fail')) ? 1 : 0);
});

test('a misspelt name is told with the nearest one, in the file and in the environment; others\' variables are nobody\'s business', () => {
  const { code, lines } = check({ PAYMENT_TTL: 1 }, { YOOKASA_SHOP_ID: '1', SMTP_PASSWORD: 'x', HOME: '/root', SHELL: '/bin/sh', HOSTNAME: 'box', NODE_ENV: 'production', OTEL_TRACES_SAMPLER: 'always_on' });
  expect(code).toBe(1);
  expect(lines.filter((line) => line.startsWith('fail'))).toEqual([
    'fail  PAYMENT_TTL (settings file) is no setting: did you mean PAYMENT_TTL_MS?',
    'fail  YOOKASA_SHOP_ID (environment) is no setting: did you mean YOOKASSA_SHOP_ID?',
    'fail  SMTP_PASSWORD (environment) is no setting: did you mean SMTP_PASS?',
  ]);
  expect(closest('COMPLETELY_DIFFERENT', ['PORT', 'PAYMENT_TTL_MS'])).toBeUndefined();
});

test('a file that is no JSON is a sentence, not a stack', () => {
  expect(check('{ "PORT": 3000')).toMatchObject({ code: 1, output: expect.stringMatching(/^fail {2}the settings file service\.json is not valid JSON\n$/) });
});
