import { networkInterfaces } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import type { TestPsp } from './testing.ts';
import { SECRET_KEY, startTestPsp } from './testing.ts';

describe('control over HTTP', () => {
  test('pays, declines, expires, settles and cancels', async () => {
    await using shop = await startTestPsp({ refundsByHand: true });
    const [paid, declined, expired] = [(await shop.create()).body.id, (await shop.create()).body.id, (await shop.create()).body.id];
    expect((await control(shop, 'POST', `/payments/${paid}/pay`)).body).toMatchObject({ status: 'succeeded' });
    expect((await control(shop, 'POST', `/payments/${declined}/decline`, { reason: 'fraud_suspected' })).body)
      .toMatchObject({ status: 'canceled', cancellation_details: { reason: 'fraud_suspected' } });
    expect((await control(shop, 'POST', `/payments/${expired}/expire`)).body)
      .toMatchObject({ cancellation_details: { reason: 'expired_on_confirmation' } });
    const refund = async () => (await shop.post('/refunds', { payment_id: paid, amount: { value: '240.00', currency: 'RUB' } })).body.id;
    expect((await control(shop, 'POST', `/refunds/${await refund()}/settle`)).body).toMatchObject({ status: 'succeeded' });
    expect((await control(shop, 'POST', `/refunds/${await refund()}/cancel`, { reason: 'rejected_by_payee' })).body)
      .toMatchObject({ status: 'canceled', cancellation_details: { reason: 'rejected_by_payee' } });
  });

  test('refuses what cannot be: an unknown payment, a step out of turn, an unknown reason, an unknown field', async () => {
    await using shop = await startTestPsp();
    const { id } = (await shop.create()).body;
    expect(await control(shop, 'POST', '/payments/x/pay')).toMatchObject({ status: 404 });
    expect(await control(shop, 'POST', `/payments/${id}/capture`)).toMatchObject({ status: 400 });
    expect(await control(shop, 'POST', `/payments/${id}/decline`, { reason: 'mood' })).toMatchObject({ status: 400 });
    expect(await control(shop, 'POST', `/payments/${id}/pay`, { amount: '1.00' })).toMatchObject({ status: 400 });
    expect(shop.psp.payments()).toMatchObject([{ status: 'pending' }]);
  });

  test('scripts faults and clears them', async () => {
    await using shop = await startTestPsp();
    expect((await control(shop, 'POST', '/faults', { call: 'list', kind: 'too_many', times: 'always' })).status).toBe(200);
    expect(await control(shop, 'POST', '/faults', { call: 'list', kind: 'gremlin' })).toMatchObject({ status: 400 });
    expect(await shop.get('/payments')).toMatchObject({ status: 429 });
    await control(shop, 'DELETE', '/faults');
    expect(await shop.get('/payments')).toMatchObject({ status: 200 });
    await control(shop, 'POST', '/notification-faults', { kind: 'dropped' });
    shop.psp.pay((await shop.create()).body.id);
    expect(shop.psp.notifications()).toMatchObject([{ state: 'dropped' }]);
  });

  test('winds the clock on, and what is overdue happens', async () => {
    await using shop = await startTestPsp();
    await shop.create();
    expect((await control(shop, 'POST', '/clock', { advanceMs: 3600_000 })).body).toEqual({ nowMs: shop.startMs + 3600_000 });
    expect((await control(shop, 'GET', '/payments')).body).toMatchObject([{ status: 'canceled' }]);
    expect(await control(shop, 'POST', '/clock', { advanceMs: -1 })).toMatchObject({ status: 400 });
  });

  test('shows the journal and changes settings', async () => {
    await using shop = await startTestPsp();
    await control(shop, 'POST', '/settings', { fiscalisation: true });
    await shop.create();
    expect((await control(shop, 'GET', '/journal')).body).toMatchObject([{ call: 'create', answer: { status: 400, code: 'invalid_request' } }]);
  });

  test('answers neither other machines nor pages of other sites', async () => {
    await using shop = await startTestPsp({ host: '0.0.0.0' });
    const { id } = (await shop.create()).body;
    const crossSite = await fetch(`${origin(shop)}/control/payments/${id}/pay`, { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } });
    expect(crossSite.status).toBe(403);
    const statuses = await Promise.all(outerAddresses().map(async (address) => {
      const outer = `http://${address}:${shop.psp.port}`;
      const asked = [fetch(`${outer}/control/payments/${id}/pay`, { method: 'POST' }), fetch(`${outer}/`), fetch(`${outer}/pay/${id}`)];
      return (await Promise.all(asked)).map((answer) => answer.status);
    }));
    expect(statuses).toEqual(statuses.map(() => [403, 403, 200]));
    expect(shop.psp.payments()).toMatchObject([{ status: 'pending' }]);
  });
});

