/**
 * X2: whole visits with a customer, keys and passwords that are found again wherever they turn up, through everything that goes wrong on the way; then the logs,
 * spans, metrics and problem documents of all services are searched for them.
 */
import { expect, test } from '@jest/globals';
import { startOutbox } from '@kiosk/outbox';
import { startPsp } from '@kiosk/psp';
import { startProcesses } from '@kiosk/stack';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { startCollector } from './collector.ts';
import { prices, sampleOf, type Intent, type Report, type SampleName, type Session } from './kiosk.ts';
import { until } from './until.ts';

const email = 'canary.customer@example.com';
const phone = '+79123456780';
const name = 'Kanareykin';
const keys = { kiosk: 'canary-kiosk-key-0001', operator: 'canary-operator-key-1', wrong: 'canary-wrong-key-0001' };
const passwords = { smtp: 'canary-smtp-password', smsc: 'canary-smsc-password', shop: 'test_canary-shop-secret' };
const canaries = ['canary.customer', name, 'Канарейкин', ...Object.values(keys), ...Object.values(passwords)];
const digits = /9[\s().-]*1[\s().-]*2[\s().-]*3[\s().-]*4[\s().-]*5[\s().-]*6[\s().-]*7[\s().-]*8[\s().-]*0/;

/** As it is, in an address, and in base64 at each of the three places in which it can begin there. */
function writingsOf(canary: string): string[] {
  const shifted = [0, 1, 2].map((shift) => Buffer.from(' '.repeat(shift) + canary).toString('base64').slice(shift === 0 ? 0 : shift + 1).replace(/.?=*$/, '').slice(0, -1));
  return [canary, encodeURIComponent(canary), JSON.stringify(canary).slice(1, -1), ...shifted];
}

function found(told: string): string[] {
  const words = canaries.filter((canary) => writingsOf(canary).some((writing) => told.toLowerCase().includes(writing.toLowerCase())));
  const numbers = digits.test(told) || writingsOf('79123456780').some((writing) => told.includes(writing));
  return [...words, ...(numbers ? [phone] : [])];
}

