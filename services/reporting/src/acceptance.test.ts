/**
 * D1–D6 as one table: whatever befalls an attempt, how its delivery ends, over real SMTP and HTTP. Each row is a report of its own; three attempts' time passes,
 * the fault strikes the first one. What each answer means is told in the providers' own tests; QUIT is not in the table because a pooled connection is closed without it.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { FaultInput } from '@kiosk/outbox';
import { create, hourMs, minuteMs, read, startClock, startTestReporting, type Clock, type TestReporting } from './testing.ts';
import { smtpPass, smtpUser, startMailServer, type Outbox } from './testing-providers.ts';

type Channel = 'email' | 'sms';
type End = { ends: string; kept: number; attempts: number; ambiguous: number };

/** Sent by the second attempt, and nobody has it twice. */
const later: End = { ends: 'SENT', kept: 1, attempts: 2, ambiguous: 0 };
/** Nobody knows what became of the first attempt; it had not arrived. */
const unknown: End = { ends: 'SENT', kept: 1, attempts: 2, ambiguous: 1 };
/** It had, and nothing tells us so: the one case of a second copy. */
const twice: End = { ends: 'SENT', kept: 2, attempts: 2, ambiguous: 1 };
const dead = (reason: string): End => ({ ends: `DEAD ${reason}`, kept: 0, attempts: 1, ambiguous: 0 });

