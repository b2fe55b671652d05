/** The service whole, over real SMTP and HTTP to the pretend providers, as its settings name them. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeliveryProvider, DeliveryStatus, type Report } from '@kiosk/contracts/reporting/v1/reporting';
import { Fault } from '@kiosk/fault';
import { partsOf, readMail } from '@kiosk/outbox';
import { describe, expect, test } from '@jest/globals';
import type { EmailMessage } from './email.ts';
import { openedLater } from './providers.ts';
import { SendError } from './send-error.ts';
import { create, failure, hourMs, minuteMs, read, standInSms, startClock, startTestReporting, type TestReporting } from './testing.ts';
import { startOutbox, type Outbox } from './testing-providers.ts';

const email = 'ivan.petrov@example.com';
const phone = '+79123456789';
const twilioToken = 'token-of-the-pretend-account';
const statusCallbackUrl = 'https://kiosk.example/callbacks/twilio';

const smtp = ({ smtpPort }: Outbox) => ({ EMAIL_PROVIDER: 'smtp', SMTP_HOST: '127.0.0.1', SMTP_PORT: String(smtpPort) });
const sendgrid = ({ httpUrl, sendgridPublicKey }: Outbox) => ({ SENDGRID_API_KEY: 'SG.key', SENDGRID_API_URL: httpUrl, SENDGRID_WEBHOOK_PUBLIC_KEY: sendgridPublicKey });
const smsc = ({ httpUrl }: Outbox) => ({ SMS_PROVIDER: 'smsc', SMSC_LOGIN: 'kiosk', SMSC_PASSWORD: 'secret-of-smsc', SMSC_API_URL: httpUrl });
const twilio = ({ httpUrl }: Outbox) => ({
  SMS_FROM: '+15005550006', TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`, TWILIO_AUTH_TOKEN: twilioToken, TWILIO_API_URL: httpUrl,
  TWILIO_STATUS_CALLBACK_URL: statusCallbackUrl,
});

async function start(settings: (outbox: Outbox) => Record<string, string> = (outbox) => ({ ...smtp(outbox), ...smsc(outbox) })) {
  const clock = startClock();
  const outbox = await startOutbox({ now: clock.now });
  const reporting = await startTestReporting({ clock, devOutbox: true, settings: { DELIVERY_TIMEOUT_MS: '20000', REPORT_PUBLIC_URL: 'https://kiosk.example', ...settings(outbox) } });
  return {
    outbox, reporting, clock,
    async [Symbol.asyncDispose]() {
      await reporting[Symbol.asyncDispose]();
      await outbox[Symbol.asyncDispose]();
    },
  };
}

/** Attempts, one longest pause apart. */
async function attempts({ service, clock }: TestReporting, count: number): Promise<void> {
  for (let attempt = 0; attempt < count; attempt += 1) {
    await service.deliverDue();
    clock.advance(5 * minuteMs);
  }
}

async function statuses(reporting: TestReporting, { id }: Report): Promise<string[]> {
  return (await read(reporting, id)).deliveries.map(({ channel, status }) => `${channel.slice(17)} ${status.slice(16)}`);
}

function tokenIn(text: string): string {
  return /https:\/\/kiosk\.example\/r\/([\w-]{22})(?![\w-])/.exec(text)![1]!;
}

/** Twilio's call, signed. */
function tellAsTwilio({ client }: TestReporting, fields: Record<string, string>, token = twilioToken) {
  const sorted = Object.entries(fields).sort(([left], [right]) => (left < right ? -1 : 1)).flat().join('');
  const signature = createHmac('sha1', token).update(statusCallbackUrl + sorted).digest('base64');
  return client.receiveDeliveryStatus({
    provider: DeliveryProvider.DELIVERY_PROVIDER_TWILIO, body: Buffer.from(new URLSearchParams(fields).toString()), signature, timestamp: '',
  });
}