/** In front of the shop: the first calls are refused with all that they said, as an API's error or a proxy's page may quote it. */
async function startQuotingShop(url: string, refusals: number[]) {
  const server = createServer((request, response) => void (async () => {
    const body = await text(request);
    const status = request.method === 'POST' ? refusals.shift() : undefined;
    if (status !== undefined) {
      const error = { type: 'error', id: 'x', code: 'invalid_request', description: `Bad receipt: ${body}`, parameter: `receipt.customer ${email} ${phone}` };
      return void response.writeHead(status, { 'content-type': 'application/json', 'x-quoted': email }).end(JSON.stringify(error));
    }
    const headers = Object.entries(request.headers).flatMap(([header, value]) => (typeof value === 'string' && !['host', 'connection', 'content-length'].includes(header) ? [[header, value]] : []));
    const answer = await fetch(url + request.url!, { method: request.method, headers: Object.fromEntries(headers) as Record<string, string>, body: request.method === 'POST' ? body : undefined });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  })());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

test('the search finds a canary in each of its writings', () => {
  for (const canary of canaries) for (const writing of writingsOf(canary)) expect(found(`a "${writing}" b`)).toContain(canary);
  for (const shift of ['', ' ', '  ']) expect(found(Buffer.from(`${shift}to ${email} and on`).toString('base64'))).toContain('canary.customer');
  for (const number of [phone, '8 (912) 345-67-80', '79123456780']) expect(found(number)).toEqual([phone]);
  expect(found('c***@example.com, +7912***6780, 1795424400000')).toEqual([]);
});

test('X2 no contact, name, key or password is in any log line, span, metric or problem document, whatever goes wrong', async () => {
  await using psp = await startPsp({ shopId: '100500', secretKey: passwords.shop });
  await using shop = await startQuotingShop(psp.url.replace(/\/v3$/, ''), [400]);
  await using outbox = await startOutbox({ smtpUser: 'kiosk', smtpPass: passwords.smtp, smscLogin: 'kiosk', smscPassword: passwords.smsc });
  await using collector = await startCollector();
  await using processes = await startProcesses({
    settings: {
      LOG_LEVEL: 'debug', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      KIOSK_API_KEYS: `k-1:${keys.kiosk}`, OPERATOR_API_KEYS: `anna:${keys.operator}`, RATE_LIMIT_INTENTS_PER_MINUTE: '100', RATE_LIMIT_REPORTS_PER_MINUTE: '100', RATE_LIMIT_SMS_PER_MINUTE: '100',
      PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: '100500', YOOKASSA_SECRET_KEY: passwords.shop, YOOKASSA_API_URL: shop.url, PAYMENT_POLL_INTERVAL_MS: '50',
      RECEIPTS_ENABLED: 'true', RECEIPT_FALLBACK_EMAIL: 'receipts@kiosk.example',
      EMAIL_PROVIDER: 'smtp', SMTP_HOST: 'localhost', SMTP_PORT: String(outbox.smtpPort), SMTP_USER: 'kiosk', SMTP_PASS: passwords.smtp,
      SMS_PROVIDER: 'smsc', SMSC_LOGIN: 'kiosk', SMSC_PASSWORD: passwords.smsc, SMSC_API_URL: outbox.httpUrl, DELIVERY_POLL_INTERVAL_MS: '100',
    },
    env: { OTEL_BSP_SCHEDULE_DELAY: '100', NODE_EXTRA_CA_CERTS: outbox.caPath },
  });
  const problems: string[] = [];
  const ask = async <Body>(method: string, path: string, body?: unknown, key: string = keys.kiosk): Promise<{ status: number; body: Body }> => {
    const response = await fetch(processes.url + path, {
      method, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const told = await response.text();
    if (!response.ok) problems.push(JSON.stringify([...response.headers]) + told);
    return { status: response.status, body: (response.headers.get('content-type')?.includes('json') ? JSON.parse(told) : told) as Body };
  };
  const must = async <Body>(status: number, ...asked: Parameters<typeof ask>): Promise<Body> => {
    const answer = await ask<Body>(...asked);
    expect(answer).toEqual({ status, body: expect.anything() });
    return answer.body;
  };
  const reportBody = (sample: SampleName, { id }: Session, deliverTo?: object) => ({ ...sampleOf(sample, id), deliverTo });

  // What the outsiders say quotes the customer.
  for (const code of [450, 550]) outbox.faults.add({ on: 'rcpt', kind: 'reply', code, text: `<${email}> ${name} is not here, call ${phone}` });
  for (const code of [8, 7]) outbox.faults.add({ on: 'sms_send', kind: 'reply', code, text: `${phone} ${email} is not possible`, provider: 'smsc' });

  for (const type of ['diagnostics', 'thickness'] as const) {
    const session = await must<Session>(201, 'POST', '/api/sessions', { type, contact: { email, phone }, metadata: { name, russian: 'Канарейкин', phone } });
    await must(200, 'PATCH', `/api/sessions/${session.id}`, { contact: { phone: '8 (912) 345-67-80' }, metadata: { email } });
    const requestIntent = (key: string) => ask<Intent>('POST', '/api/payments/intent', {
      amount: prices[type], currency: 'RUB', sessionId: session.id, description: `Для ${name} ${email}`, metadata: { email, phone },
    }, key);
    // The first is refused by the shop, in its words.
    await until(() => requestIntent(keys.kiosk), ({ status }) => status === 201);
    const intent = await until(async () => {
      const { body: { payments } } = await ask<{ payments: Intent[] }>('GET', `/api/payments?sessionId=${session.id}`);
      return payments.find(({ status }) => status === 'pending') ?? (await requestIntent(keys.kiosk)).body;
    }, ({ qrCodeData }) => Boolean(qrCodeData));
    psp.pay(psp.payments().find(({ metadata }) => metadata['intent_id'] === intent.intentId)!.id);
    await until(() => ask<Intent>('GET', `/api/payments/intent/${intent.intentId}`), ({ body }) => body.status === 'confirmed');
    const report = await must<Report>(201, 'POST', `/api/reports/${type}`, reportBody(type === 'diagnostics' ? 'diagnostics-granta' : 'thickness-solaris', session));
    await until(() => ask<Report>('GET', `/api/reports/${report.reportId}`), ({ body }) => body.deliveries.every(({ attempts }) => attempts > 0));
    await must(202, 'POST', `/api/reports/${report.reportId}/deliver`, { email, phone }, keys.operator);
    await must(201, 'POST', `/api/payments/refund/${intent.intentId}`, { amount: 100, reason: `${name} ${email} ${phone}` }, keys.operator);
    await ask('POST', `/api/payments/refund/${intent.intentId}`, { amount: 10 ** 8, reason: email }, keys.operator);
    await ask('POST', `/api/sessions/${session.id}/fail`, { reason: `${email} ${phone}` });
    await ask('GET', `/api/sessions/${session.id}`);
    await ask('DELETE', `/api/sessions/${session.id}`, undefined, keys.operator);
  }

  // What is refused says nothing back.
  const bad: [method: string, path: string, body?: unknown, key?: string][] = [
    ...[`${email}@`, `${email},a@example.com`, `${name} <${email}>`].map((each): [string, string, unknown] => ['POST', '/api/sessions', { type: 'thickness', contact: { email: each } }]),
    ['POST', '/api/sessions', { type: 'thickness', contact: { phone: `${phone}00000` } }],
    ['POST', '/api/sessions', { type: email, contact: { [email]: phone }, [`${name} `]: phone, [phone]: 1, [phone.slice(1)]: 1, [`p${phone.slice(1)}`]: 1 }],
    ['POST', '/api/sessions', `{"type":"thickness","contact":{"email":"${email}"`],
    ['POST', '/api/sessions', { type: 'thickness', contact: { email, consent: { textVersion: email, at: phone } } }],
    ['POST', '/api/payments/intent', { amount: email, currency: phone, sessionId: email, description: email.repeat(20) }],
    ['POST', '/api/payments/intent', { amount: 1, currency: 'RUB', sessionId: email, metadata: { [email]: { phone } } }],
    ['POST', '/api/reports/thickness', { data: { sessionId: phone, vehicleType: name, [email]: 1 }, deliverTo: { email: `${email}@`, phone: `${phone}0` } }],
    ['POST', '/api/payments/webhook', { type: 'notification', event: email, object: { id: email, receipt: { customer: { email, phone } } } }],
    ['GET', `/api/sessions/${email}`], ['GET', `/api/sessions?kioskId=${email}&cursor=${phone}`], ['GET', `/api/${email}?q=${phone}`], ['GET', `/r/${email}`],
    ['GET', `/api/audit?entityId=${email}&type=${name}`, undefined, keys.operator], ['GET', '/api/sessions', undefined, keys.wrong], ['DELETE', `/api/sessions/ses_${name}`],
  ];
  for (const each of bad) await ask(...each);

  const metrics = await (await fetch(`${processes.url}/metrics`)).text();
  await until(() => new Set(collector.spans.map(({ service }) => service)).size, (services) => services === 4);
  const audit = await must<{ entries: unknown[] }>(200, 'GET', '/api/audit?limit=200', undefined, keys.operator);
  expect(problems.length).toBeGreaterThan(bad.length - 3);
  expect(outbox.texts().length + outbox.mails().length).toBeGreaterThan(0);
  expect(processes.lines.filter((line) => /delivery|psp\.submit_failed/.test(line)).length).toBeGreaterThan(4);
  const told = {
    lines: processes.lines, spans: collector.bodies, metrics: metrics.split('\n'), problems,
    // Names that people type into a reason cannot be told apart; addresses and numbers can.
    audit: audit.entries.map((entry) => JSON.stringify(entry).replaceAll(name, '')),
  };
  for (const [where, lines] of Object.entries(told)) {
    expect(lines.length).toBeGreaterThan(0);
    expect({ where, leaks: lines.flatMap((line) => found(line).map((canary) => `${canary} in ${line.slice(0, 2000)}`)) }).toEqual({ where, leaks: [] });
  }
}, 120_000);
