/** 54-FZ: what a payment and a refund say for their fiscal receipts, and what becomes of the receipts. The shop checks them as YooKassa does. */
import { describe, expect, test } from '@jest/globals';
import { create, read } from '../testing.ts';
import { endSession, hourMs, minuteMs, openShop, operator, type Shop, type ShopOptions } from './shop.fixture.ts';

const prices = JSON.stringify([
  { service: 'thickness', name: 'minivan', title: 'Измерение толщины ЛКП, минивэн', amountMinor: 40_000, currency: 'RUB' },
  { service: 'diagnostics', name: 'full', title: 'Компьютерная диагностика', amountMinor: 48_000, currency: 'RUB' },
  { service: 'diagnostics', name: 'express', amountMinor: 32_000, currency: 'RUB' },
]);

function fiscal(settings: Record<string, string> = {}): ShopOptions {
  return {
    settings: {
      RECEIPTS_ENABLED: 'true', RECEIPT_VAT_CODE: '11', RECEIPT_TAX_SYSTEM_CODE: '2', RECEIPT_FALLBACK_EMAIL: 'receipts@operator.example',
      PRICES: prices, PRICES_ENFORCED: 'true', ...settings,
    },
    psp: { fiscalisation: true },
  };
}

type Receipt = { customer: object; items: { description: string; amount: { value: string } }[] };

/** What was sent, as it is frozen in the row. */
async function receipts(shop: Shop): Promise<Receipt[]> {
  const rows = await shop.payments.rows.selectFrom('intents').select('psp_request').orderBy('id').execute();
  return rows.map(({ psp_request }) => (JSON.parse(psp_request) as { receipt: Receipt }).receipt);
}

async function refundReceipts(shop: Shop): Promise<Receipt[]> {
  const rows = await shop.payments.rows.selectFrom('refunds').select('psp_request').orderBy('created_at').orderBy('id').execute();
  return rows.map(({ psp_request }) => (JSON.parse(psp_request) as { receipt: Receipt }).receipt);
}

async function anomalies(shop: Shop): Promise<string[]> {
  return (await shop.payments.rows.selectFrom('anomalies').select('kind').orderBy('id').execute()).map(({ kind }) => kind);
}

async function confirmed(shop: Shop): Promise<{ intentId: string; paymentId: string; sessionId: string }> {
  const sessionId = shop.sessions.open();
  const { id: intentId } = await create(shop.payments.client, { sessionId });
  const { id: paymentId } = shop.psp.pay(shop.paymentsOf(intentId)[0]!.id);
  await shop.pass({ ms: 5000, everyMs: 5000 });
  return { intentId, paymentId, sessionId };
}