test('D1 D10 a visit ends in an e-mail with the PDF and a link, and in one part of text with a link, each of which opens the report', async () => {
  await using all = await start();
  const { outbox, reporting } = all;
  const report = await create(reporting, { sessionId: reporting.visits.open() });
  await reporting.service.deliverDue();
  expect(await statuses(reporting, report)).toEqual(['EMAIL SENT', 'SMS SENT']);

  const { pdf } = await reporting.client.getReportPdf({ reportId: report.id });
  const mail = await readMail(outbox.mails()[0]!);
  expect(mail.attachments[0]!.content.equals(pdf)).toBe(true);
  const [text] = outbox.texts();
  expect(text).toMatchObject({ to: phone, body: expect.stringMatching(/^Отчёт готов: https:\/\/kiosk\.example\/r\/[\w-]{22}$/) });
  expect(partsOf(text!.body)).toEqual({ encoding: 'UCS-2', count: 1 });
  const tokens = [tokenIn(mail.text!), tokenIn(text!.body)];
  expect(new Set(tokens).size).toBe(2);
  for (const token of tokens) expect(await reporting.client.openLink({ isLook: false, token })).toEqual({ pdf, sha256: report.sha256, reportId: report.id, fileName: mail.attachments[0]!.filename });
  expect(reporting.sql('SELECT sum(opened) AS opened FROM report_links')).toEqual([{ opened: 2 }]);
  expect(await reporting.metric('reports_links_opened_total')).toBe(2);
  for (const table of ['report_links', 'deliveries', 'audit_logs']) for (const token of tokens) expect(JSON.stringify(reporting.sql(`SELECT * FROM ${table}`))).not.toContain(token);
});

