import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DeliveryChannel, DeliveryProvider, DeliveryStatus } from '@kiosk/contracts/reporting/v1/reporting';
import { Fault } from '@kiosk/fault';
import { aDelivery, problemOf, reportId, sessionId, startTestGateway, type TestGateway } from './testing.ts';

let refusal: Fault | undefined;
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    reporting: {
      listDeliveries: async () => ({ deliveries: [aDelivery], nextCursor: aDelivery.delivery!.id }),
      async receiveDeliveryStatus() {
        if (refusal) throw refusal;
        return {};
      },
    },
  });
});
beforeEach(() => {
  refusal = undefined;
  gateway.asked.splice(0);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

test('D1 the operator lists deliveries that were given up, page by page, with the recipient masked', async () => {
  const response = await gateway.send(`/api/deliveries?status=dead&channel=sms&reportId=${reportId}&createdFrom=2026-11-20T00:00:00Z&limit=1&cursor=dlv_1`);
  expect(await response.json()).toEqual({
    deliveries: [{
      deliveryId: aDelivery.delivery!.id, channel: 'sms', to: '+7900***4567', status: 'dead', attempts: 1, lastError: 'recipient_refused', reportId, sessionId,
      ambiguousAttempts: 0, createdAt: '2026-11-23T09:00:00.123Z', deadAt: '2026-11-23T09:00:00.123Z',
    }],
    count: 1, nextCursor: aDelivery.delivery!.id,
  });
  expect(gateway.asked.map(({ request }) => request)).toEqual([{
    status: DeliveryStatus.DELIVERY_STATUS_DEAD, channel: DeliveryChannel.DELIVERY_CHANNEL_SMS, reportId, createdFrom: new Date('2026-11-20T00:00:00Z'), limit: 1, cursor: 'dlv_1',
  }]);
  await gateway.send('/api/deliveries');
  expect(gateway.asked.at(-1)!.request).toEqual({ status: DeliveryStatus.DELIVERY_STATUS_UNSPECIFIED, channel: DeliveryChannel.DELIVERY_CHANNEL_UNSPECIFIED, limit: 0, cursor: '' });
});

test.each(['status=gone', 'channel=fax', 'limit=201', 'cursor=%00', 'colour=red'])('a list asked for with %s is 400', async (query) => {
  expect(await problemOf(await gateway.send(`/api/deliveries?${query}`))).toMatchObject({ status: 400, reason: 'invalid_request' });
});

describe('what a provider tells', () => {
  // Neither text nor UTF-8: the signature is over the very bytes.
  const body = Buffer.from([0x5b, 0xff, 0x00, 0x20, 0x0d, 0x0a, 0x5d]);

  test('Twilio\'s bytes and signature go on as they came', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'c2lnbmVk' };
    const response = await gateway.send('/api/deliveries/callbacks/twilio', { method: 'POST', headers, body });
    expect([response.status, await response.text()]).toEqual([200, 'OK']);
    expect(gateway.asked.map(({ request }) => request)).toEqual([{ provider: DeliveryProvider.DELIVERY_PROVIDER_TWILIO, body, signature: 'c2lnbmVk', timestamp: '' }]);
  });

  test('so do SendGrid\'s, with the time', async () => {
    const headers = { 'content-type': 'application/json', 'x-twilio-email-event-webhook-signature': 'c2lnbmVk', 'x-twilio-email-event-webhook-timestamp': '1795424400' };
    const response = await gateway.send('/api/deliveries/callbacks/sendgrid', { method: 'POST', headers, body });
    expect([response.status, await response.text()]).toEqual([200, 'OK']);
    expect(gateway.asked.map(({ request }) => request)).toEqual([{ provider: DeliveryProvider.DELIVERY_PROVIDER_SENDGRID, body, signature: 'c2lnbmVk', timestamp: '1795424400' }]);
  });

  test.each(['twilio', 'sendgrid'])('%s unsigned is 403, and an empty body is asked about too', async (provider) => {
    refusal = new Fault({ kind: 'forbidden', reason: 'callback_not_signed', message: 'The signature is not the provider\'s.' });
    const response = await gateway.send(`/api/deliveries/callbacks/${provider}`, { method: 'POST' });
    expect(response.status).toBe(403);
    expect(await problemOf(response)).toMatchObject({ reason: 'callback_not_signed' });
    expect(gateway.asked).toMatchObject([{ request: { body: Buffer.alloc(0), signature: '', timestamp: '' } }]);
  });

  test.each([['twilio', 64 * 1024], ['sendgrid', 1024 * 1024]])('%s may say %i bytes and no more', async (provider, limit) => {
    const send = (bytes: number) => gateway.send(`/api/deliveries/callbacks/${provider}`, { method: 'POST', body: Buffer.alloc(bytes, 0x20) });
    expect((await send(limit)).status).toBe(200);
    const response = await send(limit + 1);
    expect(await problemOf(response)).toMatchObject({ status: 413, reason: 'body_too_large' });
    expect(gateway.asked).toHaveLength(1);
  });
});
