import { describe, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import { defaultThicknessLimits } from './thickness.ts';

test('without settings it is DEV: no payment required, peers on this machine', () => {
  expect(readConfig({})).toMatchObject({
    requirePayment: false, sessionsAddress: '127.0.0.1:50051', paymentsAddress: '127.0.0.1:50052', thicknessLimits: defaultThicknessLimits,
    emailFrom: { name: 'Проверка автомобиля', address: 'reports@kiosk.example' },
  });
});

test('X1 in PROD the development outboxes are refused, each by name', () => {
  expect(() => readConfig({ AGENT_ENV: 'PROD' })).toThrow(/EMAIL_PROVIDER must not be dev in PROD.*SMS_PROVIDER must not be dev in PROD/);
});

test('thickness limits are given over the defaults, and a mistyped one is refused by name', () => {
  const { thicknessLimits } = readConfig({ THICKNESS_LIMITS: '{"fillerFromUm": 350, "zoneNorms": {"hood": {"minUm": 1, "maxUm": 2, "typicalUm": 2}}}' });
  expect(thicknessLimits).toEqual({
    ...defaultThicknessLimits, fillerFromUm: 350, zoneNorms: { ...defaultThicknessLimits.zoneNorms, hood: { minUm: 1, maxUm: 2, typicalUm: 2 } },
  });
  expect(() => readConfig({ THICKNESS_LIMITS: '{"filler": 350}' })).toThrow(/THICKNESS_LIMITS/);
});

test.each([
  ['reports@kiosk.ru', { name: '', address: 'reports@kiosk.ru' }], ['Киоск <reports@kiosk.ru>', { name: 'Киоск', address: 'reports@kiosk.ru' }],
])('D9 EMAIL_FROM %s is a sender', (EMAIL_FROM, expected) => {
  expect(readConfig({ EMAIL_FROM }).emailFrom).toEqual(expected);
});

test.each(['kiosk', 'a@b.ru, c@d.ru', 'Киоск <a@b.ru> <c@d.ru>'])('D9 EMAIL_FROM %s is refused', (EMAIL_FROM) => {
  expect(() => readConfig({ EMAIL_FROM })).toThrow(/EMAIL_FROM .*must be an e-mail address/);
});

describe('X1 a provider that is chosen has what it needs, or the start is refused by name', () => {
  test.each<[Record<string, string>, RegExp]>([
    [{ EMAIL_PROVIDER: 'smtp' }, /^SMTP_HOST is required with the provider smtp$/],
    [{ EMAIL_PROVIDER: 'sendgrid' }, /^SENDGRID_API_KEY is required with the provider sendgrid$/],
    [{ EMAIL_FALLBACK_PROVIDER: 'sendgrid' }, /^SENDGRID_API_KEY is required/],
    [{ SMS_PROVIDER: 'twilio' }, /^TWILIO_ACCOUNT_SID is required .*; TWILIO_AUTH_TOKEN is required .*; SMS_FROM is required/],
    [{ SMS_PROVIDER: 'smsc', SMSC_LOGIN: 'kiosk' }, /^SMSC_PASSWORD is required with the provider smsc$/],
    [{ EMAIL_PROVIDER: 'smtp', SMTP_HOST: 'mail.example.com', SMTP_USER: 'kiosk' }, /SMTP_USER and SMTP_PASS are given together/],
    [{ EMAIL_PROVIDER: 'smtp', SMTP_HOST: 'mail.example.com', EMAIL_FALLBACK_PROVIDER: 'smtp' }, /EMAIL_FALLBACK_PROVIDER must be another/],
    [{ SMSC_API_URL: 'http://sms.example.com' }, /^SMSC_API_URL must be https, or http on loopback$/],
    [{ REPORT_PUBLIC_URL: `https://${'k'.repeat(25)}` }, /^REPORT_PUBLIC_URL must be at most 32 characters/],
    [{ SMS_PROVIDER: 'pigeon' }, /SMS_PROVIDER .*must be one of dev, twilio, smsc/],
  ])('X1 %j', (env, says) => {
    expect(() => readConfig(env)).toThrow(says);
  });

  test('a secret that is not valid is not repeated', () => {
    expect(() => readConfig({ EMAIL_PROVIDER: 'smtp', SMTP_HOST: 'mail.example.com', SMTP_USER: 'kiosk', SMTP_PASS: 'secret\nX' })).toThrow(/^(?!.*secret).*SMTP_PASS/);
  });
});

const dayMs = 24 * 3_600_000;

test.each<[Record<string, string>, RegExp]>([
  [{ REPORT_RETENTION_MS: String(7 * dayMs - 1), REPORT_LINK_TTL_MS: String(4 * dayMs) }, /^REPORT_RETENTION_MS .*must be a whole number from 604800000 /],
  [{ REPORT_LINK_TTL_MS: String(4 * dayMs - 1) }, /^REPORT_LINK_TTL_MS .*must be a whole number from 345600000 /],
  [{ REPORT_RETENTION_MS: String(8 * dayMs), REPORT_LINK_TTL_MS: String(8 * dayMs + 1) }, /^REPORT_LINK_TTL_MS must be at most REPORT_RETENTION_MS/],
])('D3 what is tried for 72 hours outlives them, and no message names a day on which its report is gone: %j is refused', (env, says) => {
  expect(() => readConfig(env)).toThrow(says);
});

test('D3 the shortest that is let through', () => {
  expect(readConfig({ REPORT_RETENTION_MS: String(7 * dayMs), REPORT_LINK_TTL_MS: String(7 * dayMs) })).toMatchObject({ reportRetentionMs: 7 * dayMs, linkTtlMs: 7 * dayMs });
});

test.each([
  ['mail.example.com', 'false', 'starttls', 587], ['mail.example.com', 'true', 'implicit', 465], ['127.0.0.1', 'false', 'loopback', 587], ['localhost', 'true', 'implicit', 465],
])('SMTP to %s with SMTP_SECURE %s is %s on port %i', (host, secure, security, port) => {
  const { emailProviders } = readConfig({ EMAIL_PROVIDER: 'smtp', SMTP_HOST: host, SMTP_SECURE: secure });
  expect(emailProviders).toMatchObject([{ name: 'smtp', host, security, port }]);
});

test('SMSC\'s spare host is asked only in place of its own address', () => {
  const urls = (env: Record<string, string>) => readConfig({ SMS_PROVIDER: 'smsc', SMSC_LOGIN: 'a', SMSC_PASSWORD: 'b', ...env }).smsProviders.map((one) => (one.name === 'smsc' ? one.apiUrls : []));
  expect(urls({})).toEqual([['https://smsc.ru', 'https://www2.smsc.ru']]);
  expect(urls({ SMSC_API_URL: 'http://127.0.0.1:8025/sys/' })).toEqual([['http://127.0.0.1:8025']]);
});