describe('D10 a link', () => {
  async function sentLink(reporting: TestReporting, outbox: Outbox): Promise<{ token: string; reportId: string }> {
    const { id: reportId } = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
    await reporting.service.deliverDue();
    return { token: tokenIn(outbox.texts().at(-1)!.body), reportId };
  }

  test('D10 expires', async () => {
    await using all = await start();
    const { token } = await sentLink(all.reporting, all.outbox);
    all.clock.advance(30 * 24 * hourMs - 1);
    await all.reporting.client.openLink({ isLook: false, token });
    all.clock.advance(1);
    expect(await failure(all.reporting.client.openLink({ isLook: false, token }))).toEqual({ kind: 'not_found', reason: 'link_expired' });
    all.clock.advance(30 * 24 * hourMs + 1);
    await all.reporting.service.forget();
    expect(await failure(all.reporting.client.openLink({ isLook: false, token }))).toEqual({ kind: 'not_found', reason: 'link_unknown' });
  });

  test('D10 opens for whoever has it, whatever kiosk\'s key comes along, and a look is not counted', async () => {
    await using all = await start();
    const { reporting, outbox } = all;
    const { id } = await create(reporting, { sessionId: reporting.visits.open({ kioskId: 'k-1' }), deliverTo: { phone } });
    await reporting.service.deliverDue();
    const token = tokenIn(outbox.texts()[0]!.body);
    expect((await reporting.client.openLink({ token, isLook: true }, { caller: { role: 'kiosk', name: 'k-2' } })).reportId).toBe(id);
    expect(reporting.sql('SELECT opened FROM report_links')).toEqual([{ opened: 0 }]);
    await reporting.client.openLink({ token, isLook: false }, { caller: { role: 'kiosk', name: 'k-2' } });
    expect(reporting.sql('SELECT opened FROM report_links')).toEqual([{ opened: 1 }]);
  });

  test('D10 is revoked with all of its report\'s, and a later delivery has another', async () => {
    await using all = await start();
    const { reporting, outbox } = all;
    const { token, reportId } = await sentLink(reporting, outbox);
    expect(await reporting.client.revokeLinks({ reportId })).toEqual({ revoked: 1 });
    expect(await reporting.client.revokeLinks({ reportId })).toEqual({ revoked: 0 });
    expect(await failure(reporting.client.openLink({ isLook: false, token }))).toEqual({ kind: 'not_found', reason: 'link_revoked' });
    await reporting.client.deliverReport({ idempotencyKey: '', reportId, to: { phone: '+79120000001' } });
    await reporting.service.deliverDue();
    expect((await reporting.client.openLink({ isLook: false, token: tokenIn(outbox.texts().at(-1)!.body) })).reportId).toBe(reportId);
  });

  test.each(['before the revocation', 'during it'])('D1 D10 is not revoked where nobody had it: the one attempt failed %s', async (when) => {
    await using reporting = await startTestReporting();
    const { sms, client, service, clock } = reporting;
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: failed, resolve: fail } = Promise.withResolvers<void>();
    sms.obstacle = () => {
      begin();
      return failed.then(() => Promise.reject(new SendError({ kind: 'temporary', reason: 'provider_unavailable' })));
    };
    const { id: reportId } = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
    await begun;
    if (when === 'before the revocation') {
      fail();
      await service.deliverDue();
    }
    await client.revokeLinks({ reportId });
    fail();
    await service.deliverDue();

    sms.obstacle = () => undefined;
    clock.advance(minuteMs);
    await service.deliverDue();
    const token = sms.sent[0]!.text.slice(-22);
    expect((await client.openLink({ isLook: false, token })).reportId).toBe(reportId);
    expect(await client.revokeLinks({ reportId })).toEqual({ revoked: 1 });
  });

  test('D10 is revoked where somebody may have it, whatever the provider said', async () => {
    await using reporting = await startTestReporting();
    const { sms, client, service, clock } = reporting;
    sms.obstacle = () => Promise.reject(new SendError({ kind: 'ambiguous', reason: 'connection_lost' }));
    const { id: reportId } = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
    await service.deliverDue();
    expect(await client.revokeLinks({ reportId })).toEqual({ revoked: 1 });
    sms.obstacle = () => undefined;
    clock.advance(minuteMs);
    await service.deliverDue();
    expect(await failure(client.openLink({ isLook: false, token: sms.sent[0]!.text.slice(-22) }))).toMatchObject({ reason: 'link_revoked' });
  });

  test.each(['', 'A'.repeat(22), 'A'.repeat(23), '../../etc/passwd', 'ы'.repeat(22)])('D10 %j opens nothing', async (token) => {
    await using reporting = await startTestReporting();
    expect(await failure(reporting.client.openLink({ isLook: false, token }))).toEqual({ kind: 'not_found', reason: 'link_unknown' });
  });

  test('S3 another kiosk does not revoke it, and D2 it opens nothing that is not paid', async () => {
    await using all = await start((outbox) => ({ ...smsc(outbox) }));
    const { token, reportId } = await sentLink(all.reporting, all.outbox);
    expect(await failure(all.reporting.client.revokeLinks({ reportId }, { caller: { role: 'kiosk', name: 'other' } }))).toEqual({ kind: 'not_found', reason: 'report_not_found' });
    const { folder, clock, visits } = all.reporting;
    await using strict = await startTestReporting({ folder, clock, visits, settings: { REPORTS_REQUIRE_PAYMENT: 'true' } });
    expect(await failure(strict.client.openLink({ isLook: false, token }))).toEqual({ kind: 'payment_required', reason: 'payment_required' });
  });
});

test('wrong credentials are the operator\'s affair: the delivery waits, an error is logged and counted, and no secret is told', async () => {
  await using all = await start((outbox) => ({ ...smsc(outbox), SMSC_PASSWORD: 'secret-that-is-wrong' }));
  const { outbox, reporting } = all;
  outbox.faults.add({ on: 'sms_send', kind: 'reply', code: 2 });
  const report = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
  await reporting.service.deliverDue();
  expect((await read(reporting, report.id)).deliveries).toMatchObject([{ status: DeliveryStatus.DELIVERY_STATUS_QUEUED, lastError: 'credentials_refused' }]);
  expect(await reporting.metric('reports_provider_troubles_total', { method: 'sms', reason: 'credentials_refused' })).toBe(1);
  expect(reporting.logged).toContainEqual(expect.objectContaining({ level: 'error', reason: 'credentials_refused', provider: 'smsc' }));
  expect(JSON.stringify(reporting.logged)).not.toContain('secret-that-is-wrong');
});

