import type { FaultInput } from '@kiosk/outbox';
import { describe, expect, test } from '@jest/globals';
import { createSmscSms, numberOf, type SmscOptions } from './sms-smsc.ts';
import { outcome, patienceMs, patienceMsFor, signal, startOutbox, text } from './testing-providers.ts';

const account = { smscLogin: 'kiosk', smscPassword: 'password-of-the-pretend-account' };

function smscAt(apiUrl: string, change: Partial<SmscOptions> = {}) {
  return createSmscSms({ apiUrls: [apiUrl], login: account.smscLogin, password: account.smscPassword, from: 'KIOSK', timeoutMs: patienceMs, ...change });
}

test('a text message arrives in Russian as one part, under a number that is the same in every attempt', async () => {
  await using outbox = await startOutbox(account);
  const { providerId } = await smscAt(outbox.httpUrl).send(text, { signal });
  expect(outbox.texts()).toMatchObject([{ provider: 'smsc', to: text.to, from: 'KIOSK', body: text.text, parts: 1, id: providerId }]);
  expect(providerId).toBe(numberOf(text.deliveryId));
  expect(Number(providerId)).toBeLessThan(2 ** 31);
});

describe('D4 D5 what went wrong', () => {
  const on = 'sms_send';
  test.each<[FaultInput, string, number]>([
    [{ on, kind: 'reply', code: 1 }, 'temporary sender_refused', 0],
    [{ on, kind: 'reply', code: 2 }, 'temporary credentials_refused', 0],
    [{ on, kind: 'reply', code: 3 }, 'temporary account_unfunded', 0],
    [{ on, kind: 'reply', code: 4 }, 'temporary credentials_refused', 0],
    [{ on, kind: 'reply', code: 5 }, 'temporary sender_refused', 0],
    [{ on, kind: 'reply', code: 6 }, 'temporary sender_refused', 0],
    [{ on, kind: 'reply', code: 7 }, 'permanent recipient_refused', 0],
    [{ on, kind: 'reply', code: 8 }, 'permanent recipient_refused', 0],
    [{ on, kind: 'too_many' }, 'temporary rate_limited', 0],
    [{ on, kind: 'error_500' }, 'temporary provider_unavailable', 0],
    [{ on, kind: 'hang' }, 'ambiguous timeout', 0],
    [{ on, kind: 'reset' }, 'ambiguous connection_lost', 0],
    [{ on, kind: 'garbage' }, 'ambiguous answer_unreadable', 0],
    [{ on, kind: 'accept_then_drop' }, 'ambiguous connection_lost', 1],
    [{ on, kind: 'accept_then_hang' }, 'ambiguous timeout', 1],
  ])('%j: %s', async (fault, first, kept) => {
    await using outbox = await startOutbox(account);
    outbox.faults.add({ provider: 'smsc', ...fault });
    expect(await outcome(smscAt(outbox.httpUrl, { timeoutMs: patienceMsFor(fault) }).send(text, { signal }))).toBe(first);
    expect(outbox.texts()).toHaveLength(kept);
    // Whatever happened, the repetition ends with exactly one text.
    expect(await outcome(smscAt(outbox.httpUrl).send(text, { signal, mayHaveArrived: first.startsWith('ambiguous') }))).toBe('sent');
    expect(outbox.texts()).toHaveLength(1);
  });

  test('D4 a repetition that SMSC refuses as one is known to have arrived', async () => {
    await using outbox = await startOutbox(account);
    const sms = smscAt(outbox.httpUrl);
    await sms.send(text, { signal });
    expect(await outcome(sms.send(text, { signal }))).toBe('sent');
    expect(outbox.texts()).toHaveLength(1);
  });

  test('asking in vain whether a message arrived is not another ambiguous attempt', async () => {
    await using outbox = await startOutbox(account);
    outbox.faults.add({ on: 'sms_status', kind: 'reset' });
    expect(await outcome(smscAt(outbox.httpUrl).send(text, { signal, mayHaveArrived: true }))).toBe('temporary provider_unavailable');
    expect(outbox.texts()).toEqual([]);
  });

  test('no money is the operator\'s affair, and the balance is told', async () => {
    await using outbox = await startOutbox({ ...account, smscBalance: 3 });
    expect(await outcome(smscAt(outbox.httpUrl).send(text, { signal }))).toBe('temporary account_unfunded');
    expect(await smscAt(outbox.httpUrl).balance()).toBe(3);
  });

  test('a wrong password is refused without a word of it', async () => {
    await using outbox = await startOutbox(account);
    const error = await smscAt(outbox.httpUrl, { password: 'wrong-secret' }).send(text, { signal }).catch((reason: unknown) => reason) as Error;
    expect(error).toMatchObject({ kind: 'temporary', reason: 'credentials_refused' });
    expect([error, error.cause].map((each) => String((each as Error).stack)).join()).not.toContain('wrong-secret');
  });
});

describe('D3 the spare host', () => {
  test('D3 takes over while the first cannot be reached, and only then', async () => {
    await using first = await startOutbox(account);
    await using spare = await startOutbox(account);
    const sms = smscAt(first.httpUrl, { apiUrls: [first.httpUrl, spare.httpUrl] });
    await first.down('http');
    expect(await outcome(sms.send(text, { signal }))).toBe('sent');
    await first.up('http');
    first.faults.add({ on: 'sms_send', kind: 'reset' });
    expect(await outcome(sms.send({ ...text, deliveryId: 'dlv_3', text: 'Другой отчёт готов.' }, { signal }))).toBe('ambiguous connection_lost');
    expect([first.texts().length, spare.texts().length]).toEqual([0, 1]);
    await Promise.all([first.down('http'), spare.down('http')]);
    expect(await outcome(sms.send(text, { signal }))).toBe('temporary provider_unavailable');
  });
});

test.each([[-1, undefined], [0, undefined], [1, 'delivered'], [2, 'delivered'], [3, 'undelivered'], [20, 'undelivered'], [22, 'undelivered'], [25, 'undelivered'], [-2, 'undelivered']])(
  'status %i of a message it took: %s', async (status, outcomeOfIt) => {
    await using outbox = await startOutbox(account);
    const sms = smscAt(outbox.httpUrl);
    const { providerId } = await sms.send(text, { signal });
    await outbox.deliver(providerId!, status);
    expect((await sms.report({ to: text.to, providerId: providerId! }))?.outcome).toBe(outcomeOfIt);
    expect(await sms.report({ to: '+79990000000', providerId: providerId! })).toBeUndefined();
  },
);
