import { expect, test } from '@jest/globals';
import type { TestPsp } from './testing.ts';
import { startTestPsp } from './testing.ts';

test('a refund of a succeeded payment succeeds at once and is counted on the payment', async () => {
  await using shop = await startTestPsp();
  const id = await paid(shop);
  const { status, body } = await refund(shop, id, '100.00');
  expect(status).toBe(200);
  expect(body).toMatchObject({ payment_id: id, status: 'succeeded', amount: { value: '100.00', currency: 'RUB' } });
  expect((await shop.get(`/refunds/${body.id}`)).body).toEqual(body);
  expect((await shop.get(`/payments/${id}`)).body).toMatchObject({ refunded_amount: { value: '100.00' }, refundable: true });
});

test('refunds never exceed what is left; a pending one counts, a canceled one does not', async () => {
  await using shop = await startTestPsp({ refundsByHand: true });
  const id = await paid(shop);
  const first = await refund(shop, id, '300.00');
  expect(first.body.status).toBe('pending');
  expect(await refund(shop, id, '180.01')).toMatchObject({ status: 400, body: { parameter: 'amount.value' } });
  shop.psp.cancelRefund(first.body.id, 'rejected_by_timeout');
  expect((await shop.get(`/refunds/${first.body.id}`)).body)
    .toMatchObject({ status: 'canceled', cancellation_details: { party: 'refund_network', reason: 'rejected_by_timeout' } });
  expect(await refund(shop, id, '480.00')).toMatchObject({ status: 200 });
  expect((await shop.get(`/payments/${id}`)).body).toMatchObject({ refundable: false });
  expect((await shop.get(`/payments/${id}`)).body).not.toHaveProperty('refunded_amount');
});

test('only a succeeded payment of this shop, in its own currency, is refunded', async () => {
  await using shop = await startTestPsp();
  const pending = (await shop.create()).body.id;
  expect(await refund(shop, pending, '480.00')).toMatchObject({ status: 400, body: { parameter: 'payment_id' } });
  expect(await refund(shop, '22d6d597-000f-5000-9000-145f6df21d6f', '480.00')).toMatchObject({ status: 400, body: { parameter: 'payment_id' } });
  const id = await paid(shop);
  expect(await shop.post('/refunds', { payment_id: id, amount: { value: '1.00', currency: 'USD' } })).toMatchObject({ status: 400 });
});

test('a refund by hand stays pending until it is settled, and is final then', async () => {
  await using shop = await startTestPsp({ refundsByHand: true });
  const { id } = (await refund(shop, await paid(shop), '480.00')).body;
  shop.psp.settleRefund(id);
  expect((await shop.get(`/refunds/${id}`)).body).toMatchObject({ status: 'succeeded' });
  expect(() => shop.psp.cancelRefund(id, 'general_decline')).toThrow('succeeded');
});

test('the same key makes one refund', async () => {
  await using shop = await startTestPsp();
  const id = await paid(shop);
  const body = { payment_id: id, amount: { value: '100.00', currency: 'RUB' } };
  const first = await shop.post('/refunds', body, 'key-1');
  expect((await shop.post('/refunds', body, 'key-1')).text).toBe(first.text);
  expect(shop.psp.refunds()).toHaveLength(1);
});

test('refunds are listed by payment', async () => {
  await using shop = await startTestPsp();
  const [one, other] = [await paid(shop), await paid(shop)];
  const mine = (await refund(shop, one, '100.00')).body.id;
  await refund(shop, other, '100.00');
  expect((await shop.get(`/refunds?payment_id=${one}&status=succeeded`)).body).toMatchObject({ type: 'list', items: [{ id: mine }] });
});

test('a forgotten payment is missing for every call', async () => {
  await using shop = await startTestPsp();
  const id = await paid(shop);
  shop.psp.forget(id);
  expect(await shop.get(`/payments/${id}`)).toMatchObject({ status: 404 });
  expect((await shop.get('/payments')).body.items).toEqual([]);
});

async function paid(shop: TestPsp): Promise<string> {
  const { id } = (await shop.create()).body;
  shop.psp.pay(id);
  return id;
}

function refund(shop: TestPsp, paymentId: string, value: string) {
  return shop.post('/refunds', { payment_id: paymentId, amount: { value, currency: 'RUB' } });
}