test('D3 a sender that could not be opened is opened by the next message, and once for all after it', async () => {
  let openings = 0;
  const sent: EmailMessage[] = [];
  await using sender = openedLater(async () => {
    openings += 1;
    if (openings === 1) throw new Error('EMFILE: too many open files');
    return {
      async send(message) {
        sent.push(message);
        return {};
      },
    };
  });
  const send = () => sender.send({} as EmailMessage, { signal: new AbortController().signal });
  await expect(send()).rejects.toThrow('EMFILE');
  await Promise.all([send(), send()]);
  expect({ openings, sent: sent.length }).toEqual({ openings: 2, sent: 2 });
});

describe('D3 the second provider', () => {
  test('D3 takes the next attempt after a failure of the moment, and the first one the one after', async () => {
    await using all = await start((outbox) => ({ ...smtp(outbox), ...sendgrid(outbox), EMAIL_FALLBACK_PROVIDER: 'sendgrid' }));
    const { outbox, reporting } = all;
    await outbox.down('smtp');
    outbox.faults.add({ on: 'sendgrid', kind: 'error_500' });
    const report = await create(reporting, { sessionId: reporting.visits.open({ contact: { email } }) });
    await attempts(reporting, 4);
    expect(await statuses(reporting, report)).toEqual(['EMAIL SENT']);
    expect(reporting.sql('SELECT attempts, provider FROM deliveries')).toEqual([{ attempts: 4, provider: 'sendgrid' }]);
    expect(outbox.mails()).toMatchObject([{ provider: 'sendgrid' }]);
  });

  test('D4 after an attempt that may have arrived the same one is asked, and nobody reads it twice', async () => {
    await using all = await start((outbox) => ({ ...smsc(outbox), ...twilio(outbox), SMS_FALLBACK_PROVIDER: 'twilio' }));
    const { outbox, reporting } = all;
    outbox.faults.add({ on: 'sms_send', kind: 'accept_then_drop' });
    const report = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
    await attempts(reporting, 2);
    expect(await statuses(reporting, report)).toEqual(['SMS SENT']);
    expect(outbox.texts()).toMatchObject([{ provider: 'smsc' }]);
  });
});

describe('D5 the other channel', () => {
  test('D5 an e-mail refused for good goes as a text, once, where the customer left a phone', async () => {
    await using all = await start();
    const { outbox, reporting } = all;
    outbox.faults.add({ on: 'rcpt', kind: 'reply', code: 550, times: 'always' });
    const report = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { email: 'gone@example.com' } });
    await reporting.service.deliverDue();
    await reporting.service.rerouteRefused();
    await reporting.service.deliverDue();
    await reporting.service.rerouteRefused();
    expect(await statuses(reporting, report)).toEqual(['EMAIL DEAD', 'SMS SENT']);
    expect(outbox.texts()).toHaveLength(1);
    expect(await reporting.metric('reports_rerouted_total', { method: 'sms' })).toBe(1);
  });

  test('D5 both refused: two dead, for the operator, and no storm', async () => {
    await using all = await start();
    const { outbox, reporting } = all;
    outbox.faults.add({ on: 'rcpt', kind: 'reply', code: 550, times: 'always' });
    outbox.faults.add({ on: 'sms_send', kind: 'reply', code: 7, times: 'always' });
    const report = await create(reporting, { sessionId: reporting.visits.open() });
    for (let round = 0; round < 3; round += 1) {
      await reporting.service.deliverDue();
      await reporting.service.rerouteRefused();
    }
    expect(await statuses(reporting, report)).toEqual(['EMAIL DEAD', 'SMS DEAD']);
  });

  test('D5 sessions away: the other channel is tried when they are back', async () => {
    await using all = await start();
    const { outbox, reporting } = all;
    outbox.faults.add({ on: 'sms_send', kind: 'reply', code: 8 });
    const report = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
    reporting.visits.fail(new Fault({ kind: 'unavailable', reason: 'sessions_unavailable', message: 'away' }));
    await reporting.service.deliverDue();
    await reporting.service.rerouteRefused();
    expect(await statuses(reporting, report)).toEqual(['SMS DEAD']);
    reporting.visits.fail(undefined);
    await reporting.service.rerouteRefused();
    await reporting.service.deliverDue();
    expect(new Set(await statuses(reporting, report))).toEqual(new Set(['EMAIL SENT', 'SMS DEAD']));
  });
});

