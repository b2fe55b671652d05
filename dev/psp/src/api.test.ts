import { describe, expect, test } from '@jest/globals';
import { startTestPsp } from './testing.ts';

const HOUR_MS = 3600_000;

describe('payments', () => {
  test('a created payment is pending, carries our facts, and answers the string to draw', async () => {
    await using shop = await startTestPsp();
    const { status, body } = await shop.create({ metadata: { intentId: 'pay_1' }, description: 'Диагностика' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'pending', paid: false, refundable: false, test: true, amount: { value: '480.00', currency: 'RUB' },
      metadata: { intentId: 'pay_1' }, description: 'Диагностика', recipient: { account_id: '506751' }, created_at: '2026-11-20T09:00:00.000Z',
      confirmation: { type: 'qr', confirmation_data: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/pay\//) },
    });
    expect(body.id).toMatch(/^[0-9a-f]{8}-000f-5000-[89ab]000-[0-9a-f]{12}$/);
    expect(body.id).toHaveLength(36);
  });

  test('redirect answers a confirmation_url and needs a return_url of at most 2048 characters', async () => {
    await using shop = await startTestPsp();
    const { body } = await shop.create({ confirmation: { type: 'redirect', return_url: 'https://kiosk.example/back' } });
    expect(body.confirmation).toMatchObject({ type: 'redirect', confirmation_url: expect.stringMatching(/\/pay\//) });
    expect(await shop.create({ confirmation: { type: 'redirect' } })).toMatchObject({ status: 400, body: { parameter: 'confirmation.return_url' } });
    const long = `https://kiosk.example/${'a'.repeat(2048)}`;
    expect(await shop.create({ confirmation: { type: 'redirect', return_url: long } })).toMatchObject({ status: 400 });
  });

  test('a one-stage payment that is paid succeeds, and says when it was captured', async () => {
    await using shop = await startTestPsp();
    const { body } = await shop.create();
    shop.advance(60_000);
    shop.psp.pay(body.id);
    expect((await shop.get(`/payments/${body.id}`)).body).toMatchObject({
      status: 'succeeded', paid: true, refundable: true, captured_at: '2026-11-20T09:01:00.000Z', payment_method: { type: 'bank_card' },
    });
  });

  test('a two-stage payment waits for capture, and is captured or canceled by the shop', async () => {
    await using shop = await startTestPsp();
    const kept = (await shop.create({ capture: false })).body.id;
    const dropped = (await shop.create({ capture: false })).body.id;
    expect(shop.psp.pay(kept)).toMatchObject({ status: 'waiting_for_capture', paid: true, expires_at: '2026-11-27T09:00:00.000Z' });
    shop.psp.pay(dropped);
    expect((await shop.post(`/payments/${kept}/capture`, {})).body).toMatchObject({ status: 'succeeded' });
    expect((await shop.post(`/payments/${dropped}/cancel`, {})).body)
      .toMatchObject({ status: 'canceled', cancellation_details: { party: 'merchant', reason: 'canceled_by_merchant' } });
  });

  test('a one-stage payment cannot be canceled by the API, neither pending nor paid', async () => {
    await using shop = await startTestPsp();
    const { id } = (await shop.create()).body;
    expect(await shop.post(`/payments/${id}/cancel`, {})).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    shop.psp.pay(id);
    expect(await shop.post(`/payments/${id}/cancel`, {})).toMatchObject({ status: 400 });
    expect(shop.psp.payments()[0]).toMatchObject({ status: 'succeeded' });
  });

  test('a payment that nobody pays within an hour is canceled as expired_on_confirmation and can no longer be paid', async () => {
    await using shop = await startTestPsp();
    const { id } = (await shop.create()).body;
    shop.advance(HOUR_MS - 1);
    expect((await shop.get(`/payments/${id}`)).body.status).toBe('pending');
    shop.advance(1);
    expect((await shop.get(`/payments/${id}`)).body)
      .toMatchObject({ status: 'canceled', cancellation_details: { party: 'yoo_money', reason: 'expired_on_confirmation' } });
    expect(() => shop.psp.pay(id)).toThrow('canceled');
  });

  test('a decline says who and why, and is final', async () => {
    await using shop = await startTestPsp();
    const { id } = (await shop.create()).body;
    shop.psp.decline(id, 'insufficient_funds');
    expect((await shop.get(`/payments/${id}`)).body)
      .toMatchObject({ status: 'canceled', paid: false, cancellation_details: { party: 'payment_network', reason: 'insufficient_funds' } });
    expect(() => shop.psp.pay(id)).toThrow('canceled');
  });

  test.each([
    ['an amount that is a number', { amount: { value: 480, currency: 'RUB' } }, 'amount.value'],
    ['an amount without two decimals', { amount: { value: '480', currency: 'RUB' } }, 'amount.value'],
    ['an amount of nothing', { amount: { value: '0.00', currency: 'RUB' } }, 'amount.value'],
    ['an amount without currency', { amount: { value: '480.00' } }, 'amount.currency'],
    ['17 keys of metadata', { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v'])) }, 'metadata'],
    ['a metadata key of 33 characters', { metadata: { ['k'.repeat(33)]: 'v' } }, `metadata.${'k'.repeat(33)}`],
    ['a metadata value of 513 characters', { metadata: { k: 'v'.repeat(513) } }, 'metadata.k'],
    ['a description of 129 characters', { description: 'd'.repeat(129) }, 'description'],
    ['an unknown confirmation', { confirmation: { type: 'pigeon' } }, 'confirmation.type'],
    ['sbp in two stages', { capture: false, payment_method_data: { type: 'sbp' } }, 'capture'],
  ])('refuses %s with 400 and creates nothing', async (_what, change, parameter) => {
    await using shop = await startTestPsp();
    expect(await shop.create(change)).toMatchObject({ status: 400, body: { type: 'error', code: 'invalid_request', parameter } });
    expect(shop.psp.payments()).toEqual([]);
  });
});

describe('who may call', () => {
  test('answers 401 invalid_credentials to another key, another shop and nobody', async () => {
    await using shop = await startTestPsp();
    for (const authorization of [basic('506751:wrong'), basic('1:test_secret'), '', 'Bearer test_secret']) {
      const answer = await fetch(`${shop.psp.url}/payments`, { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ type: 'error', code: 'invalid_credentials', id: expect.any(String) });
    }
  });

  test('answers 404 not_found to an unknown payment and an unknown address', async () => {
    await using shop = await startTestPsp();
    expect(await shop.get('/payments/22d6d597-000f-5000-9000-145f6df21d6f')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await shop.get('/elsewhere')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

describe('idempotence keys', () => {
  test('the same key and bytes get the first answer as it was, even after the payment has moved on', async () => {
    await using shop = await startTestPsp();
    const first = await shop.create({}, 'key-1');
    shop.psp.pay(first.body.id);
    const again = await shop.create({}, 'key-1');
    expect(again.text).toBe(first.text);
    expect(shop.psp.payments()).toHaveLength(1);
    expect(shop.psp.journal.filter((entry) => entry.method === 'POST').map((entry) => entry.deed?.did)).toEqual(['created', 'repeated']);
  });

  test('the same key with other data is 400 invalid_request and does nothing', async () => {
    await using shop = await startTestPsp();
    await shop.create({}, 'key-1');
    expect(await shop.create({ description: 'other' }, 'key-1'))
      .toMatchObject({ status: 400, body: { code: 'invalid_request', description: 'Idempotence key duplicated', parameter: 'Idempotence-Key' } });
    expect(shop.psp.payments()).toHaveLength(1);
  });

  test('a key is remembered for 24 hours; after that it is a new request', async () => {
    await using shop = await startTestPsp();
    const first = await shop.create({}, 'key-1');
    shop.advance(24 * HOUR_MS - 1);
    expect((await shop.create({}, 'key-1')).body.id).toBe(first.body.id);
    shop.advance(1);
    expect((await shop.create({}, 'key-1')).body.id).not.toBe(first.body.id);
    expect(shop.psp.payments()).toHaveLength(2);
  });

  test('a refused request does not use up its key', async () => {
    await using shop = await startTestPsp();
    expect(await shop.create({ description: 'd'.repeat(129) }, 'key-1')).toMatchObject({ status: 400 });
    expect(await shop.create({}, 'key-1')).toMatchObject({ status: 200 });
  });

  test('a POST without a key, or with one above 64 characters, is refused', async () => {
    await using shop = await startTestPsp();
    expect(await shop.create({}, '')).toMatchObject({ status: 400, body: { parameter: 'Idempotence-Key' } });
    expect(await shop.create({}, 'k'.repeat(65))).toMatchObject({ status: 400, body: { parameter: 'Idempotence-Key' } });
    expect(await shop.create({}, 'k'.repeat(64))).toMatchObject({ status: 200 });
  });

  test('two hundred concurrent repeats make one payment', async () => {
    await using shop = await startTestPsp();
    const answers = await Promise.all(Array.from({ length: 200 }, () => shop.create({}, 'key-1')));
    expect(new Set(answers.map((one) => one.text)).size).toBe(1);
    expect(shop.psp.payments()).toHaveLength(1);
  });
});

describe('lists', () => {
  test('pages newest first by cursor, without gaps or doubles, though payments arrive in between', async () => {
    await using shop = await startTestPsp();
    const made: string[] = [];
    for (let count = 0; count < 7; count += 1) {
      made.unshift((await shop.create()).body.id);
      if (count % 2 === 0) shop.advance(1000);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { body } = await shop.get(`/payments?limit=3${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      expect(body.type).toBe('list');
      seen.push(...body.items.map((one: { id: string }) => one.id));
      cursor = body.next_cursor;
      await shop.create();
    } while (cursor !== undefined);
    expect(seen).toEqual(made);
  });

  test('filters by status and by the time of creation, borders included or not', async () => {
    await using shop = await startTestPsp();
    const first = (await shop.create()).body;
    shop.advance(1000);
    const second = (await shop.create()).body;
    shop.psp.pay(second.id);
    const ids = async (query: string) => (await shop.get(`/payments?${query}`)).body.items.map((one: { id: string }) => one.id);
    expect(await ids('status=succeeded')).toEqual([second.id]);
    expect(await ids(`created_at.gte=${second.created_at}`)).toEqual([second.id]);
    expect(await ids(`created_at.gt=${second.created_at}`)).toEqual([]);
    expect(await ids(`created_at.lte=${first.created_at}`)).toEqual([first.id]);
    expect(await ids(`created_at.lt=${first.created_at}`)).toEqual([]);
    expect(await ids(`captured_at.gte=${first.created_at}`)).toEqual([second.id]);
  });

  test.each(['limit=0', 'limit=101', 'limit=x', 'status=paid', 'created_at.gte=yesterday', 'created_at_gte=2026-11-20T00:00:00Z', 'cursor=zzz'])(
    'refuses ?%s', async (query) => {
      await using shop = await startTestPsp();
      expect(await shop.get(`/payments?${query}`)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    });
});

describe('the journal', () => {
  test('tells each request with its key, the hash of its bytes, its deed and its answer', async () => {
    await using shop = await startTestPsp();
    const { body } = await shop.create({}, 'key-1');
    await shop.get('/payments/unknown');
    expect(shop.psp.journal).toMatchObject([
      { sequence: 1, atMs: shop.startMs, method: 'POST', path: '/v3/payments', call: 'create', idempotenceKey: 'key-1',
        bodySha256: expect.stringMatching(/^[0-9a-f]{64}$/), deed: { did: 'created', object: 'payment', id: body.id }, answer: { status: 200 } },
      { sequence: 2, method: 'GET', path: '/v3/payments/unknown', call: 'get', answer: { status: 404, code: 'not_found' } },
    ]);
  });
});

function basic(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}
