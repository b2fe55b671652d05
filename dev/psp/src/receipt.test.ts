import { expect, test } from '@jest/globals';
import { startTestPsp } from './testing.ts';

const ITEM = { description: 'Диагностика', quantity: 1, amount: { value: '480.00', currency: 'RUB' }, vat_code: 1 };
const RECEIPT = { customer: { email: 'a@example.com' }, items: [ITEM] };

test('with fiscalisation on a payment needs its receipt, and a partial refund too', async () => {
  await using shop = await startTestPsp({ fiscalisation: true });
  expect(await shop.create()).toMatchObject({ status: 400, body: { description: 'Receipt is missing or illegal', parameter: 'receipt' } });
  const { body } = await shop.create({ receipt: RECEIPT });
  expect(body).toMatchObject({ receipt_registration: 'pending' });
  shop.psp.pay(body.id);
  const part = { payment_id: body.id, amount: { value: '100.00', currency: 'RUB' } };
  expect(await shop.post('/refunds', part)).toMatchObject({ status: 400, body: { parameter: 'receipt' } });
  const items = [{ ...ITEM, amount: { value: '100.00', currency: 'RUB' } }];
  expect(await shop.post('/refunds', { ...part, receipt: { ...RECEIPT, items } })).toMatchObject({ status: 200 });
});

test('with fiscalisation on a full refund needs no receipt', async () => {
  await using shop = await startTestPsp({ fiscalisation: true });
  const { id } = (await shop.create({ receipt: RECEIPT })).body;
  shop.psp.pay(id);
  expect(await shop.post('/refunds', { payment_id: id, amount: { value: '480.00', currency: 'RUB' } })).toMatchObject({ status: 200 });
});

test('a receipt is registered with the money, or by hand', async () => {
  await using shop = await startTestPsp();
  const first = (await shop.create({ receipt: RECEIPT })).body.id;
  expect(shop.psp.pay(first)).toMatchObject({ receipt_registration: 'succeeded' });
  shop.psp.settings.receiptsByHand = true;
  const second = (await shop.create({ receipt: RECEIPT })).body.id;
  expect(shop.psp.pay(second)).toMatchObject({ receipt_registration: 'pending' });
  shop.psp.registerReceipt(second, 'canceled');
  expect((await shop.get(`/payments/${second}`)).body).toMatchObject({ status: 'succeeded', receipt_registration: 'canceled' });
});

test.each([
  ['nobody to send it to', { ...RECEIPT, customer: {} }],
  ['no items', { ...RECEIPT, items: [] }],
  ['101 items', { ...RECEIPT, items: Array.from({ length: 101 }, () => ITEM) }],
  ['items that do not add up', { ...RECEIPT, items: [{ ...ITEM, amount: { value: '479.99', currency: 'RUB' } }] }],
  ['a quantity that makes it more', { ...RECEIPT, items: [{ ...ITEM, quantity: '2.00' }] }],
  ['vat_code 0', { ...RECEIPT, items: [{ ...ITEM, vat_code: 0 }] }],
  ['vat_code 13', { ...RECEIPT, items: [{ ...ITEM, vat_code: 13 }] }],
  ['tax_system_code 7', { ...RECEIPT, tax_system_code: 7 }],
  ['a description of 129 characters', { ...RECEIPT, items: [{ ...ITEM, description: 'd'.repeat(129) }] }],
])('refuses a receipt with %s', async (_what, receipt) => {
  await using shop = await startTestPsp();
  expect(await shop.create({ receipt })).toMatchObject({ status: 400, body: { parameter: expect.stringMatching(/^receipt/) } });
});

test('takes quantities that are strings, several items, and vat_code 12', async () => {
  await using shop = await startTestPsp();
  const items = [{ ...ITEM, quantity: '2.00', amount: { value: '160.00', currency: 'RUB' }, vat_code: 12 },
    { ...ITEM, amount: { value: '160.00', currency: 'RUB' } }];
  expect(await shop.create({ receipt: { customer: { phone: '79000000000' }, items, tax_system_code: 6 } })).toMatchObject({ status: 200 });
});
