/** A paid visit as it is in production: AGENT_ENV=PROD, real processes, keys, and the outside world played by dev/psp and dev/outbox in their own protocols. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { partsOf, readMail, startOutbox, type Outbox } from '@kiosk/outbox';
import { startPsp, type Psp } from '@kiosk/psp';
import { startProcesses, type Processes } from '@kiosk/stack';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expectProblem, kioskAt, prices, type Delivery, type Kiosk } from './kiosk.ts';
import { until } from './until.ts';

const shipped = JSON.parse(readFileSync(join(import.meta.dirname, '../config/service.json'), 'utf8')) as { PRICES: object[] };
const shop = { YOOKASSA_SHOP_ID: '100500', YOOKASSA_SECRET_KEY: 'live_of-the-pretend-shop' };
const mailbox = { SMTP_USER: 'kiosk', SMTP_PASS: 'pass-of-the-pretend-server' };
const twilio = { TWILIO_ACCOUNT_SID: `AC${'1'.repeat(32)}`, TWILIO_AUTH_TOKEN: 'token-of-the-pretend-account', SMS_FROM: '+15005550006' };
const keys = { kiosk: 'key-of-kiosk-one-1111', operator: 'key-of-operator-anna-1' };

let psp: Psp;
let outbox: Outbox;
let processes: Processes;
let kiosk: Kiosk;
let operator: Kiosk;
const stop = new AsyncDisposableStack();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

beforeAll(async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  psp = stop.use(await startPsp({
    shopId: shop.YOOKASSA_SHOP_ID, secretKey: shop.YOOKASSA_SECRET_KEY, test: false, fiscalisation: true, webhookUrl: `${url}/api/payments/webhook`,
  }));
  outbox = stop.use(await startOutbox({
    smtpUser: mailbox.SMTP_USER, smtpPass: mailbox.SMTP_PASS, twilioSid: twilio.TWILIO_ACCOUNT_SID, twilioToken: twilio.TWILIO_AUTH_TOKEN,
  }));
  processes = stop.use(await startProcesses({
    settings: {
      AGENT_ENV: 'PROD', PORT: new URL(url).port, LOG_LEVEL: 'info', KIOSK_API_KEYS: `k-1:${keys.kiosk}`, OPERATOR_API_KEYS: `anna:${keys.operator}`,
      PRICES: JSON.stringify(shipped.PRICES), PAYMENTS_PROVIDER: 'yookassa', ...shop, YOOKASSA_API_URL: psp.url, YOOKASSA_WEBHOOK_ALLOWED_IPS: '127.0.0.1/32',
      RECEIPTS_ENABLED: 'true', RECEIPT_FALLBACK_EMAIL: 'receipts@kiosk.example',
      EMAIL_PROVIDER: 'smtp', EMAIL_FROM: 'Проверка автомобиля <reports@kiosk.example>', SMTP_HOST: '127.0.0.1', SMTP_PORT: String(outbox.smtpsPort), SMTP_SECURE: 'true', ...mailbox,
      SMS_PROVIDER: 'twilio', ...twilio, TWILIO_API_URL: outbox.httpUrl, TWILIO_STATUS_CALLBACK_URL: `${url}/api/deliveries/callbacks/twilio`,
      REPORT_PUBLIC_URL: url, DELIVERY_POLL_INTERVAL_MS: '100',
    },
    env: { NODE_EXTRA_CA_CERTS: outbox.caPath },
  }));
  kiosk = kioskAt(url, { key: keys.kiosk });
  operator = kioskAt(url, { key: keys.operator });
});
afterAll(() => stop.disposeAsync());

function linkIn(text: string): string {
  return /\/r\/[\w-]{22}(?![\w-])/.exec(text)![0];
}

async function deliveriesOf(reportId: string): Promise<Delivery[]> {
  return (await operator.report(reportId)).deliveries;
}

test('D1 D2 D10 X1 in PROD a customer pays, and gets the report by e-mail and text message, each of which opens it; the operator sends it again and ends the links', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics', contact: { email: 'ivan.petrov@example.com', phone: '8 (912) 345-67-89' } });
  expectProblem(await kiosk.requestReport(session, 'diagnostics-granta', null), { status: 402, reason: 'payment_required' });
  const intent = await kiosk.openIntent(session, prices.diagnostics, 'visit-1');
  const paid = psp.payments()[0]!;
  psp.pay(paid.id);
  await psp.deliverNotifications();
  expect(await kiosk.untilFinal(intent.intentId)).toMatchObject({ status: 'confirmed' });
  expect(psp.journal.find(({ method }) => method === 'POST')).toBeDefined();

  const report = await kiosk.again(() => kiosk.requestReport(session, 'diagnostics-granta', null));
  const { bytes } = await kiosk.pdf(report);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(report.sha256);
  await kiosk.untilSent(report.reportId);

  const [mail] = outbox.mails();
  expect(mail).toMatchObject({ to: ['ivan.petrov@example.com'], tls: true, user: mailbox.SMTP_USER });
  const letter = await readMail(mail!);
  expect(letter.attachments.map(({ contentType, content }) => [contentType, content.equals(bytes)])).toEqual([['application/pdf', true]]);
  const [text] = outbox.texts();
  expect(text).toMatchObject({ provider: 'twilio', to: '+79123456789' });
  expect(partsOf(text!.body)).toEqual({ encoding: 'UCS-2', count: 1 });

  const links = [linkIn(letter.text!), linkIn(text!.body)];
  for (const link of links) {
    const opened = await fetch(processes.url + link);
    expect([opened.status, opened.headers.get('content-type'), Buffer.from(await opened.arrayBuffer()).equals(bytes)]).toEqual([200, 'application/pdf', true]);
  }
  const page = await kioskAt(processes.url).get<string>(`/check/${report.reportId}`);
  expect(page.status).toBe(200);
  expect(page.body.replaceAll(/\s/g, '')).toContain(report.sha256);
  expect(page.body).not.toMatch(/ivan|petrov|LADA|Granta|9123456789/i);

  expect(await outbox.deliver(text!.id, 'delivered')).toMatchObject({ answer: 200 });
  await until(() => deliveriesOf(report.reportId), (deliveries) => deliveries.some(({ channel, status }) => channel === 'sms' && status === 'delivered'));
  const forged = await kioskAt(processes.url).send('POST', '/api/deliveries/callbacks/twilio', {
    body: `MessageSid=${text!.id}&MessageStatus=undelivered`, headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'Zm9yZ2Vk' },
  });
  expectProblem(forged, { status: 403, reason: 'callback_not_signed' });

  expectProblem(await kiosk.post(`/api/reports/${report.reportId}/deliver`, { email: 'spouse@example.com' }), { status: 403, reason: 'operator_only' });
  await operator.must(202, operator.post(`/api/reports/${report.reportId}/deliver`, { email: 'spouse@example.com' }));
  await until(() => outbox.mails().length, (count) => count === 2);
  const again = linkIn((await readMail(outbox.mails()[1]!)).text!);
  expect(await operator.must(200, operator.post(`/api/reports/${report.reportId}/links/revoke`))).toEqual({ reportId: report.reportId, revoked: 3 });
  for (const link of [...links, again]) expectProblem(await kioskAt(processes.url).get(link), { status: 410, reason: 'link_revoked' });
});

test('D1 D5 what is refused for good is on the operator\'s list, and D9 what is no mailbox is refused before that', async () => {
  outbox.faults.add({ on: 'rcpt', kind: 'reply', code: 550, recipient: 'gone@example.com', times: 'always' });
  const { reportId } = (await operator.must(200, operator.get<{ deliveries: { reportId: string }[] }>('/api/deliveries?limit=1'))).deliveries[0]!;
  await operator.must(202, operator.post(`/api/reports/${reportId}/deliver`, { email: 'gone@example.com' }));
  const list = await until(
    () => operator.must(200, operator.get<{ deliveries: object[]; count: number }>('/api/deliveries?status=dead')), ({ count }) => count === 1,
  );
  expect(list.deliveries).toMatchObject([{ reportId, to: 'g***@example.com', channel: 'email', status: 'dead', lastError: 'recipient_refused', provider: 'smtp', kioskId: 'k-1' }]);
  expectProblem(await kiosk.get('/api/deliveries?status=dead'), { status: 403, reason: 'operator_only' });
  expectProblem(await operator.post(`/api/reports/${reportId}/deliver`, { email: 'a@example.com\r\nBcc: b@example.com' }), { status: 400, reason: 'invalid_email' });
});

test('X2 no line of any process names the customer, a link or a secret', () => {
  const lines = processes.lines.join('\n');
  expect(lines).toContain('"event":"delivery.sent"');
  const secrets = [...Object.values(keys), mailbox.SMTP_PASS, twilio.TWILIO_AUTH_TOKEN, shop.YOOKASSA_SECRET_KEY, ...outbox.texts().map(({ body }) => linkIn(body))];
  for (const told of ['ivan.petrov', 'spouse@', 'gone@', '9123456789', ...secrets]) expect(lines).not.toContain(told);
});