test('D5 D6 a text that comes back after its report was erased is seen to at once, and keeps no other from the other channel', async () => {
  const shortest = { REPORT_RETENTION_MS: String(7 * 24 * hourMs), REPORT_LINK_TTL_MS: String(7 * 24 * hourMs) };
  await using all = await start((outbox) => ({ ...smtp(outbox), ...twilio(outbox), SMS_PROVIDER: 'twilio', ...shortest }));
  const { outbox, reporting, clock } = all;
  const erased = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
  await reporting.service.deliverDue();
  clock.advance(7 * 24 * hourMs + 1);
  await reporting.service.forget();
  await tellAsTwilio(reporting, { MessageSid: outbox.texts()[0]!.id, MessageStatus: 'undelivered' });
  expect(await statuses(reporting, erased)).toEqual(['SMS DEAD']);
  await reporting.service.rerouteRefused();
  expect(reporting.sql('SELECT count(*) AS count FROM deliveries WHERE status = \'dead\' AND rerouted_at IS NULL')).toEqual([{ count: 0 }]);
  expect(await statuses(reporting, erased)).toEqual(['SMS DEAD']);
});

test('a phone gets so many texts in 24 hours and no more; the surplus is dead, counted, and goes by e-mail where there is one', async () => {
  await using all = await start((outbox) => ({ ...smtp(outbox), ...smsc(outbox), SMS_DAILY_LIMIT_PER_PHONE: '2' }));
  const { outbox, reporting, clock } = all;
  const send = async () => create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
  const reports = [await send(), await send(), await send()];
  await reporting.service.deliverDue();
  await reporting.service.rerouteRefused();
  await reporting.service.deliverDue();
  expect(outbox.texts()).toHaveLength(2);
  const deliveries = reporting.sql('SELECT channel, status, last_error AS error FROM deliveries ORDER BY channel, status');
  expect(deliveries).toEqual([
    { channel: 'email', status: 'sent', error: null }, { channel: 'sms', status: 'dead', error: 'sms_budget' },
    { channel: 'sms', status: 'sent', error: null }, { channel: 'sms', status: 'sent', error: null },
  ]);
  expect(await reporting.metric('reports_failed_total', { method: 'sms', reason: 'sms_budget' })).toBe(1);
  clock.advance(24 * hourMs);
  await reporting.client.deliverReport({ idempotencyKey: '', reportId: reports[2]!.id, to: { phone } });
  await reporting.service.deliverDue();
  expect(outbox.texts()).toHaveLength(3);
});

