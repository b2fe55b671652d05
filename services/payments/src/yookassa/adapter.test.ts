/** The adapter by itself, against answers that YooKassa, or whatever stands between, may give and the pretend shop does not. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { ProxyTracerProvider } from '@opentelemetry/api';
import { createYooKassa, type YooKassaOptions } from '../psp-yookassa.ts';
import { PspError, type PaymentTerms, type Psp } from '../psp.ts';

type Seen = { method?: string; url?: string; headers: IncomingMessage['headers']; body: string };
type Scripted = AsyncDisposable & { psp: Psp; seen: Seen[] };

const paymentId = '2c8a3d5f-000f-5000-8000-1a2b3c4d5e6f';
const otherId = '2c8a3d5f-000f-5000-8000-ffffffffffff';
const payment = {
  id: paymentId, status: 'pending', paid: false, test: false, amount: { value: '480.00', currency: 'RUB' }, recipient: { account_id: '506751' },
  created_at: '2026-11-20T09:00:00.000Z', metadata: { intent_id: 'pay_1' }, confirmation: { type: 'qr', confirmation_data: 'https://qr.nspk.ru/X' },
};

async function startScripted(answer: (response: ServerResponse, request: IncomingMessage) => void, options: Partial<YooKassaOptions> = {}): Promise<Scripted> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
      answer(response, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const psp = createYooKassa({
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`, shopId: '506751', secretKey: 'live_secret', testAllowed: false, confirmation: 'qr',
    returnUrl: 'https://kiosk.example/', tracer: new ProxyTracerProvider().getTracer('test'), timeoutMs: 35_000, ...options,
  });
  return {
    psp, seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function failureOf(promise: Promise<unknown>): Promise<{ outcome: string; code: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PspError) return { outcome: error.outcome, code: error.code };
    throw error;
  }
  return { outcome: 'none', code: '' };
}

const page = '<!doctype html><title>Error</title>';
const refusal = (code: string) => JSON.stringify({ type: 'error', id: 'x', code, description: 'private words' });

describe('P10 only YooKassa’s own words are a definite no', () => {
  test.each<[number, string, string, string, string]>([
    [400, 'invalid_request', 'refused', 'invalid_request', refusal('invalid_request')],
    [404, 'not_found', 'not_found', 'not_found', refusal('not_found')],
    [405, 'not_supported', 'refused', 'not_supported', refusal('not_supported')],
    [401, 'invalid_credentials', 'misconfigured', 'invalid_credentials', refusal('invalid_credentials')],
    [403, 'forbidden', 'misconfigured', 'forbidden', refusal('forbidden')],
    [401, 'a page', 'misconfigured', 'http_401', page],
    [403, 'a page', 'misconfigured', 'http_403', page],
    [429, 'too_many_requests', 'throttled', 'too_many_requests', refusal('too_many_requests')],
    [429, 'a page', 'throttled', 'http_429', page],
    [400, 'a page', 'unknown', 'http_400', page],
    // A proxy that has lost the way to YooKassa says 404 as well: the payment may be there.
    [404, 'a page', 'unknown', 'http_404', page],
    [404, 'nothing', 'unknown', 'http_404', ''],
    [408, 'a page', 'unknown', 'http_408', page],
    [413, 'a page', 'unknown', 'http_413', page],
    [500, 'internal_server_error', 'unknown', 'internal_server_error', refusal('internal_server_error')],
    [502, 'a page', 'unknown', 'http_502', page],
    [503, 'nothing', 'unknown', 'http_503', ''],
    [201, 'a payment', 'unknown', 'http_201', JSON.stringify(payment)],
    [202, 'still processing', 'unknown', 'http_202', JSON.stringify({ type: 'processing', retry_after: 1 })],
    [204, 'nothing', 'unknown', 'http_204', ''],
    [200, 'nothing', 'unknown', 'unreadable_answer', ''],
    [200, 'an empty object', 'unknown', 'unreadable_answer', '{}'],
    [200, 'null', 'unknown', 'unreadable_answer', 'null'],
    [200, 'a page', 'unknown', 'unreadable_answer', page],
    [200, 'a payment without kopecks', 'unknown', 'unreadable_answer', JSON.stringify({ ...payment, amount: { value: '480', currency: 'RUB' } })],
    [200, 'a payment whose id is a path', 'unknown', 'unreadable_answer', JSON.stringify({ ...payment, id: '../refunds' })],
    [200, 'a payment in an unknown status', 'unknown', 'unreadable_answer', JSON.stringify({ ...payment, status: 'refunded' })],
  ])('%d with %s is %s', async (status, _, outcome, code, body) => {
    await using scripted = await startScripted((response) => response.writeHead(status).end(body));
    const { psp } = scripted;
    const send = { key: 'k', body: '{}' };
    const expected = { outcome, code };
    expect(await failureOf(psp.createPayment(send))).toEqual(expected);
    expect(await failureOf(psp.createRefund(send))).toEqual(expected);
    expect(await failureOf(psp.getPayment(paymentId))).toEqual(expected);
    expect(await failureOf(psp.getRefund(paymentId))).toEqual(expected);
    expect(await failureOf(psp.listPayments({ createdFrom: 0, createdTo: 1 }))).toEqual(expected);
    expect(scripted.seen).toHaveLength(5);
  });

  test('an answer about another object than the one asked for is unknown', async () => {
    await using scripted = await startScripted((response) => response.end(JSON.stringify(payment)));
    expect(await failureOf(scripted.psp.getPayment(otherId))).toEqual({ outcome: 'unknown', code: 'other_object' });
  });

  test('an answer cut off in its middle is unknown', async () => {
    await using scripted = await startScripted((response) => {
      response.writeHead(200, { 'content-length': '5000' });
      response.write(JSON.stringify(payment), () => response.socket?.destroy());
    });
    expect(await failureOf(scripted.psp.getPayment(paymentId))).toEqual({ outcome: 'unknown', code: 'network' });
  });

  test('an answer without an end is broken off at 4 MiB, one that dribbles at the time limit', async () => {
    await using endless = await startScripted((response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536, 'x'))) { /* until it is full */ }
        response.once('drain', more);
      };
      response.writeHead(200);
      more();
    });
    expect(await failureOf(endless.psp.getPayment(paymentId))).toEqual({ outcome: 'unknown', code: 'answer_too_large' });
    await using dribbling = await startScripted((response) => {
      response.writeHead(200);
      response.write('{');
    }, { timeoutMs: 60 });
    expect(await failureOf(dribbling.psp.getPayment(paymentId))).toEqual({ outcome: 'unknown', code: 'timeout' });
  });

  test('nobody listening, and nobody answering, is unknown', async () => {
    const { psp } = await startScripted(() => {}).then(async (scripted) => {
      await scripted[Symbol.asyncDispose]();
      return scripted;
    });
    expect(await failureOf(psp.createPayment({ key: 'k', body: '{}' }))).toEqual({ outcome: 'unknown', code: 'network' });
    await using silent = await startScripted(() => {}, { timeoutMs: 60 });
    expect(await failureOf(silent.psp.createPayment({ key: 'k', body: '{}' }))).toEqual({ outcome: 'unknown', code: 'timeout' });
  });
});