describe('a payment’s receipt', () => {
  test('has the price list’s line, the codes of the settings and the customer’s e-mail, never the phone', async () => {
    await using shop = await openShop(fiscal());
    await create(shop.payments.client, { sessionId: shop.sessions.open() });
    expect(shop.psp.payments()).toMatchObject([{ status: 'pending', receipt_registration: 'pending' }]);
    expect(await receipts(shop)).toEqual([{
      customer: { email: 'customer@example.com' },
      items: [{
        description: 'Компьютерная диагностика', quantity: '1.00', amount: { value: '480.00', currency: 'RUB' }, vat_code: 11,
        payment_subject: 'service', payment_mode: 'full_payment', measure: 'piece',
      }],
      tax_system_code: 2,
    }]);
  });

  test('goes to the operator’s own address where the customer left only a phone, or nothing', async () => {
    await using shop = await openShop(fiscal());
    for (const contact of [{ phone: '+79161234567' }, undefined]) {
      const sessionId = shop.sessions.open();
      (await shop.sessionOf(sessionId)).contact = contact;
      await create(shop.payments.client, { sessionId });
    }
    expect((await receipts(shop)).map(({ customer }) => customer)).toEqual([{ email: 'receipts@operator.example' }, { email: 'receipts@operator.example' }]);
    expect(shop.psp.payments()).toHaveLength(2);
  });

  test.each<[string, { type: 'thickness' | 'diagnostics'; amountMinor: number; description?: string }, string]>([
    ['the title of the price that was asked', { type: 'thickness', amountMinor: 40_000 }, 'Измерение толщины ЛКП, минивэн'],
    ['the kiosk’s description where the price has no title', { type: 'diagnostics', amountMinor: 32_000, description: 'Экспресс-проверка' }, 'Экспресс-проверка'],
    ['the service’s name where there is neither', { type: 'diagnostics', amountMinor: 32_000 }, 'Компьютерная диагностика автомобиля'],
    ['the service’s name where the description is empty', { type: 'diagnostics', amountMinor: 32_000, description: '' }, 'Компьютерная диагностика автомобиля'],
  ])('names %s', async (_, { type, ...terms }, line) => {
    await using shop = await openShop(fiscal());
    const intent = await create(shop.payments.client, { sessionId: shop.sessions.open({ type }), ...terms });
    expect(intent).toMatchObject({ status: 'pending', qrCodeData: expect.stringContaining('/pay/') });
    expect((await receipts(shop))[0]!.items[0]!.description).toBe(line);
  });

  test('names the price list’s line where the list is not enforced, too', async () => {
    await using shop = await openShop(fiscal({ PRICES_ENFORCED: 'false' }));
    await create(shop.payments.client, { sessionId: shop.sessions.open({ type: 'thickness' }), amountMinor: 40_000 });
    await create(shop.payments.client, { sessionId: shop.sessions.open({ type: 'thickness' }), amountMinor: 1 });
    const lines = (await receipts(shop)).map(({ items }) => items[0]!.description);
    expect(lines).toEqual(['Измерение толщины ЛКП, минивэн', 'Измерение толщины лакокрасочного покрытия']);
  });

  test.each(['1', '6', '12'])('vat_code %s is taken', async (code) => {
    await using shop = await openShop(fiscal({ RECEIPT_VAT_CODE: code, RECEIPT_TAX_SYSTEM_CODE: '' }));
    expect(await create(shop.payments.client, { sessionId: shop.sessions.open() })).toMatchObject({ status: 'pending', qrCodeData: expect.stringContaining('/pay/') });
    expect(await receipts(shop)).toMatchObject([{ items: [{ vat_code: Number(code) }] }]);
    expect((await receipts(shop))[0]).not.toHaveProperty('tax_system_code');
  });

  test('off here and on in the shop: the intent fails as refused, and the operator is told', async () => {
    await using shop = await openShop({ psp: { fiscalisation: true } });
    expect(await create(shop.payments.client, { sessionId: shop.sessions.open() })).toMatchObject({ status: 'failed', failureReason: 'refused_by_psp' });
    expect(await anomalies(shop)).toEqual(['submission_refused']);
  });

  test('X2 the customer’s address is in no log line, audit, anomaly or metric', async () => {
    await using shop = await openShop(fiscal());
    const { intentId, paymentId } = await confirmed(shop);
    shop.psp.registerReceipt(paymentId, 'canceled');
    await shop.payments.client.refundIntent({ idempotencyKey: 'r', intentId, reason: 'Отказ' }, operator);
    const said = JSON.stringify([
      shop.payments.logged, await shop.payments.rows.selectFrom('audit_logs').selectAll().execute(), await shop.payments.rows.selectFrom('anomalies').selectAll().execute(),
      await shop.payments.rows.selectFrom('psp_observations').selectAll().execute(),
    ]);
    expect(said).not.toMatch(/customer@example|9161234567|operator\.example/);
  });
});

describe('a refund’s receipt', () => {
  test('of all repeats the payment’s; of a part has that part', async () => {
    await using shop = await openShop(fiscal());
    const { intentId } = await confirmed(shop);
    await shop.payments.client.refundIntent({ idempotencyKey: 'a', intentId, amountMinor: 12_345, reason: 'Скидка' }, operator);
    await shop.payments.client.refundIntent({ idempotencyKey: 'b', intentId, reason: 'Отказ' }, operator);
    const [payment] = await receipts(shop);
    expect(await refundReceipts(shop)).toEqual(['123.45', '356.55'].map((value) => ({ ...payment!, items: [{ ...payment!.items[0]!, amount: { value, currency: 'RUB' } }] })));
    expect(shop.psp.refunds()).toMatchObject([{ status: 'succeeded', receipt_registration: 'succeeded' }, { status: 'succeeded', receipt_registration: 'succeeded' }]);
  });

  test('of late money has one as well', async () => {
    await using shop = await openShop(fiscal());
    const sessionId = shop.sessions.open();
    const { id } = await create(shop.payments.client, { sessionId });
    await shop.payments.client.cancelIntent({ intentId: id });
    await endSession(shop, sessionId, 'failed');
    shop.psp.pay(shop.paymentsOf(id)[0]!.id);
    await shop.pass({ ms: minuteMs, everyMs: 10_000 });
    expect(await refundReceipts(shop)).toEqual(await receipts(shop));
    expect(shop.psp.refunds()).toMatchObject([{ status: 'succeeded' }]);
  });

  test('of a payment that was made before receipts were switched on goes to the operator’s address', async () => {
    await using before = await openShop();
    const { intentId } = await confirmed(before);
    before.psp.settings.fiscalisation = true;
    // As the service is after a restart with the new settings.
    await before.restart({ settings: fiscal().settings });
    await before.payments.client.refundIntent({ idempotencyKey: 'a', intentId, amountMinor: 10_000, reason: 'Скидка' }, operator);
    expect(await refundReceipts(before)).toMatchObject([
      { customer: { email: 'receipts@operator.example' }, items: [{ amount: { value: '100.00' }, description: 'Услуга проверки автомобиля' }] },
    ]);
    expect(before.psp.refunds()).toMatchObject([{ status: 'succeeded' }]);
  });
});

