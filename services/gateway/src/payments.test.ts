import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { IntentStatus, RefundStatus } from '@kiosk/contracts/payments/v1/payments';
import { anIntent, intentId, problemOf, sessionId, startTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
let intent = anIntent;
let created = true;
let status = IntentStatus.INTENT_STATUS_PENDING as IntentStatus;
beforeAll(async () => {
  gateway = await startTestGateway({
    payments: {
      createIntent: async () => ({ intent, created }),
      getIntent: async () => ({ intent }),
      getIntentStatus: async () => ({ intentId, status, final: false, updatedAt: anIntent.updatedAt }),
    },
  });
});
beforeEach(() => {
  gateway.asked.splice(0);
  [intent, created, status] = [anIntent, true, IntentStatus.INTENT_STATUS_PENDING];
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

const time = '2026-11-23T09:00:00.123Z';
const json = {
  intentId, sessionId, amount: 35_000, currency: 'RUB', status: 'pending', provider: 'dev',
  qrCodeData: 'https://pay.example/1', qrCodeUrl: `/api/payments/qr/${intentId}.svg`, metadata: {}, refundedAmount: 0, refunds: [], createdAt: time, updatedAt: time, expiresAt: time,
};
const body = { amount: 35_000, currency: 'RUB', sessionId, description: 'Толщина', metadata: { a: 1 } };

test('P5 a new intent is 201, the pending one answered again is 200, and the key goes with the request', async () => {
  const first = await gateway.post('/api/payments/intent', body, { headers: { 'idempotency-key': 'key 1' } });
  created = false;
  const second = await gateway.post('/api/payments/intent', body);
  expect([first.status, second.status]).toEqual([201, 200]);
  expect([await first.json(), await second.json()]).toEqual([json, json]);
  const request = { sessionId, amountMinor: 35_000, currency: 'RUB', description: 'Толщина', metadataJson: '{"a":1}' };
  expect(gateway.asked.map((asked) => asked.request)).toEqual([{ ...request, idempotencyKey: 'key 1' }, { ...request, idempotencyKey: '' }]);
});

test('a confirmed and refunded intent shows when it was paid and what went back', async () => {
  intent = {
    ...anIntent, status: IntentStatus.INTENT_STATUS_CONFIRMED, confirmedAt: anIntent.createdAt, confirmationUrl: 'https://pay.example/2', refundedAmountMinor: 100,
    refunds: [{ id: 'ref_1', amountMinor: 100, status: RefundStatus.REFUND_STATUS_SUCCEEDED, reason: 'half done', createdAt: anIntent.createdAt }],
  };
  expect(await (await gateway.send(`/api/payments/intent/${intentId}`)).json()).toEqual({
    ...json, status: 'confirmed', confirmedAt: time, confirmationUrl: 'https://pay.example/2', refundedAmount: 100,
    refunds: [{ refundId: 'ref_1', amount: 100, status: 'succeeded', reason: 'half done', createdAt: time }],
  });
});

test('a status that has not changed is 304, also beside the no-cache that a browser adds; a changed one is sent', async () => {
  const path = `/api/payments/status/${intentId}`;
  const first = await gateway.send(path);
  expect(await first.json()).toEqual({ intentId, status: 'pending', final: false, updatedAt: time });
  const etag = first.headers.get('etag') ?? '';
  expect(etag).toMatch(/^"[\w.]+"$/);
  for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await gateway.send(path, { headers: { 'if-none-match': tag, 'cache-control': 'no-cache' } });
    expect(again.status).toBe(304);
    expect(again.headers.get('etag')).toBe(etag);
    expect(await again.text()).toBe('');
  }
  status = IntentStatus.INTENT_STATUS_CONFIRMED;
  const changed = await gateway.send(path, { headers: { 'if-none-match': etag } });
  expect(await changed.json()).toMatchObject({ status: 'confirmed' });
});

test('the QR is a picture as SVG and as PNG, which another origin may show', async () => {
  const svg = await gateway.send(`/api/payments/qr/${intentId}.svg`);
  expect(svg.headers.get('content-type')).toMatch(/^image\/svg\+xml/);
  expect(svg.headers.get('cache-control')).toBe('private, max-age=3600, immutable');
  expect(svg.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  expect(await svg.text()).toMatch(/^<svg /);
  const png = await gateway.send(`/api/payments/qr/${intentId}.png`);
  expect(png.headers.get('content-type')).toBe('image/png');
  expect(Buffer.from(await png.arrayBuffer()).subarray(1, 4).toString()).toBe('PNG');
  expect(gateway.asked.map(({ request }) => request)).toEqual([{ intentId }, { intentId }]);
});

test('a QR that the PSP has not given yet is 404 with a time to come back', async () => {
  intent = { ...anIntent, qrCodeData: '' };
  const response = await gateway.send(`/api/payments/qr/${intentId}.svg`);
  expect([response.status, response.headers.get('retry-after'), response.headers.get('cache-control')]).toEqual([404, '1', 'no-store']);
  expect(await problemOf(response)).toMatchObject({ reason: 'qr_not_ready' });
});

test.each([['cancel', 'cancelIntent'], ['confirm', 'confirmIntent']])('%s names the intent and answers it', async (verb, method) => {
  const response = await gateway.send(`/api/payments/${verb}/${intentId}`, { method: 'POST' });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(json);
  expect(gateway.asked).toMatchObject([{ method, request: { intentId } }]);
});

test('a list passes its filters on', async () => {
  const list = await gateway.send(`/api/payments?sessionId=${sessionId}&status=failed&limit=200`);
  expect(await list.json()).toEqual({ payments: [json], count: 1 });
  expect(gateway.asked[0]?.request).toEqual({ sessionId, status: IntentStatus.INTENT_STATUS_FAILED, limit: 200, cursor: '' });
});

test('a status that this version has no word for is an internal error, never another status', async () => {
  status = IntentStatus.UNRECOGNIZED;
  const response = await gateway.send(`/api/payments/status/${intentId}`);
  expect(response.status).toBe(500);
  expect(await problemOf(response)).toMatchObject({ reason: 'internal' });
});

test('R3 a refund goes on with its key and its reason, and is 201', async () => {
  const answer = await gateway.post(`/api/payments/refund/${intentId}`, { amount: 100, reason: 'half done' }, { headers: { 'idempotency-key': 'refund 1' } });
  expect(answer.status).toBe(201);
  expect(await answer.json()).toEqual({ refundId: 'ref_01hv3abcdefghjkmnpqrstvwxy', amount: 100, status: 'pending', reason: 'half done', createdAt: time });
  expect(gateway.asked.map((asked) => asked.request)).toEqual([{ idempotencyKey: 'refund 1', intentId, amountMinor: 100, reason: 'half done' }]);
});

test('a refund without a reason, of nothing or of half a kopeck is refused and asks nobody', async () => {
  for (const wrong of [{}, { reason: '' }, { reason: 'x', amount: 0 }, { reason: 'x', amount: 1.5 }, { reason: 'x', amount: '100' }, { reason: 'x', more: 1 }]) {
    expect((await problemOf(await gateway.post(`/api/payments/refund/${intentId}`, wrong)))['status']).toBe(400);
  }
  expect(gateway.asked).toEqual([]);
});

test('W1 a notification goes on byte for byte with the socket\'s address, whatever it says of itself, and is answered OK', async () => {
  const body = '{"type": "notification",\n "object": {"id": "x"} }';
  const answer = await gateway.post('/api/payments/webhook', body, { headers: { 'x-forwarded-for': '185.71.76.1', 'content-type': 'text/plain' } });
  expect([answer.status, await answer.text()]).toEqual([200, 'OK']);
  expect(gateway.asked.map(({ method, request }) => [method, { ...request as object, body: Buffer.from((request as { body: Uint8Array }).body).toString() }]))
    .toEqual([['receiveNotification', { body, sourceIp: '127.0.0.1' }]]);
});

test('W6 a proxy that is named says where a notification came from', async () => {
  await using behindProxy = await startTestGateway({ config: { trustedProxies: ['127.0.0.1'] } });
  await behindProxy.post('/api/payments/webhook', '{}', { headers: { 'x-forwarded-for': '6.6.6.6, 185.71.76.1' } });
  expect(behindProxy.asked.map(({ request }) => (request as { sourceIp: string }).sourceIp)).toEqual(['185.71.76.1']);
});

test('a notification of more than 128 KiB is refused', async () => {
  expect((await problemOf(await gateway.post('/api/payments/webhook', 'x'.repeat(140_000))))['status']).toBe(413);
});
