import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { FaultKind } from './outbox.ts';
import { startMs, startTestOutbox } from './testing.ts';

const ACCOUNT = { smscLogin: 'kiosk', smscPassword: 'secret' };
const SEND = { login: 'kiosk', psw: 'secret', fmt: '3', charset: 'utf-8', phones: '+79001234567', mes: 'Отчёт готов', sender: 'KIOSK' };

test('a text is kept, and its status changes by hand', async () => {
  await using box = await startTestOutbox(ACCOUNT);
  expect(await box.form('/sys/send.php', SEND)).toMatchObject({ status: 200, body: { id: 1, cnt: 1 } });
  expect(box.outbox.texts()).toMatchObject([
    { provider: 'smsc', to: '+79001234567', from: 'KIOSK', body: 'Отчёт готов', id: '1', parts: 1, at: startMs },
  ]);
  const status = () => box.form('/sys/status.php', { ...SEND, phone: '79001234567', id: '1' });
  expect((await status()).body).toMatchObject({ status: -1 });
  box.advance(5000);
  expect(await box.outbox.deliver('1', 1)).toEqual({});
  expect((await status()).body).toEqual({ status: 1, last_date: '20.11.2026 09:00:05', last_timestamp: startMs / 1000 + 5 });
  expect((await box.form('/sys/status.php', { ...SEND, phone: '79001234567', id: '2' })).body).toEqual({ status: -3 });
  await expect(box.outbox.deliver('1', 77)).rejects.toThrow('the status is one of');
});

test('the id can be the client’s own; cost=1 only asks for the price; the balance sinks', async () => {
  await using box = await startTestOutbox({ ...ACCOUNT, smscBalance: 10 });
  expect((await box.form('/sys/send.php', { ...SEND, cost: '1' })).body).toEqual({ cost: '4.20', cnt: 1 });
  expect(box.outbox.texts()).toEqual([]);
  expect((await box.form('/sys/send.php', { ...SEND, id: '4711', cost: '3' })).body).toEqual({ id: 4711, cnt: 1, cost: '4.20', balance: '5.80' });
  expect((await box.form('/sys/balance.php', SEND)).body).toEqual({ balance: '5.80' });
  expect((await box.form('/sys/send.php', { ...SEND, mes: 'я'.repeat(71) })).body).toMatchObject({ error_code: 3, id: expect.any(Number) });
});

test('several numbers: one request, one id, a text each', async () => {
  await using box = await startTestOutbox();
  expect((await box.form('/sys/send.php', { ...SEND, phones: '79001234567;79007654321' })).body).toEqual({ id: 1, cnt: 2 });
  expect(box.outbox.texts().map((text) => text.to)).toEqual(['79001234567', '79007654321']);
});

test('a charset that is left out is windows-1251, as there', async () => {
  await using box = await startTestOutbox();
  const { charset: _left, ...rest } = SEND;
  await box.form('/sys/send.php', rest);
  expect(box.outbox.texts()[0]?.body).not.toBe(SEND.mes);
});

test('GET works like POST, and without fmt=3 the answer is words', async () => {
  await using box = await startTestOutbox();
  const { fmt: _left, ...rest } = SEND;
  expect((await box.get(`/sys/send.php?${new URLSearchParams(rest).toString()}`)).text).toBe('OK - 1 SMS, ID - 1');
});

test.each<[string, object]>([
  ['the password', {}], ['its MD5', { psw: createHash('md5').update('secret').digest('hex') }],
  ['an API key', { apikey: 'secret', login: '', psw: '' }],
])('%s is right', async (_how, change) => {
  await using box = await startTestOutbox(ACCOUNT);
  expect((await box.form('/sys/send.php', { ...SEND, ...change })).body).toMatchObject({ id: 1 });
});