test.each([301, 302, 303, 307, 308])('X2 a redirect (%d) is not followed: the credentials stay here', async (status) => {
  await using elsewhere = await startScripted((response) => response.end(JSON.stringify(payment)));
  const { psp: other } = elsewhere;
  await other.getPayment(paymentId);
  const { host } = elsewhere.seen[0]!.headers;
  await using scripted = await startScripted((response) => response.writeHead(status, { location: `http://${host}/v3/payments/${paymentId}` }).end());
  expect(await failureOf(scripted.psp.getPayment(paymentId))).toEqual({ outcome: 'unknown', code: `http_${status}` });
  expect(await failureOf(scripted.psp.createPayment({ key: 'k', body: '{}' }))).toEqual({ outcome: 'unknown', code: `http_${status}` });
  expect(elsewhere.seen).toHaveLength(1);
});

test.each([
  '', '../refunds', `${paymentId}/capture`, `${paymentId}?x=1`, `${paymentId}#`, `${paymentId}\n`, ` ${paymentId}`, paymentId.toUpperCase(), `${paymentId}0`, '%2e%2e%2f',
  '..', 'http://evil.example/', `${paymentId.slice(0, 35)}é`, '0'.repeat(36),
])('W2 an id that does not look like one never reaches a URL: %j', async (id) => {
  await using scripted = await startScripted((response) => response.end('{}'));
  expect(scripted.psp.isObjectId(id)).toBe(false);
  expect(await failureOf(scripted.psp.getPayment(id))).toEqual({ outcome: 'not_found', code: 'malformed_id' });
  expect(await failureOf(scripted.psp.getRefund(id))).toEqual({ outcome: 'not_found', code: 'malformed_id' });
  expect(scripted.seen).toEqual([]);
});