type Provider = { channel: Channel; settings: (outbox: Outbox) => Record<string, string> };
const providers = {
  smtp: {
    channel: 'email',
    settings: ({ smtpPort }) => ({ EMAIL_PROVIDER: 'smtp', SMTP_HOST: '127.0.0.1', SMTP_PORT: String(smtpPort), SMTP_USER: smtpUser, SMTP_PASS: smtpPass }),
  },
  sendgrid: { channel: 'email', settings: ({ httpUrl }) => ({ EMAIL_PROVIDER: 'sendgrid', SENDGRID_API_KEY: 'SG.key', SENDGRID_API_URL: httpUrl }) },
  twilio: {
    channel: 'sms',
    settings: ({ httpUrl }) => ({
      SMS_PROVIDER: 'twilio', SMS_FROM: '+15005550006', TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`, TWILIO_AUTH_TOKEN: 'token', TWILIO_API_URL: httpUrl,
    }),
  },
  smsc: { channel: 'sms', settings: ({ httpUrl }) => ({ SMS_PROVIDER: 'smsc', SMSC_LOGIN: 'kiosk', SMSC_PASSWORD: 'secret', SMSC_API_URL: httpUrl }) },
} as const satisfies Record<string, Provider>;
type ProviderName = keyof typeof providers;

type Row = [what: string, fault: FaultInput, end: End];
const smtpSteps = ['connect', 'greeting', 'ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data'] as const;

/** What is the same for every API over HTTP. */
function httpRows(on: FaultInput['on'], onceKept: End): Row[] {
  return [
    ['429', { on, kind: 'too_many' }, later], ['500', { on, kind: 'error_500' }, later], ['hang', { on, kind: 'hang' }, unknown], ['reset', { on, kind: 'reset' }, unknown],
    ['unreadable answer', { on, kind: 'garbage' }, unknown], ['accept-then-drop', { on, kind: 'accept_then_drop' }, onceKept], ['accept-then-hang', { on, kind: 'accept_then_hang' }, onceKept],
  ];
}

function replies(on: FaultInput['on'], codes: Record<number, End>): Row[] {
  return Object.entries(codes).map(([code, end]) => [`${code} at ${on}`, { on, kind: 'reply', code: Number(code) }, end]);
}

const table: Record<ProviderName, Row[]> = {
  smtp: [
    ['greylisting', { on: 'rcpt', kind: 'greylist' }, later],
    ...replies('rcpt', { 421: later, 450: later, 451: later, 452: later, 550: dead('recipient_refused'), 552: dead('recipient_refused'), 554: dead('recipient_refused') }),
    ...replies('after_data', { 421: later, 450: later, 452: later, 550: dead('message_refused'), 552: dead('message_refused'), 554: dead('message_refused') }),
    ...replies('greeting', { 421: later, 554: later }), ...replies('auth', { 454: later, 535: later }), ...replies('mail', { 451: later, 550: later, 552: dead('message_refused') }),
    ...smtpSteps.map((on): Row => [`hang at ${on}`, { on, kind: 'hang' }, later]),
    ['hang after the final dot', { on: 'after_data', kind: 'hang' }, unknown], ['reset after the final dot', { on: 'after_data', kind: 'reset' }, unknown],
    ['accept-then-drop', { on: 'after_data', kind: 'accept_then_drop' }, twice], ['accept-then-hang', { on: 'after_data', kind: 'accept_then_hang' }, twice],
    ['garbage instead of TLS', { on: 'starttls', kind: 'garbage' }, later],
  ],
  sendgrid: [
    ...httpRows('sendgrid', twice),
    ...replies('sendgrid', { 400: dead('message_refused'), 401: later, 403: later, 413: dead('message_refused'), 502: unknown, 503: later, 504: unknown }),
    ['an unverified sender', { on: 'sendgrid', kind: 'refuse' }, later],
  ],
  twilio: [
    ...httpRows('sms_send', twice),
    ...replies('sms_send', {
      20_003: later, 20_503: later, 21_211: dead('recipient_refused'), 21_408: later, 21_606: later, 21_610: dead('recipient_refused'), 21_614: dead('recipient_refused'),
      21_212: later, 21_657: later, 21_703: later, 21_617: later, 21_635: dead('recipient_refused'),
    }),
  ],
  // Which is asked whether it has a message: D4 nobody reads it twice.
  smsc: [
    ...httpRows('sms_send', unknown),
    ...replies('sms_send', {
      1: later, 2: later, 3: later, 4: later, 5: later, 6: later, 7: dead('recipient_refused'), 8: dead('recipient_refused'), 9: later,
    }),
  ],
};

/** What a hang costs, and longer than a busy machine takes. */
const patienceMs = 2000;

type Running = AsyncDisposable & { outbox: Outbox; reporting: TestReporting; clock: Clock };

async function start(name: ProviderName): Promise<Running> {
  const clock = startClock();
  const outbox = await startMailServer({ now: clock.now });
  const reporting = await startTestReporting({ clock, devOutbox: true, settings: { DELIVERY_TIMEOUT_MS: String(patienceMs), ...providers[name].settings(outbox) } });
  return {
    outbox, reporting, clock,
    async [Symbol.asyncDispose]() {
      await reporting[Symbol.asyncDispose]();
      await outbox[Symbol.asyncDispose]();
    },
  };
}

let customers = 0;

/** A report for somebody new, who has had no text message today. */
async function open({ reporting }: Running, channel: Channel): Promise<{ id: string; to: string }> {
  customers += 1;
  const deliverTo = channel === 'email' ? { email: `customer${customers}@example.com` } : { phone: `+79120000${String(customers).padStart(3, '0')}` };
  const { id } = await create(reporting, { sessionId: reporting.visits.open({ contact: undefined }), deliverTo });
  return { id, to: deliverTo.email ?? deliverTo.phone };
}

async function endOf({ reporting, outbox }: Running, { id, to }: { id: string; to: string }): Promise<End> {
  const { deliveries: [delivery] } = await read(reporting, id);
  const [{ ambiguous } = {}] = reporting.sql('SELECT ambiguous_attempts AS ambiguous FROM deliveries WHERE report_id = ?', id);
  const reason = delivery!.lastError === undefined ? '' : ` ${delivery!.lastError}`;
  const kept = [...outbox.mails().filter((mail) => mail.to.includes(to)), ...outbox.texts().filter((text) => text.to === to)];
  return { ends: delivery!.status.replace('DELIVERY_STATUS_', '') + reason, kept: kept.length, attempts: delivery!.attempts, ambiguous: Number(ambiguous) };
}

describe.each(Object.keys(table) as ProviderName[])('%s', (name) => {
  const { channel } = providers[name];
  let all: Running;
  beforeAll(async () => {
    all = await start(name);
  });
  beforeEach(async () => {
    if (name !== 'smtp') return;
    // A connection is kept for the next message: each row has to begin with a greeting.
    await all[Symbol.asyncDispose]();
    all = await start(name);
  });
  afterAll(async () => {
    await all[Symbol.asyncDispose]();
  });

  test.each(table[name])(`D1 D4 D5 ${name}: %s`, async (_what, fault, end) => {
    const { outbox, reporting, clock } = all;
    outbox.faults.clear();
    outbox.faults.add(fault);
    const report = await open(all, channel);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await reporting.service.deliverDue();
      clock.advance(5 * minuteMs);
    }
    expect(await endOf(all, report)).toEqual(end);
    const copies = outbox.mails().filter((mail) => mail.to.includes(report.to));
    // SendGrid's own id is kept in place of the header, which is in the request.
    expect(new Set(copies.map(({ messageId, raw, provider }) => (provider === 'smtp' ? messageId : /"Message-ID":"[^"]+"/.exec(raw.toString())![0]))).size).toBe(Math.min(copies.length, 1));
    expect(JSON.stringify(reporting.logged)).not.toContain(report.to);
  });

  test.each([['an hour', 1], ['a day', 24]])(`D3 ${name} down for %s: nothing is lost, and all is sent, once, within five minutes of its return`, async (_what, hours) => {
    const { outbox, reporting, clock } = all;
    outbox.faults.clear();
    await outbox.down();
    const reports = [await open(all, channel), await open(all, channel), await open(all, channel)];
    for (let passedMs = 0; passedMs < hours * hourMs; passedMs += 15 * minuteMs) {
      await reporting.service.deliverDue();
      clock.advance(15 * minuteMs);
    }
    await reporting.service.deliverDue();
    await outbox.up();
    for (let minute = 0; minute < 5; minute += 1) {
      clock.advance(minuteMs);
      await reporting.service.deliverDue();
    }
    for (const report of reports) expect(await endOf(all, report)).toMatchObject({ ends: 'SENT', kept: 1, ambiguous: 0 });
  });
});

test('D3 D5 a mail server whose certificate is not good gets nothing, is tried every few minutes, and the operator is told', async () => {
  await using outbox = await startMailServer();
  const settings = { EMAIL_PROVIDER: 'smtp', SMTP_HOST: 'localhost', SMTP_PORT: String(outbox.smtpsPort), SMTP_SECURE: 'true', SMTP_USER: smtpUser, SMTP_PASS: smtpPass };
  await using reporting = await startTestReporting({ devOutbox: true, settings });
  const { id } = await create(reporting, { sessionId: reporting.visits.open({ contact: undefined }), deliverTo: { email: 'ivan@example.com' } });
  for (let attempt = 0; attempt < 8; attempt += 1) {
    await reporting.service.deliverDue();
    reporting.clock.advance(4 * minuteMs);
  }
  expect((await read(reporting, id)).deliveries).toMatchObject([{ status: 'DELIVERY_STATUS_QUEUED', attempts: 8, lastError: 'connection_insecure' }]);
  expect(outbox.mails()).toEqual([]);
  expect(await reporting.metric('reports_provider_troubles_total', { method: 'email', reason: 'connection_insecure' })).toBe(8);
});
