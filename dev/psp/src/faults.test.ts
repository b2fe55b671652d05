import { describe, expect, test } from '@jest/globals';
import type { FaultKind } from './psp.ts';
import { SECRET_KEY, SHOP_ID, startTestPsp, until } from './testing.ts';

describe('a fault after the deed: the payment exists, and the same key finds it', () => {
  test.each<[FaultKind, object | string]>([
    ['reset_after', 'no answer'],
    ['hang_after', 'no answer'],
    ['error_500_after', { status: 500, body: { code: 'internal_server_error' } }],
    ['garbage', { status: 200, body: undefined }],
    ['html', { status: 200, body: undefined, text: expect.stringContaining('<h1>') }],
  ])('%s', async (kind, expected) => {
    await using shop = await startTestPsp();
    shop.psp.faults.add({ call: 'create', kind });
    const givesUp = () => kind === 'hang_after' && shop.psp.journal[0]?.deed !== undefined;
    const outcome = await shop.createUntil(givesUp, 'key-1').catch(() => 'no answer');
    expect([outcome]).toMatchObject([expected]);
    const [payment] = shop.psp.payments();
    expect(payment).toBeDefined();
    expect(shop.psp.journal[0]).toMatchObject({ fault: kind, deed: { did: 'created', id: payment?.id } });
    expect((await shop.create({}, 'key-1')).body.id).toBe(payment?.id);
    expect(shop.psp.payments()).toHaveLength(1);
  });
});

describe('a fault before the deed: nothing happened', () => {
  test.each<[FaultKind, number | undefined, string | undefined]>([
    ['reset_before', undefined, undefined],
    ['hang', undefined, undefined],
    ['error_500_before', 500, 'internal_server_error'],
    ['too_many', 429, 'too_many_requests'],
    ['unauthorized', 401, 'invalid_credentials'],
    ['forbidden', 403, 'forbidden'],
  ])('%s', async (kind, status, code) => {
    await using shop = await startTestPsp();
    shop.psp.faults.add({ call: 'create', kind });
    const answer = await shop.createUntil(() => shop.psp.journal.length === 1 && kind === 'hang', 'key-1').catch(() => undefined);
    expect(answer?.status).toBe(status);
    expect(answer?.body.code).toBe(code);
    expect(shop.psp.payments()).toEqual([]);
    expect(shop.psp.journal[0]).toMatchObject({ fault: kind });
    expect(shop.psp.journal[0]?.deed).toBeUndefined();
    expect(await shop.create({}, 'key-1')).toMatchObject({ status: 200 });
  });
});

describe('a wrong fact is told once, and the shop remembers the true one', () => {
  test.each<[FaultKind, object]>([
    ['wrong_amount', { amount: { value: '481.00', currency: 'RUB' } }],
    ['wrong_currency', { amount: { value: '480.00', currency: 'USD' } }],
    ['wrong_shop', { recipient: { account_id: `9${SHOP_ID}` } }],
    ['wrong_metadata', { metadata: { intentId: 'other-pay_1' } }],
    ['wrong_test', { test: false }],
  ])('%s', async (kind, wrong) => {
    await using shop = await startTestPsp();
    const { body: truth } = await shop.create({ metadata: { intentId: 'pay_1' } });
    shop.psp.faults.add({ call: 'get', kind });
    shop.psp.faults.add({ call: 'list', kind });
    expect((await shop.get(`/payments/${truth.id}`)).body).toMatchObject({ ...wrong, id: truth.id });
    expect((await shop.get('/payments')).body.items).toMatchObject([{ ...wrong, id: truth.id }]);
    expect((await shop.get(`/payments/${truth.id}`)).body).toEqual(truth);
  });
});

test('delay and slow_body give the true answer, later', async () => {
  await using shop = await startTestPsp();
  const { body: truth } = await shop.create();
  for (const kind of ['delay', 'slow_body'] as const) {
    shop.psp.faults.add({ call: 'get', kind, delayMs: 60 });
    const begunMs = performance.now();
    expect((await shop.get(`/payments/${truth.id}`)).body).toEqual(truth);
    expect(performance.now() - begunMs).toBeGreaterThanOrEqual(55);
  }
});

test('a fault strikes as often as it says, only the call it names, only the payment it names', async () => {
  await using shop = await startTestPsp();
  const [mine, other] = [(await shop.create()).body.id, (await shop.create()).body.id];
  shop.psp.faults.add({ call: 'get', kind: 'too_many', times: 2, paymentId: mine });
  const statusOf = async (path: string) => (await shop.get(path)).status;
  expect(await statusOf(`/payments/${other}`)).toBe(200);
  expect(await statusOf('/payments')).toBe(200);
  const path = `/payments/${mine}`;
  expect([await statusOf(path), await statusOf(path), await statusOf(path)]).toEqual([429, 429, 200]);
});

test('a fault for any call strikes always until it is cleared', async () => {
  await using shop = await startTestPsp();
  shop.psp.faults.add({ call: 'any', kind: 'error_500_before', times: 'always' });
  for (const path of ['/payments', '/refunds', '/payments/x', '/refunds/x']) expect(await shop.get(path)).toMatchObject({ status: 500 });
  shop.psp.faults.clear();
  expect(await shop.get('/payments')).toMatchObject({ status: 200 });
});

test('a fault can be aimed at the refunds of one payment', async () => {
  await using shop = await startTestPsp();
  const { id } = (await shop.create()).body;
  shop.psp.pay(id);
  shop.psp.faults.add({ call: 'refund', kind: 'error_500_after', paymentId: id });
  const body = { payment_id: id, amount: { value: '480.00', currency: 'RUB' } };
  expect(await shop.post('/refunds', body, 'key-1')).toMatchObject({ status: 500 });
  expect(await shop.post('/refunds', body, 'key-1')).toMatchObject({ status: 200, body: { status: 'succeeded' } });
  expect(shop.psp.refunds()).toHaveLength(1);
});

test('a request with wrong credentials uses up no fault', async () => {
  await using shop = await startTestPsp();
  shop.psp.faults.add({ call: 'list', kind: 'too_many' });
  const answer = await fetch(`${shop.psp.url}/payments`, { headers: { authorization: `Basic ${btoa(`${SHOP_ID}:${SECRET_KEY}x`)}` } });
  expect(answer.status).toBe(401);
  expect(await shop.get('/payments')).toMatchObject({ status: 429 });
});

test('a fault with words it does not know is refused', async () => {
  await using shop = await startTestPsp();
  expect(() => shop.psp.faults.add({ call: 'get', kind: 'gremlin' as FaultKind })).toThrow(/expected one of/);
});

test('closing ends answers that hang', async () => {
  const shop = await startTestPsp();
  shop.psp.faults.add({ call: 'create', kind: 'hang' });
  const hanging = shop.create().catch(() => 'ended');
  await until(() => shop.psp.journal.length === 1);
  await shop[Symbol.asyncDispose]();
  expect(await hanging).toBe('ended');
});