describe('what is sent', () => {
  const terms: PaymentTerms = { id: 'pay_1', sessionId: 'ses_1', kioskId: 'kiosk-7', amountMinor: 48_005, currency: 'RUB', metadata: { tariff: 'full', doors: 5, vip: true } };

  test('the frozen bytes as they are, our key, Basic authorization, and nothing that would name us otherwise', async () => {
    await using scripted = await startScripted((response) => response.end(JSON.stringify(payment)));
    const body = ' {"frozen" : "как есть"}\n';
    expect(await scripted.psp.createPayment({ key: 'pay_1', body })).toEqual({
      id: paymentId, status: 'pending', paid: false, test: false, amountMinor: 48_000, currency: 'RUB', shopId: '506751', intentId: 'pay_1',
      createdAt: Date.UTC(2026, 10, 20, 9), qrCodeData: 'https://qr.nspk.ru/X',
    });
    expect(scripted.seen).toEqual([expect.objectContaining({ method: 'POST', url: '/v3/payments', body })]);
    expect(scripted.seen[0]!.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('506751:live_secret').toString('base64')}`, 'idempotence-key': 'pay_1', 'content-type': 'application/json',
    });
  });

  test('one stage, major units, our ids last, so that a kiosk’s own metadata never stands in for them', async () => {
    await using scripted = await startScripted((response) => response.end());
    const frozen = (over: Partial<PaymentTerms>) => JSON.parse(scripted.psp.freezePayment({ ...terms, ...over })) as Record<string, unknown>;
    expect(frozen({})).toEqual({
      amount: { value: '480.05', currency: 'RUB' }, capture: true, confirmation: { type: 'qr' }, description: 'Заказ pay_1',
      metadata: { tariff: 'full', doors: '5', vip: 'true', intent_id: 'pay_1', session_id: 'ses_1', kiosk_id: 'kiosk-7' },
    });
    expect(frozen({ metadata: { intent_id: 'pay_other', session_id: 'x' } })).toMatchObject({ metadata: { intent_id: 'pay_1', session_id: 'ses_1' } });
    expect(frozen({ amountMinor: 1 })).toMatchObject({ amount: { value: '0.01' } });
    expect(frozen({ amountMinor: 100_000_000 })).toMatchObject({ amount: { value: '1000000.00' } });
    expect(frozen({ description: 'Толщина ЛКП' })).toMatchObject({ description: 'Толщина ЛКП' });
    // YooKassa refuses an empty one.
    expect(frozen({ description: '' })).toMatchObject({ description: 'Заказ pay_1' });
  });

  test('a redirect has its return address, and the screen draws the address of the payment page', async () => {
    const url = 'https://yoomoney.ru/checkout/payments/v2/contract?orderId=1';
    const answer = JSON.stringify({ ...payment, confirmation: { type: 'redirect', return_url: 'https://kiosk.example/', confirmation_url: url } });
    await using scripted = await startScripted((response) => response.end(answer), { confirmation: 'redirect', paymentMethod: 'sbp' });
    expect(JSON.parse(scripted.psp.freezePayment(terms))).toMatchObject({
      confirmation: { type: 'redirect', return_url: 'https://kiosk.example/' }, payment_method_data: { type: 'sbp' },
    });
    expect(await scripted.psp.createPayment({ key: 'k', body: '{}' })).toMatchObject({ qrCodeData: url, confirmationUrl: url });
  });

  test('a list by its bounds, a hundred at a time, with the cursor as it came', async () => {
    await using scripted = await startScripted((response) => response.end(JSON.stringify({ type: 'list', items: [payment], next_cursor: 'a+b/c=' })));
    const page = await scripted.psp.listPayments({ createdFrom: Date.UTC(2026, 10, 19, 21), createdTo: Date.UTC(2026, 10, 20, 21), cursor: 'x+y/z=' });
    expect(page).toMatchObject({ items: [{ id: paymentId }], nextCursor: 'a+b/c=' });
    const { searchParams, pathname } = new URL(scripted.seen[0]!.url!, 'http://psp');
    expect([pathname, Object.fromEntries(searchParams)]).toEqual(['/v3/payments', {
      'created_at.gte': '2026-11-19T21:00:00.000Z', 'created_at.lt': '2026-11-20T21:00:00.000Z', limit: '100', cursor: 'x+y/z=',
    }]);
  });
});