test.each<[string, number, object]>([
  ['a wrong password', 2, { psw: 'wrong' }], ['a wrong login', 2, { login: 'x' }], ['a wrong key', 2, { apikey: 'x' }], ['no text', 1, { mes: '' }],
  ['no number', 1, { phones: '' }], ['a bad number', 7, { phones: '12' }], ['a bad id', 1, { id: 'x' }],
])('%s is error %i, with HTTP 200, and nothing is kept', async (_what, code, change) => {
  await using box = await startTestOutbox(ACCOUNT);
  expect(await box.form('/sys/send.php', { ...SEND, ...change }))
    .toMatchObject({ status: 200, body: { error_code: code, error: expect.any(String) } });
  expect(box.outbox.texts()).toEqual([]);
});

test('the same text to the same number within a minute is error 9', async () => {
  await using box = await startTestOutbox();
  await box.form('/sys/send.php', SEND);
  expect((await box.form('/sys/send.php', SEND)).body).toMatchObject({ error_code: 9 });
  expect((await box.form('/sys/send.php', { ...SEND, mes: 'Другой' })).body).toMatchObject({ cnt: 1 });
  box.advance(60_000);
  expect((await box.form('/sys/send.php', SEND)).body).toMatchObject({ cnt: 1 });
});

describe('faults', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('error %i; those about a message have its id', async (code) => {
    await using box = await startTestOutbox();
    box.outbox.faults.add({ on: 'sms_send', kind: 'reply', code });
    const { body } = await box.form('/sys/send.php', SEND);
    expect(body.error_code).toBe(code);
    expect('id' in body).toBe([3, 6, 7, 8].includes(code));
    expect((await box.form('/sys/send.php', SEND)).body).toMatchObject({ cnt: 1 });
  });

  test.each<[FaultKind, object | string, number]>([
    ['refuse', { status: 200, body: { error_code: 8 } }, 0],
    ['too_many', { status: 200, body: { error_code: 9, error: 'too many concurrent requests' } }, 0],
    ['error_500', { status: 500 }, 0], ['garbage', { status: 200, body: undefined }, 0],
    ['reset', 'no answer', 0], ['accept_then_drop', 'no answer', 1],
  ])('%s', async (kind, expected, kept) => {
    await using box = await startTestOutbox();
    box.outbox.faults.add({ on: 'sms_send', kind });
    expect([await box.form('/sys/send.php', SEND).catch(() => 'no answer')]).toMatchObject([expected]);
    expect(box.outbox.texts()).toHaveLength(kept);
  });

  test.each<[FaultKind, number]>([['hang', 0], ['accept_then_hang', 1]])('%s: no answer ever', async (kind, kept) => {
    await using box = await startTestOutbox();
    box.outbox.faults.add({ on: 'sms_send', kind });
    const signal = AbortSignal.timeout(3000);
    const request = fetch(`${box.outbox.httpUrl}/sys/send.php`, { method: 'POST', body: new URLSearchParams(SEND), signal });
    await expect(request).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(box.outbox.texts()).toHaveLength(kept);
  });

  test('of the status only, of one number only, of this service only', async () => {
    await using box = await startTestOutbox();
    box.outbox.faults.add({ on: 'sms_status', kind: 'error_500' });
    box.outbox.faults.add({ on: 'sms_send', kind: 'too_many', provider: 'twilio' });
    box.outbox.faults.add({ on: 'sms_send', kind: 'refuse', recipient: '+79007654321' });
    expect((await box.form('/sys/send.php', SEND)).body).toMatchObject({ id: 1 });
    expect((await box.form('/sys/status.php', { ...SEND, phone: SEND.phones, id: '1' })).status).toBe(500);
    expect((await box.form('/sys/send.php', { ...SEND, phones: '+79007654321' })).body).toMatchObject({ error_code: 8 });
  });

  test('wrong credentials use up no fault', async () => {
    await using box = await startTestOutbox(ACCOUNT);
    box.outbox.faults.add({ on: 'sms_send', kind: 'error_500' });
    expect((await box.form('/sys/send.php', { ...SEND, psw: 'x' })).body).toMatchObject({ error_code: 2 });
    expect(box.outbox.faults.all()).toHaveLength(1);
  });
});
