import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { FaultInput } from './outbox.ts';
import { startListener, startTestOutbox } from './testing.ts';
import { twilioSignature } from './twilio.ts';

const SID = 'AC00000000000000000000000000000001';
const ACCOUNT = { twilioSid: SID, twilioToken: 'token' };
const PATH = `/2010-04-01/Accounts/${SID}/Messages.json`;
const BASIC = { authorization: `Basic ${btoa(`${SID}:token`)}` };
const SEND = { To: '+79001234567', From: '+15005550006', Body: 'Отчёт готов' };

test('a message is kept and can be asked about', async () => {
  await using box = await startTestOutbox(ACCOUNT);
  const { status, body } = await box.form(PATH, SEND, BASIC);
  expect(status).toBe(201);
  expect(body).toMatchObject({
    sid: expect.stringMatching(/^SM[0-9a-f]{32}$/), status: 'queued', to: SEND.To, body: SEND.Body, num_segments: '1', error_code: null,
  });
  expect(box.outbox.texts()).toMatchObject([{ provider: 'twilio', to: SEND.To, from: SEND.From, body: SEND.Body, id: body.sid, parts: 1 }]);
  const address = `/2010-04-01/Accounts/${SID}/Messages/${String(body.sid)}.json`;
  expect(await box.outbox.deliver(String(body.sid), 'undelivered')).toEqual({});
  expect((await box.get(address, BASIC)).body).toMatchObject({ sid: body.sid, status: 'undelivered', error_code: 30_003 });
  expect(await box.get(address.replace('SM', 'SN'), BASIC)).toMatchObject({ status: 404, body: { code: 20_404 } });
});

test('the status callback is a form, signed over its address and its sorted fields', async () => {
  await using box = await startTestOutbox(ACCOUNT);
  await using listener = await startListener(204);
  const { sid } = (await box.form(PATH, { ...SEND, StatusCallback: listener.url }, BASIC)).body;
  expect(await box.outbox.deliver(String(sid), 'failed')).toEqual({ url: listener.url, answer: 204 });
  const [heard] = listener.heard;
  const fields = Object.fromEntries(new URLSearchParams(heard?.body));
  expect(fields).toMatchObject({ MessageSid: sid, MessageStatus: 'failed', ErrorCode: '30008', AccountSid: SID });
  const signed = listener.url + Object.keys(fields).toSorted().map((name) => `${name}${fields[name]}`).join('');
  expect(heard?.headers['x-twilio-signature']).toBe(createHmac('sha1', 'token').update(signed).digest('base64'));
  await expect(box.outbox.deliver(String(sid), 'eaten')).rejects.toThrow('the status is one of');
});

test('the signature is the one of Twilio’s own example', () => {
  // https://www.twilio.com/docs/usage/security
  const fields: [string, string][] = [
    ['CallSid', 'CA1234567890ABCDE'], ['Caller', '+14158675310'], ['Digits', '1234'], ['From', '+14158675310'], ['To', '+18005551212'],
  ];
  expect(twilioSignature({ token: '12345', url: 'https://mycompany.com/myapp.php?foo=1&bar=2', fields })).toBe('GvWf1cFY/Q7PnoempGyD5oXAezc=');
});

test('a callback that nobody answers says so', async () => {
  await using box = await startTestOutbox();
  const { url } = await (async () => {
    await using listener = await startListener();
    return listener;
  })();
  const { sid } = (await box.form(PATH, { ...SEND, StatusCallback: url }, BASIC)).body;
  expect(await box.outbox.deliver(String(sid), 'sent')).toEqual({ url, error: 'ECONNREFUSED' });
});

test.each<[string, number, number, object]>([
  ['no recipient', 400, 21_604, { To: '' }], ['no sender', 400, 21_603, { From: '' }], ['no body', 400, 21_602, { Body: '' }],
  ['a bad number', 400, 21_211, { To: '89001234567' }], ['a long body', 400, 21_617, { Body: 'x'.repeat(1601) }],
])('%s is HTTP %i with code %i', async (_what, status, code, change) => {
  await using box = await startTestOutbox(ACCOUNT);
  expect(await box.form(PATH, { ...SEND, ...change }, BASIC)).toMatchObject({ status, body: { code, status } });
  expect(box.outbox.texts()).toEqual([]);
});

test.each<[string, Record<string, string>]>([
  ['none', {}], ['a wrong token', { authorization: `Basic ${btoa(`${SID}:x`)}` }],
  ['another account', { authorization: `Basic ${btoa('AC2:token')}` }],
])('credentials: %s is HTTP 401', async (_what, headers) => {
  await using box = await startTestOutbox(ACCOUNT);
  expect(await box.form(PATH, SEND, headers)).toMatchObject({ status: 401, body: { code: 20_003 } });
});

describe('faults', () => {
  test.each<[FaultInput, object | string, number]>([
    [{ on: 'sms_send', kind: 'too_many' }, { status: 429, body: { code: 20_429 } }, 0],
    [{ on: 'sms_send', kind: 'refuse' }, { status: 400, body: { code: 21_610 } }, 0],
    [{ on: 'sms_send', kind: 'error_500' }, { status: 500 }, 0],
    [{ on: 'sms_send', kind: 'reply', code: 21_614 }, { status: 400, body: { code: 21_614 } }, 0],
    [{ on: 'sms_send', kind: 'garbage' }, { status: 200, body: undefined }, 0],
    [{ on: 'sms_send', kind: 'reset' }, 'no answer', 0],
    [{ on: 'sms_send', kind: 'accept_then_drop' }, 'no answer', 1],
  ])('%j', async (fault, expected, kept) => {
    await using box = await startTestOutbox();
    box.outbox.faults.add(fault);
    expect([await box.form(PATH, SEND, BASIC).catch(() => 'no answer')]).toMatchObject([expected]);
    expect(box.outbox.texts()).toHaveLength(kept);
  });
});
