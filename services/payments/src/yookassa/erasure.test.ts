/** X4: what payments keeps of a customer, and when it goes. The shop makes receipts, so that the request to the PSP names the customer. */
import { expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, failure, read } from '../testing.ts';
import { hourMs, openShop, operator, type Shop } from './shop.fixture.ts';

const dayMs = 24 * hourMs;
const fiscal = { RECEIPTS_ENABLED: 'true', RECEIPT_FALLBACK_EMAIL: 'receipts@operator.example' };
const said = { description: 'For Kanareykin', metadataJson: '{"name":"Kanareykin"}' };
/** The customer of the stand-in sessions, and what the kiosk says of them. */
const customer = /customer@example\.com|79161234567|Kanareykin/;

/** Whether the database's files name the customer anywhere, also where no row is any more. */
function filesName({ folder }: Shop): boolean {
  return ['payments.sqlite', 'payments.sqlite-wal'].map((name) => join(folder, name)).some((path) => existsSync(path) && customer.test(readFileSync(path, 'latin1')));
}

async function rowOf({ payments: { rows } }: Shop, id: string) {
  const { status, submission, description, metadata, psp_request: request } = await rows.selectFrom('intents').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  return { status, submission, description, metadata, request };
}

/** What the service does every minute, and hears of again after each start. */
const resume = ({ payments }: Shop): Promise<void> => payments.eraseAsked();

test('X4 what is kept of a paying customer goes after PAYMENT_CUSTOMER_RETENTION_MS, from the files too; the money stays', async () => {
  await using shop = await openShop({ settings: { ...fiscal, PAYMENT_CUSTOMER_RETENTION_MS: String(4 * dayMs) }, psp: { fiscalisation: true } });
  const start = shop.clock.now();
  const { id } = await create(shop.payments.client, { sessionId: shop.sessions.open(), ...said });
  shop.psp.pay(shop.paymentsOf(id)[0]!.id);
  await shop.pass({ ms: 5000, everyMs: 5000 });
  expect(await read(shop.payments.client, id)).toMatchObject({ status: 'confirmed', description: said.description });
  shop.clock.advance(dayMs);
  const younger = await create(shop.payments.client, { sessionId: shop.sessions.open(), description: 'For another' });

  shop.clock.advance(start + 4 * dayMs - shop.clock.now());
  await shop.payments.forget();
  expect(await rowOf(shop, id)).toMatchObject({ description: said.description, metadata: said.metadataJson, request: expect.stringMatching(customer) });
  shop.clock.advance(1);
  await shop.payments.forget();
  expect(await rowOf(shop, id)).toMatchObject({ status: 'confirmed', description: null, metadata: '{}', request: '{}' });
  expect(await rowOf(shop, younger.id)).toMatchObject({ description: 'For another', request: expect.stringMatching(customer) });
  expect(await read(shop.payments.client, id)).toMatchObject({ amountMinor: 48_000, status: 'confirmed' });

  // A refund still works; its receipt goes to the operator.
  await shop.payments.client.refundIntent({ idempotencyKey: '', intentId: id, reason: 'Late' }, operator);
  await shop.drain();
  expect(shop.psp.refunds()).toMatchObject([{ status: 'succeeded' }]);
  expect(JSON.stringify(shop.psp.refunds())).not.toMatch(customer);

  // The younger one goes in its time, and the traces of both leave the files with the day's scrub.
  shop.clock.advance(dayMs);
  await shop.payments.forget();
  expect(await rowOf(shop, younger.id)).toMatchObject({ description: null, request: '{}' });
  expect(filesName(shop)).toBe(false);
});

test('X4 P10 of a payment whose outcome is unknown only the request\'s bytes stay, until they have found out; what comes later names nobody', async () => {
  await using shop = await openShop({ settings: fiscal, psp: { fiscalisation: true } });
  const { sessions, psp, clock } = shop;
  // It makes the payment, and the answer never arrives.
  psp.faults.add({ call: 'create', kind: 'reset_after', times: 'always' });
  const sessionId = sessions.open();
  const { id } = await create(shop.payments.client, { sessionId, ...said });
  expect(await rowOf(shop, id)).toMatchObject({ status: 'pending', submission: 'submitting' });

  sessions.askErasure(sessionId);
  const erase = () => shop.payments.client.eraseSession({ sessionId }, operator);
  expect(await failure(erase())).toMatchObject({ kind: 'unavailable', reason: 'erasure_unfinished' });
  const held = await rowOf(shop, id);
  expect(held).toMatchObject({ submission: 'submitting', description: null, metadata: '{}', request: expect.stringMatching(customer) });

  // As long as it is unknown, whoever asks and however often, and over a restart.
  await resume(shop);
  await shop.restart();
  clock.advance(10 * 60_000);
  await shop.payments.work();
  await resume(shop);
  expect(await rowOf(shop, id)).toEqual(held);
  expect(await failure(erase())).toMatchObject({ reason: 'erasure_unfinished' });

  // The same bytes find the one payment that there is; the next look erases them.
  psp.faults.clear();
  await shop.pass({ ms: 5 * 60_000, everyMs: 5000 });
  expect(await rowOf(shop, id)).toMatchObject({ submission: 'attached' });
  expect(shop.paymentsOf(id)).toHaveLength(1);
  await resume(shop);
  expect(await rowOf(shop, id)).toMatchObject({ description: null, metadata: '{}', request: '{}' });
  expect(filesName(shop)).toBe(false);
  expect(await erase()).toEqual({ known: true });

  // The PSP still knows the customer and says so in each answer and notification. The money comes, and goes back.
  psp.pay(shop.paymentsOf(id)[0]!.id);
  expect(JSON.stringify(shop.paymentsOf(id))).toMatch(customer);
  await shop.deliver();
  await shop.drain();
  expect(psp.refunds()).toMatchObject([{ status: 'succeeded' }]);
  await resume(shop);
  expect(await rowOf(shop, id)).toMatchObject({ description: null, metadata: '{}', request: '{}' });
  expect(JSON.stringify(await read(shop.payments.client, id))).not.toMatch(customer);
  expect(JSON.stringify(shop.payments.logged)).not.toMatch(customer);
  expect(filesName(shop)).toBe(false);
});

test('X4 the request of a payment that the PSP never answered goes when it is given up', async () => {
  await using shop = await openShop({ settings: fiscal, psp: { fiscalisation: true } });
  shop.psp.faults.add({ call: 'create', kind: 'reset_before', times: 'always' });
  const sessionId = shop.sessions.open();
  const { id } = await create(shop.payments.client, { sessionId, ...said });
  shop.sessions.askErasure(sessionId);
  await resume(shop);
  expect(await rowOf(shop, id)).toMatchObject({ submission: 'submitting', request: expect.stringMatching(customer) });
  await shop.pass({ ms: 20 * hourMs, everyMs: hourMs / 2 });
  await resume(shop);
  expect(await rowOf(shop, id)).toMatchObject({ submission: 'abandoned', request: '{}' });
  expect(filesName(shop)).toBe(false);
});