describe('honest words: sent, then delivered', () => {
  test('SMSC is asked, ever more seldom, until it knows', async () => {
    await using all = await start();
    const { outbox, reporting, clock } = all;
    const report = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
    await reporting.service.deliverDue();
    const asked = () => outbox.journal().filter(({ on }) => on === 'sms_status').length;
    for (let minute = 0; minute < 60; minute += 1) {
      clock.advance(minuteMs);
      await reporting.service.askProviders();
    }
    expect(asked()).toBeLessThan(10);
    expect(await statuses(reporting, report)).toEqual(['SMS SENT']);
    outbox.faults.add({ on: 'sms_status', kind: 'reset' });
    clock.advance(hourMs);
    await reporting.service.askProviders();
    await outbox.deliver(outbox.texts()[0]!.id, 1);
    clock.advance(2 * hourMs);
    await reporting.service.askProviders();
    expect(await statuses(reporting, report)).toEqual(['SMS DELIVERED']);
    const sofar = asked();
    clock.advance(24 * hourMs);
    await reporting.service.askProviders();
    expect(asked()).toBe(sofar);
  });

  test('what became of one message is not said of another that has the same number', async () => {
    const sms = Object.assign(standInSms(), {
      send: async () => ({ providerId: '77' }),
      report: async ({ to }: { to: string }) => (to === phone ? { providerId: '77', outcome: 'delivered' as const } : undefined),
    });
    await using reporting = await startTestReporting({ sms });
    const other = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone: '+79120000001' } });
    const report = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
    await reporting.service.deliverDue();
    reporting.clock.advance(hourMs);
    await reporting.service.askProviders();
    expect(await statuses(reporting, other)).toEqual(['SMS SENT']);
    expect(await statuses(reporting, report)).toEqual(['SMS DELIVERED']);
  });

  test('SMSC could not deliver: dead, and D5 by e-mail instead', async () => {
    await using all = await start();
    const { outbox, reporting, clock } = all;
    const report = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
    await reporting.service.deliverDue();
    await outbox.deliver(outbox.texts()[0]!.id, 22);
    clock.advance(minuteMs);
    await reporting.service.askProviders();
    await reporting.service.rerouteRefused();
    await reporting.service.deliverDue();
    expect(new Set(await statuses(reporting, report))).toEqual(new Set(['SMS DEAD', 'EMAIL SENT']));
    expect(await reporting.metric('reports_failed_total', { method: 'sms', reason: 'undeliverable' })).toBe(1);
  });

  test('Twilio tells, signed; unsigned words and words about others change nothing', async () => {
    await using all = await start((outbox) => ({ ...twilio(outbox), SMS_PROVIDER: 'twilio' }));
    const { outbox, reporting } = all;
    const report = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone } });
    await reporting.service.deliverDue();
    const tell = (fields: Record<string, string>, token?: string) => tellAsTwilio(reporting, fields, token);
    const delivered = { MessageSid: outbox.texts()[0]!.id, MessageStatus: 'delivered' };
    expect(await failure(tell(delivered, 'another token'))).toEqual({ kind: 'forbidden', reason: 'callback_not_signed' });
    await tell({ ...delivered, MessageSid: `SM${'0'.repeat(32)}` });
    await tell({ ...delivered, MessageStatus: 'sent' });
    expect(await statuses(reporting, report)).toEqual(['SMS SENT']);
    await tell(delivered);
    await tell(delivered);
    await tell({ ...delivered, MessageStatus: 'undelivered' });
    expect(await statuses(reporting, report)).toEqual(['SMS DELIVERED']);
    expect(await reporting.metric('reports_arrived_total', { method: 'sms' })).toBe(1);
    expect(await failure(reporting.client.receiveDeliveryStatus({ provider: DeliveryProvider.DELIVERY_PROVIDER_SENDGRID, body: Buffer.from('[]'), signature: '', timestamp: '' })))
      .toEqual({ kind: 'forbidden', reason: 'callback_not_configured' });
  });

  test('SendGrid tells, signed, and names the delivery', async () => {
    const heard: { body: Buffer; signature: string; timestamp: string }[] = [];
    const server = createServer((request, response) => {
      void request.toArray().then((chunks) => {
        const header = (name: string) => String(request.headers[`x-twilio-email-event-webhook-${name}`]);
        heard.push({ body: Buffer.concat(chunks as Buffer[]), signature: header('signature'), timestamp: header('timestamp') });
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sendgridWebhookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await using outbox = await startOutbox({ sendgridWebhookUrl });
    await using reporting = await startTestReporting({ devOutbox: true, settings: { EMAIL_PROVIDER: 'sendgrid', ...sendgrid(outbox) } });
    const report = await create(reporting, { sessionId: reporting.visits.open({ contact: { email } }) });
    await reporting.service.deliverDue();
    await outbox.deliver(outbox.mails()[0]!.id, 'delivered');
    server.close();
    const [callback] = heard;
    const provider = DeliveryProvider.DELIVERY_PROVIDER_SENDGRID;
    expect(await failure(reporting.client.receiveDeliveryStatus({ provider, ...callback!, body: Buffer.from(callback!.body.toString().replace('delivered', 'bounce')) })))
      .toEqual({ kind: 'forbidden', reason: 'callback_not_signed' });
    await reporting.client.receiveDeliveryStatus({ provider, ...callback! });
    expect(await statuses(reporting, report)).toEqual(['EMAIL DELIVERED']);
  });
});