describe('the page', () => {
  test('shows payments, escapes everything, keeps the key to itself', async () => {
    await using shop = await startTestPsp();
    const { id } = (await shop.create({ description: `<img src=x onerror="alert('1')">` })).body;
    await shop.get(`/payments/${encodeURIComponent('"><script>')}`);
    const text = await (await fetch(`${origin(shop)}/`)).text();
    expect(text).toContain(id);
    expect(text).toContain('&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;');
    expect(text).not.toContain('<img');
    expect(text).not.toContain('<script');
    expect(text).not.toContain(SECRET_KEY);
  });

  test('its forms do what they say and lead back; an empty field is a field left out', async () => {
    await using shop = await startTestPsp();
    const { id } = (await shop.create()).body;
    const pressed = await form(`${origin(shop)}/control/payments/${id}/decline`, { reason: 'call_issuer' });
    expect([pressed.status, pressed.headers.get('location')]).toEqual([303, '/']);
    expect(shop.psp.payments()).toMatchObject([{ status: 'canceled' }]);
    await form(`${origin(shop)}/control/faults`, { call: 'list', kind: 'too_many', times: '2', delayMs: '', paymentId: '' });
    expect((await control(shop, 'GET', '/faults')).body).toEqual([{ call: 'list', kind: 'too_many', times: 2 }]);
    await form(`${origin(shop)}/control/settings`, { refundsByHand: 'true' });
    expect(shop.psp.settings.refundsByHand).toBe(true);
  });
});

describe("the customer's page", () => {
  test('is where the QR leads, says the price in Russian, and takes the money', async () => {
    await using shop = await startTestPsp();
    const { confirmation } = (await shop.create({ description: 'Диагностика' })).body;
    const url = (confirmation as { confirmation_data: string }).confirmation_data;
    const text = (await (await fetch(url)).text()).replace(/[\u00a0\u202f]/g, ' ');
    expect(text).toContain('Оплатить 480,00 ₽');
    expect(text).toContain('Отказаться');
    expect(text).toContain('Диагностика');
    expect(await (await form(url, { action: 'pay' })).text()).toContain('Оплачено');
    expect(await (await form(url, { action: 'decline' })).text()).toContain('Оплачено');
    expect(shop.psp.payments()).toMatchObject([{ status: 'succeeded' }]);
  });

  test('a refusal cancels the payment, and leads back only to the web', async () => {
    await using shop = await startTestPsp();
    for (const [returnUrl, shown] of [['https://kiosk.example/back', true], ['javascript:alert(1)', false]] as const) {
      const { body } = await shop.create({ confirmation: { type: 'redirect', return_url: returnUrl } });
      const text = await (await form((body.confirmation as { confirmation_url: string }).confirmation_url, { action: 'decline' })).text();
      expect(text).toContain('Платёж отменён');
      expect(text.includes(returnUrl)).toBe(shown);
    }
    expect(shop.psp.payments()).toMatchObject([{ status: 'canceled' }, { status: 'canceled' }]);
  });

  test('an unknown payment is not found', async () => {
    await using shop = await startTestPsp();
    expect((await fetch(`${origin(shop)}/pay/x`)).status).toBe(404);
  });
});

/** The addresses under which this machine is another one's neighbour; a machine without a network has none. */
function outerAddresses(): string[] {
  return Object.values(networkInterfaces()).flat().flatMap((one) => (one?.family === 'IPv4' && !one.internal ? [one.address] : []));
}

function origin(shop: TestPsp): string {
  return new URL(shop.psp.url).origin;
}

async function control(shop: TestPsp, method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${origin(shop)}/control${path}`, {
    method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: await answer.json() };
}

function form(url: string, fields: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
}
