/** X1: what a start refuses, by table. */
import { describe, expect, test } from '@jest/globals';
import { SettingsError } from '@kiosk/service';
import { readConfig } from '../config.ts';

const real = { AGENT_ENV: 'PROD', PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: '506751', YOOKASSA_SECRET_KEY: 'live_secret', PRICES: '[]' };
const pretend = { AGENT_ENV: 'DEV', PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: '506751', YOOKASSA_SECRET_KEY: 'test_secret', PRICES: '[]' };

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('X1 a start is refused', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['in an unknown environment', { ...real, AGENT_ENV: 'STAGE' }, /^AGENT_ENV/],
    ['in an environment in small letters', { ...real, AGENT_ENV: 'prod' }, /^AGENT_ENV/],
    ['in PROD with the development PSP', { AGENT_ENV: 'PROD', PAYMENTS_PROVIDER: 'dev', PRICES: '[]' }, /^PAYMENTS_PROVIDER must not be dev in PROD/],
    ['in PROD with no provider named', { AGENT_ENV: 'PROD', PRICES: '[]' }, /^PAYMENTS_PROVIDER must not be dev in PROD/],
    ['with an unknown provider', { ...real, PAYMENTS_PROVIDER: 'sber' }, /^PAYMENTS_PROVIDER/],
    ['without the shop’s number', { ...real, YOOKASSA_SHOP_ID: '' }, /^YOOKASSA_SHOP_ID is required/],
    ['without the secret key', { ...real, YOOKASSA_SECRET_KEY: '' }, /^YOOKASSA_SECRET_KEY is required/],
    ['in DEV without the secret key', { ...pretend, YOOKASSA_SECRET_KEY: '' }, /^YOOKASSA_SECRET_KEY is required/],
    ['in PROD with a test key', { ...real, YOOKASSA_SECRET_KEY: 'test_secret' }, /test key/],
    ['in DEV with a live key', { ...pretend, YOOKASSA_SECRET_KEY: 'live_secret' }, /live key/],
    ['with an API address in the clear', { ...real, YOOKASSA_API_URL: 'http://api.yookassa.ru/v3' }, /^YOOKASSA_API_URL must be https/],
    ['with an API address that only begins like loopback', { ...real, YOOKASSA_API_URL: 'http://127.0.0.1.evil.example/v3' }, /^YOOKASSA_API_URL must be https/],
    ['with an API address that is none', { ...real, YOOKASSA_API_URL: 'api.yookassa.ru' }, /^YOOKASSA_API_URL/],
    ['with credentials in the API address', { ...real, YOOKASSA_API_URL: 'https://shop:key@api.yookassa.ru/v3' }, /^YOOKASSA_API_URL/],
    ['with a notification list that is none', { ...real, YOOKASSA_WEBHOOK_ALLOWED_IPS: '185.71.76.0/27,yookassa.ru' }, /^YOOKASSA_WEBHOOK_ALLOWED_IPS: yookassa\.ru/],
    ['with a notification list of impossible width', { ...real, YOOKASSA_WEBHOOK_ALLOWED_IPS: '185.71.76.0/33' }, /^YOOKASSA_WEBHOOK_ALLOWED_IPS/],
    ['with a notification list of half a width', { ...real, YOOKASSA_WEBHOOK_ALLOWED_IPS: '185.71.76.0/' }, /^YOOKASSA_WEBHOOK_ALLOWED_IPS/],
    ['with receipts and no fallback address', { ...real, RECEIPTS_ENABLED: 'true' }, /^RECEIPT_FALLBACK_EMAIL is required/],
    ['with a fallback address that is none', { ...real, RECEIPTS_ENABLED: 'true', RECEIPT_FALLBACK_EMAIL: 'operator' }, /^RECEIPT_FALLBACK_EMAIL/],
    ['with a vat code that there is not', { ...real, RECEIPT_VAT_CODE: '13' }, /^RECEIPT_VAT_CODE/],
    ['with vat code 0', { ...real, RECEIPT_VAT_CODE: '0' }, /^RECEIPT_VAT_CODE/],
    ['with a tax system that there is not', { ...real, RECEIPT_TAX_SYSTEM_CODE: '7' }, /^RECEIPT_TAX_SYSTEM_CODE/],
    ['with a time limit that outlives the claim on a call', { ...real, YOOKASSA_TIMEOUT_MS: '45000' }, /^YOOKASSA_TIMEOUT_MS/],
    ['with prices that are none', { ...real, PRICES: '[{"service":"thickness","name":"x","amountMinor":0,"currency":"RUB"}]' }, /^PRICES/],
    ['with an unknown confirmation', { ...real, YOOKASSA_CONFIRMATION: 'embedded' }, /^YOOKASSA_CONFIRMATION/],
  ])('%s', (_, env, problem) => {
    const problems = problemsOf(env);
    expect(problems).toEqual([expect.stringMatching(problem)]);
    // X2: a key ends up in the wrong variable sooner or later.
    expect(problems.join()).not.toMatch(/live_secret|test_secret|shop:key/);
  });

  test('with every problem named at once', () => {
    expect(problemsOf({ AGENT_ENV: 'PROD', PAYMENTS_PROVIDER: 'yookassa', PRICES: '[]', RECEIPTS_ENABLED: 'true' })).toHaveLength(3);
  });
});

describe('X1 what is taken', () => {
  test.each<[string, Record<string, string>]>([
    ['PROD with real credentials', real],
    ['PROD with a key of neither kind, as older shops have', { ...real, YOOKASSA_SECRET_KEY: 'AbCdEf123' }],
    ['DEV with a test key', pretend],
    ['DEV with the development PSP', { AGENT_ENV: 'DEV', PRICES: '[]' }],
    ['a pretend YooKassa on loopback', { ...pretend, YOOKASSA_API_URL: 'http://127.0.0.1:8088/v3' }],
    ['a pretend YooKassa on IPv6 loopback', { ...pretend, YOOKASSA_API_URL: 'http://[::1]:8088/v3' }],
  ])('%s', (_, env) => expect(problemsOf(env)).toEqual([]));

  test('in PROD test objects confirm nothing, prices are enforced and foreign addresses refused; in DEV the other way round, unless it is said otherwise', () => {
    const list = '[{"service":"thickness","name":"x","amountMinor":35000,"currency":"RUB"}]';
    const prod = readConfig({ ...real, PRICES: list });
    expect([prod.yookassa.testAllowed, prod.prices.length, prod.allowedAddresses?.length]).toEqual([false, 1, 7]);
    const dev = readConfig({ ...pretend, PRICES: list });
    expect([dev.yookassa.testAllowed, dev.prices.length, dev.allowedAddresses]).toEqual([true, 0, undefined]);
    const said = readConfig({ ...real, PRICES: list, PRICES_ENFORCED: 'false', YOOKASSA_WEBHOOK_ADDRESS_CHECK: 'refetch' });
    expect([said.yookassa.testAllowed, said.prices.length, said.allowedAddresses]).toEqual([false, 0, undefined]);
    expect(readConfig({ ...pretend, YOOKASSA_WEBHOOK_ADDRESS_CHECK: 'refuse' }).allowedAddresses).toHaveLength(7);
  });

  test('the time limit of a call is above YooKassa’s own thirty seconds by default', () => {
    expect(readConfig(real).yookassa.timeoutMs).toBe(35_000);
  });
});
