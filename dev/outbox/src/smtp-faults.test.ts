import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { FaultInput, FaultKind, Step } from './outbox.ts';
import { startTestOutbox, until } from './testing.ts';

const COMMANDS: Step[] = ['greeting', 'ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'after_data'];
const USER = { user: 'kiosk' };
/** For faults that a client can only wait out. */
const SHORT_PATIENCE_MS = 800;

/** Sends one mail into the fault, then one without: the first must fail, the second arrive. */
async function struck(fault: FaultInput): Promise<{ error: Error & { responseCode?: number; code?: string }; kept: number }> {
  await using box = await startTestOutbox();
  // HELO follows a refused EHLO.
  box.outbox.faults.add({ times: fault.on === 'ehlo' ? 2 : 1, ...fault });
  const waits = ['hang', 'garbage', 'accept_then_hang'].includes(fault.kind);
  const isStruck = () => box.outbox.journal().some((one) => one.on === fault.on && one.fault === fault.kind);
  let error: Error | undefined;
  // On a busy machine that patience can be over before the fault is reached.
  for (let times = 0; times < 5 && !isStruck(); times += 1) {
    const first = box.mail({ ...USER, ...(waits ? { patienceMs: SHORT_PATIENCE_MS } : {}) });
    error = await first.then(() => undefined, (reason: Error) => reason);
  }
  const kept = box.outbox.mails().length;
  expect(isStruck()).toBe(true);
  expect(error).toBeDefined();
  box.outbox.faults.clear();
  await box.mail(USER);
  expect(box.outbox.mails()).toHaveLength(kept + 1);
  return { error: error!, kept };
}

describe('a refusal reaches the client with its code, and nothing is kept', () => {
  test.each<[Step, number]>([
    ['greeting', 421], ['greeting', 554], ['ehlo', 421], ['starttls', 421], ['auth', 454], ['mail', 451], ['mail', 552],
    ['rcpt', 450], ['rcpt', 452], ['rcpt', 550], ['data', 451], ['data', 554],
    ['after_data', 421], ['after_data', 450], ['after_data', 552], ['after_data', 554],
  ])('%s %i', async (on, code) => {
    const { error, kept } = await struck({ on, kind: 'reply', code, text: 'so it is' });
    expect(error.message).toContain(`${code} so it is`);
    expect(kept).toBe(0);
  });
});

describe('the usual refusals', () => {
  test.each<[Step, FaultKind, number]>([
    ['auth', 'refuse', 535], ['mail', 'refuse', 550], ['rcpt', 'refuse', 550], ['data', 'refuse', 554], ['after_data', 'refuse', 554],
    ['rcpt', 'error_500', 451], ['after_data', 'too_many', 421], ['greeting', 'too_many', 421],
  ])('%s %s: %i', async (on, kind, code) => {
    const { error, kept } = await struck({ on, kind });
    expect(error.message).toContain(`${code} `);
    expect(kept).toBe(0);
  });
});

describe('without an answer', () => {
  test.each<Step>(['connect', ...COMMANDS])('hang at %s: the client gives up by itself, and nothing is kept', async (on) => {
    const { error, kept } = await struck({ on, kind: 'hang' });
    expect(error.message).toMatch(/timeout|never received/i);
    expect(kept).toBe(0);
  });

  test.each<Step>(['connect', ...COMMANDS])('reset at %s: nothing is kept', async (on) => {
    const { error, kept } = await struck({ on, kind: 'reset' });
    expect(error.message).toMatch(/ECONNRESET|closed/i);
    expect(kept).toBe(0);
  });

  test.each<Step>(['connect', ...COMMANDS])('garbage at %s: nothing is kept', async (on) => {
    expect((await struck({ on, kind: 'garbage' })).kept).toBe(0);
  });
});

describe('after the final dot the client cannot know', () => {
  test('D4 accept_then_drop keeps the mail and drops the connection; a repeat has the same Message-ID', async () => {
    await using box = await startTestOutbox();
    box.outbox.faults.add({ on: 'after_data', kind: 'accept_then_drop' });
    await expect(box.mail()).rejects.toThrow(/closed|ECONNRESET/i);
    expect(box.outbox.mails()).toHaveLength(1);
    await box.mail();
    expect(box.outbox.mails().map((mail) => mail.messageId)).toEqual(['<d1@kiosk>', '<d1@kiosk>']);
  });

  test('accept_then_hang keeps the mail and says nothing', async () => {
    const { error, kept } = await struck({ on: 'after_data', kind: 'accept_then_hang' });
    expect(error.message).toMatch(/timeout/i);
    expect(kept).toBe(1);
  });
});

describe('bad TLS', () => {
  test.each([
    ['expired', false, /expired/], ['other_host', false, /altnames/], ['untrusted', false, /self-signed/],
    ['expired', true, /expired/], ['other_host', true, /altnames/], ['untrusted', true, /self-signed/],
  ] as const)('%s, implicit TLS %s: the client refuses', async (certificate, secure, says) => {
    await using box = await startTestOutbox();
    box.outbox.faults.add({ on: 'starttls', kind: 'bad_tls', certificate });
    await expect(box.mail({ secure, host: 'localhost' })).rejects.toThrow(says);
    expect(box.outbox.mails()).toEqual([]);
    await box.mail({ secure });
  });

  test.each([false, true])('garbage is no handshake, implicit TLS %s', async (secure) => {
    await using box = await startTestOutbox();
    box.outbox.faults.add({ on: 'starttls', kind: 'garbage' });
    await expect(box.mail({ secure })).rejects.toThrow(/wrong version number|packet length|SSL/i);
  });
});

test('greylist refuses each recipient once, with 450', async () => {
  await using box = await startTestOutbox();
  box.outbox.faults.add({ on: 'rcpt', kind: 'greylist' });
  for (const to of ['a@example.org', 'b@example.org']) {
    await expect(box.mail({ to: [to] })).rejects.toMatchObject({ code: 'EENVELOPE', responseCode: 450 });
    await box.mail({ to: [to.toUpperCase()] });
  }
  expect(box.outbox.mails()).toHaveLength(2);
});

test('a fault can be aimed at one recipient, and strikes as often as it says', async () => {
  await using box = await startTestOutbox();
  box.outbox.faults.add({ on: 'rcpt', kind: 'reply', code: 550, recipient: 'Bad@example.org', times: 2 });
  await box.mail();
  for (let time = 0; time < 2; time += 1) await expect(box.mail({ to: ['bad@example.org'] })).rejects.toMatchObject({ responseCode: 550 });
  await box.mail({ to: ['bad@example.org'] });
  expect(box.outbox.mails()).toHaveLength(2);
});

test('one bad recipient of two: the mail is kept for the other', async () => {
  await using box = await startTestOutbox();
  box.outbox.faults.add({ on: 'rcpt', kind: 'refuse', recipient: 'bad@example.org' });
  await box.mail({ to: ['bad@example.org', 'good@example.org'] });
  expect(box.outbox.mails()).toMatchObject([{ to: ['good@example.org'] }]);
});

test.each<FaultInput>([
  { on: 'mail', kind: 'gremlin' as FaultKind }, { on: 'mail', kind: 'accept_then_drop' }, { on: 'rcpt', kind: 'reply' },
  { on: 'rcpt', kind: 'reply', code: 250 },
  { on: 'sms_send', kind: 'reply', code: 450 }, { on: 'connect', kind: 'reply', code: 421 }, { on: 'rcpt', kind: 'hang', code: 450 },
])('nonsense is refused: %j', async (fault) => {
  await using box = await startTestOutbox();
  expect(() => box.outbox.faults.add(fault)).toThrow(/kind|code|reply|SMTP|SMSC/);
  expect(box.outbox.faults.all()).toEqual([]);
});

test('closing ends conversations that hang, and handshakes that were begun', async () => {
  const box = await startTestOutbox();
  box.outbox.faults.add({ on: 'rcpt', kind: 'hang' });
  const hanging = box.mail().catch(() => 'ended');
  const half = connect(box.outbox.smtpsPort, '127.0.0.1', () => half.write(Buffer.from([0x16, 3, 1])));
  half.on('error', () => undefined);
  const times = (on: Step) => box.outbox.journal().filter((one) => one.on === on).length;
  await until(() => times('rcpt') === 1 && times('connect') === 2);
  await box[Symbol.asyncDispose]();
  expect(await hanging).toBe('ended');
});
