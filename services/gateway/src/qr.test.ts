import { expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import { intentId, problemOf, startTestGateway } from './testing.ts';

const { keys, ratesPerMinute } = readConfig({ KIOSK_API_KEYS: 'k-1:kiosk-one-key-1111,k-2:kiosk-two-key-1111' });
const picture = `/api/payments/qr/${intentId}.svg`;

test('a page shows the QR code with a plain <img>: without a key, from any origin, and whichever key is sent', async () => {
  await using gateway = await startTestGateway({ owner: 'k-1', config: { keys } });
  for (const headers of [{}, { authorization: 'Bearer kiosk-two-key-1111' }, { authorization: 'Bearer nobody' }]) {
    const response = await gateway.send(picture, { headers: headers as Record<string, string> });
    expect([response.status, response.headers.get('content-type'), response.headers.get('cross-origin-resource-policy')]).toEqual([200, 'image/svg+xml; charset=utf-8', 'cross-origin']);
    expect(await response.text()).toMatch(/^<svg /);
  }
  expect(gateway.asked.map(({ call }) => call?.caller?.role)).toEqual(['anonymous', 'anonymous', 'anonymous']);
});

test('S3 the picture\'s address opens nothing else of the payment', async () => {
  await using gateway = await startTestGateway({ owner: 'k-1', config: { keys } });
  for (const path of [`/api/payments/intent/${intentId}`, `/api/payments/status/${intentId}`]) expect((await gateway.send(path)).status).toBe(401);
  expect(gateway.asked).toEqual([]);
});

test('who tries ids is stopped by its address', async () => {
  await using gateway = await startTestGateway({ now: () => 0, config: { keys, ratesPerMinute: { ...ratesPerMinute, pictures: 2 } } });
  const guess = (n: number) => gateway.send(`/api/payments/qr/pay_${n}.svg`);
  expect([await guess(1), await guess(2)].map(({ status }) => status)).toEqual([200, 200]);
  const refused = await guess(3);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '30']);
  expect(await problemOf(refused)).toMatchObject({ reason: 'rate_limited' });
});
