import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FaultInput } from '@kiosk/outbox';
import { describe, expect, test } from '@jest/globals';
import { createTwilioSms, type TwilioOptions } from './sms-twilio.ts';
import { outcome, patienceMs, patienceMsFor, signal, startOutbox, text } from './testing-providers.ts';
import { isSignedByTwilio, readTwilioReport } from './twilio-callback.ts';

const account = { twilioSid: 'AC00000000000000000000000000000001', twilioToken: 'token-of-the-pretend-account' };

function twilioAt(apiUrl: string, change: Partial<TwilioOptions> = {}) {
  return createTwilioSms({ apiUrl, accountSid: account.twilioSid, authToken: account.twilioToken, from: '+15005550006', timeoutMs: patienceMs, ...change });
}

test('a text message arrives as one part, and has Twilio\'s number', async () => {
  await using outbox = await startOutbox(account);
  const { providerId } = await twilioAt(outbox.httpUrl).send(text, { signal });
  expect(outbox.texts()).toMatchObject([{ provider: 'twilio', to: text.to, from: '+15005550006', body: text.text, parts: 1, id: providerId }]);
});

test('a sender that is a messaging service is named as one', async () => {
  await using outbox = await startOutbox(account);
  const service = `MG${'0'.repeat(32)}`;
  await twilioAt(outbox.httpUrl, { from: service }).send(text, { signal });
  expect(outbox.texts()).toMatchObject([{ from: service }]);
});

describe('D4 D5 what went wrong', () => {
  const on = 'sms_send';
  test.each<[FaultInput, string, number]>([
    [{ on, kind: 'reply', code: 21_211 }, 'permanent recipient_refused', 0],
    [{ on, kind: 'reply', code: 21_614 }, 'permanent recipient_refused', 0],
    [{ on, kind: 'refuse' }, 'permanent recipient_refused', 0],
    [{ on, kind: 'reply', code: 21_635 }, 'permanent recipient_refused', 0],
    [{ on, kind: 'reply', code: 21_606 }, 'temporary sender_refused', 0],
    // An invalid sender, one that is not registered, a messaging service that is unknown or empty, a text too long.
    ...[21_212, 21_657, 21_701, 21_703, 21_705, 21_617].map((code): [FaultInput, string, number] => [{ on, kind: 'reply', code }, 'temporary sender_refused', 0]),
    [{ on, kind: 'reply', code: 21_408 }, 'temporary sender_refused', 0],
    [{ on, kind: 'reply', code: 20_003 }, 'temporary credentials_refused', 0],
    [{ on, kind: 'reply', code: 20_404 }, 'temporary credentials_refused', 0],
    [{ on, kind: 'too_many' }, 'temporary rate_limited', 0],
    [{ on, kind: 'error_500' }, 'temporary provider_unavailable', 0],
    [{ on, kind: 'reply', code: 20_503 }, 'temporary provider_unavailable', 0],
    [{ on, kind: 'hang' }, 'ambiguous timeout', 0],
    [{ on, kind: 'reset' }, 'ambiguous connection_lost', 0],
    [{ on, kind: 'garbage' }, 'ambiguous answer_unreadable', 0],
    [{ on, kind: 'accept_then_drop' }, 'ambiguous connection_lost', 1],
    [{ on, kind: 'accept_then_hang' }, 'ambiguous timeout', 1],
  ])('%j: %s', async (fault, first, kept) => {
    await using outbox = await startOutbox(account);
    outbox.faults.add({ provider: 'twilio', ...fault });
    expect(await outcome(twilioAt(outbox.httpUrl, { timeoutMs: patienceMsFor(fault) }).send(text, { signal }))).toBe(first);
    expect(outbox.texts()).toHaveLength(kept);
    expect(await outcome(twilioAt(outbox.httpUrl).send(text, { signal }))).toBe('sent');
  });

  test('a wrong token is refused without a word of it, and D3 nobody there was not heard', async () => {
    await using outbox = await startOutbox(account);
    const error = await twilioAt(outbox.httpUrl, { authToken: 'wrong-secret' }).send(text, { signal }).catch((reason: unknown) => reason) as Error;
    expect(error).toMatchObject({ kind: 'temporary', reason: 'credentials_refused' });
    expect([error, error.cause].map((each) => String((each as Error).stack)).join()).not.toContain('wrong-secret');
    await outbox.down('http');
    expect(await outcome(twilioAt(outbox.httpUrl).send(text, { signal }))).toBe('temporary provider_unavailable');
  });
});

test('its callback is believed only with its signature over the address and every field', async () => {
  const heard: { fields: URLSearchParams; signature: string }[] = [];
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      heard.push({ fields: new URLSearchParams(Buffer.concat(chunks as Buffer[]).toString()), signature: String(request.headers['x-twilio-signature']) });
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callbacks/twilio?a=1`;
  await using outbox = await startOutbox(account);
  const { providerId } = await twilioAt(outbox.httpUrl, { statusCallbackUrl: url }).send(text, { signal });
  for (const status of ['sent', 'delivered', 'undelivered']) await outbox.deliver(providerId!, status);
  server.close();
  const authToken = account.twilioToken;
  for (const { fields, signature } of heard) {
    expect(isSignedByTwilio({ authToken, url, fields, signature })).toBe(true);
    expect(isSignedByTwilio({ authToken: 'another', url, fields, signature })).toBe(false);
    expect(isSignedByTwilio({ authToken, url: `${url}2`, fields, signature })).toBe(false);
    expect(isSignedByTwilio({ authToken, url, fields: new URLSearchParams([...fields, ['MessageStatus', 'delivered']]), signature })).toBe(false);
    expect(isSignedByTwilio({ authToken, url, fields, signature: '' })).toBe(false);
  }
  expect(heard.map(({ fields }) => readTwilioReport(fields))).toEqual([undefined, { providerId, outcome: 'delivered' }, { providerId, outcome: 'undelivered' }]);
});
