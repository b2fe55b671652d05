import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { startTestPsp } from './testing.ts';

const MINUTE_MS = 60_000;

test('a success, a decline, an expiry and a refund are announced with the object as it was', async () => {
  await using receiver = await startReceiver();
  await using shop = await startTestPsp({ webhookUrl: receiver.url });
  const ids = [(await shop.create()).body.id, (await shop.create()).body.id, (await shop.create()).body.id] as const;
  shop.psp.pay(ids[0]);
  shop.psp.decline(ids[1], 'general_decline');
  await shop.post('/refunds', { payment_id: ids[0], amount: { value: '480.00', currency: 'RUB' } });
  shop.advance(60 * MINUTE_MS);
  await shop.psp.deliverNotifications();
  expect(receiver.received).toMatchObject([
    { type: 'notification', event: 'payment.succeeded', object: { id: ids[0], status: 'succeeded', paid: true } },
    { type: 'notification', event: 'payment.canceled', object: { id: ids[1], status: 'canceled' } },
    { type: 'notification', event: 'refund.succeeded', object: { payment_id: ids[0], status: 'succeeded' } },
    { type: 'notification', event: 'payment.canceled', object: { id: ids[2], cancellation_details: { reason: 'expired_on_confirmation' } } },
  ]);
  expect(receiver.received[0]?.object).not.toHaveProperty('refunded_amount');
});

test('a canceled refund is announced to nobody', async () => {
  await using receiver = await startReceiver();
  await using shop = await startTestPsp({ webhookUrl: receiver.url, refundsByHand: true });
  const { id } = (await shop.create()).body;
  shop.psp.pay(id);
  const refund = await shop.post('/refunds', { payment_id: id, amount: { value: '480.00', currency: 'RUB' } });
  shop.psp.cancelRefund(refund.body.id, 'rejected_by_timeout');
  await shop.psp.deliverNotifications();
  expect(receiver.events).toEqual(['payment.succeeded']);
});

test('only 200 counts as received: 201, 204, a redirect and 500 are sent again, at growing intervals', async () => {
  await using receiver = await startReceiver([201, 204, 302, 500, 200]);
  await using shop = await startTestPsp({ webhookUrl: receiver.url });
  shop.psp.pay((await shop.create()).body.id);
  const seenAtMs: number[] = [];
  for (let elapsedMs = 0; elapsedMs <= 20 * MINUTE_MS; elapsedMs += 10_000) {
    const before = receiver.received.length;
    await shop.psp.deliverNotifications();
    if (receiver.received.length > before) seenAtMs.push(elapsedMs);
    shop.advance(10_000);
  }
  expect(seenAtMs).toEqual([0, 10_000, 40_000, 100_000, 400_000]);
  expect(shop.psp.notifications()[0]).toMatchObject({ state: 'received', attempts: [201, 204, 302, 500, 200].map((status) => ({ status })) });
});

test('a receiver that is down or slow is tried again; after 24 hours never again', async () => {
  await using receiver = await startReceiver(['hang']);
  let url = 'http://127.0.0.1:1/webhook';
  await using shop = await startTestPsp({ webhookUrl: () => url, notificationTimeoutMs: 50 });
  shop.psp.pay((await shop.create()).body.id);
  await shop.psp.deliverNotifications();
  url = receiver.url;
  shop.advance(10_000);
  await shop.psp.deliverNotifications();
  url = 'http://127.0.0.1:1/webhook';
  for (let hour = 0; hour < 30; hour += 1) {
    shop.advance(60 * MINUTE_MS);
    await shop.psp.deliverNotifications();
  }
  const [notification] = shop.psp.notifications();
  expect(notification?.state).toBe('given_up');
  expect(notification?.attempts.every((attempt) => attempt.status === undefined && attempt.error !== undefined)).toBe(true);
  const attempts = notification?.attempts.length;
  url = receiver.url;
  await shop.psp.deliverNotifications();
  expect(notification?.attempts).toHaveLength(attempts ?? -1);
});

test('without an address to send to, notifications wait', async () => {
  await using receiver = await startReceiver();
  let url: string | undefined;
  await using shop = await startTestPsp({ webhookUrl: () => url });
  shop.psp.pay((await shop.create()).body.id);
  await shop.psp.deliverNotifications();
  url = receiver.url;
  await shop.psp.deliverNotifications();
  expect(receiver.events).toEqual(['payment.succeeded']);
});

test('a dropped one never comes, a late one later, a duplicate several times', async () => {
  await using receiver = await startReceiver();
  await using shop = await startTestPsp({ webhookUrl: receiver.url });
  const [dropped, late, duplicate] = [(await shop.create()).body.id, (await shop.create()).body.id, (await shop.create()).body.id];
  shop.psp.notificationFaults.add({ kind: 'dropped', objectId: dropped });
  shop.psp.notificationFaults.add({ kind: 'late', delayMs: 5 * MINUTE_MS, objectId: late });
  shop.psp.notificationFaults.add({ kind: 'duplicate', copies: 2, objectId: duplicate });
  for (const id of [dropped, late, duplicate]) shop.psp.pay(id);
  await shop.psp.deliverNotifications();
  expect(receiver.received.map((one) => one.object.id)).toEqual([duplicate, duplicate, duplicate]);
  shop.advance(5 * MINUTE_MS);
  await shop.psp.deliverNotifications();
  expect(receiver.received.slice(3).map((one) => one.object.id)).toEqual([late]);
});

test('a reordered one comes after the next, or after a minute if there is none', async () => {
  await using receiver = await startReceiver();
  await using shop = await startTestPsp({ webhookUrl: receiver.url });
  const { id } = (await shop.create({ capture: false })).body;
  shop.psp.notificationFaults.add({ kind: 'reordered' });
  shop.psp.pay(id);
  await shop.psp.deliverNotifications();
  expect(receiver.events).toEqual([]);
  shop.psp.capture(id);
  await shop.psp.deliverNotifications();
  expect(receiver.events).toEqual(['payment.succeeded', 'payment.waiting_for_capture']);
  shop.psp.notificationFaults.add({ kind: 'reordered' });
  shop.psp.notify(id);
  shop.advance(MINUTE_MS);
  await shop.psp.deliverNotifications();
  expect(receiver.events).toHaveLength(3);
});

test('they leave from the address that is asked for', async () => {
  await using receiver = await startReceiver();
  await using shop = await startTestPsp({ webhookUrl: receiver.url, notifyFrom: '127.0.0.2' });
  shop.psp.pay((await shop.create()).body.id);
  await shop.psp.deliverNotifications();
  expect(receiver.from).toEqual(['127.0.0.2']);
});

type Received = { type: string; event: string; object: { id: string } };

interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: Received[];
  readonly events: string[];
  readonly from: (string | undefined)[];
}

/** Answers with the given statuses in turn, then with 200. */
async function startReceiver(answers: (number | 'hang')[] = []): Promise<Receiver> {
  const received: Received[] = [];
  const from: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      received.push(JSON.parse(text) as Received);
      from.push(request.socket.remoteAddress);
      const answer = answers.shift() ?? 200;
      if (answer !== 'hang') response.writeHead(answer, answer === 302 ? { location: '/' } : {}).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`,
    received,
    get events() {
      return received.map((one) => one.event);
    },
    from,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