describe('what becomes of a receipt', () => {
  const byHand: ShopOptions = { ...fiscal(), psp: { fiscalisation: true, receiptsByHand: true } };

  test('pending: the payment is confirmed and asked about further, until it is registered', async () => {
    await using shop = await openShop(byHand);
    const { intentId, paymentId } = await confirmed(shop);
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed' });
    await shop.pass({ ms: 2 * hourMs, everyMs: 5 * minuteMs });
    const asked = shop.psp.journal.length;
    expect(asked).toBeGreaterThan(10);
    shop.psp.registerReceipt(paymentId, 'succeeded');
    await shop.pass({ ms: hourMs, everyMs: 5 * minuteMs });
    expect(await shop.payments.rows.selectFrom('intents').select(['receipt_registration', 'next_action_at']).execute())
      .toEqual([{ receipt_registration: 'succeeded', next_action_at: null }]);
    const askedTo = shop.psp.journal.length;
    await shop.pass({ ms: 5 * hourMs, everyMs: hourMs });
    expect(shop.psp.journal).toHaveLength(askedTo);
    expect(await anomalies(shop)).toEqual([]);
  });

  test('canceled, of a payment and of a refund: an anomaly for each, once', async () => {
    await using shop = await openShop(byHand);
    const { intentId, paymentId } = await confirmed(shop);
    shop.psp.registerReceipt(paymentId, 'canceled');
    await shop.pass({ ms: hourMs, everyMs: minuteMs });
    expect(await anomalies(shop)).toEqual(['receipt_canceled']);
    expect(await read(shop.payments.client, intentId)).toMatchObject({ status: 'confirmed' });
    await shop.payments.client.refundIntent({ idempotencyKey: 'a', intentId, reason: 'Отказ' }, operator);
    const [refund] = shop.psp.refunds();
    expect(refund).toMatchObject({ status: 'succeeded', receipt_registration: 'pending' });
    shop.psp.registerReceipt(refund!.id, 'canceled');
    await shop.pass({ ms: hourMs, everyMs: minuteMs });
    expect(await anomalies(shop)).toEqual(['receipt_canceled', 'receipt_canceled']);
    expect(await shop.payments.rows.selectFrom('refunds').select(['status', 'receipt_registration', 'next_action_at']).execute())
      .toEqual([{ status: 'succeeded', receipt_registration: 'canceled', next_action_at: null }]);
  });

  test('never registered, of a payment and of a refund: the operator is told after 72 h, and nobody asks any more', async () => {
    await using shop = await openShop(byHand);
    const { intentId } = await confirmed(shop);
    await shop.payments.client.refundIntent({ idempotencyKey: 'a', intentId, reason: 'Отказ' }, operator);
    await shop.pass({ ms: 80 * hourMs, everyMs: 30 * minuteMs });
    expect(await anomalies(shop)).toEqual(['receipt_pending', 'receipt_pending']);
    // The next one's alarm must be heard.
    expect(await shop.payments.metric('payments_receipt_oldest_pending_seconds')).toBe(0);
    const asked = shop.psp.journal.length;
    await shop.pass({ ms: 24 * hourMs, everyMs: hourMs });
    expect(shop.psp.journal).toHaveLength(asked);
  });

  test('of a payment that nobody made is nobody’s loss', async () => {
    await using shop = await openShop(byHand);
    const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open() });
    await shop.pass({ ms: 80 * hourMs, everyMs: 30 * minuteMs });
    expect(shop.psp.payments()).toMatchObject([{ status: 'canceled', receipt_registration: 'pending' }]);
    expect(await read(shop.payments.client, id)).toMatchObject({ status: 'expired' });
    expect(await anomalies(shop)).toEqual([]);
  });
});
