/** Watching payments: a session's intents with their refunds, and one intent's status. */
import { expect, test } from '@jest/globals';
import { cancel, confirm, create, failure, startTestPayments, type TestPayments } from './testing.ts';

const manual = { settings: { DEV_MANUAL_MODE: 'true' } };
const kiosk = (name: string) => ({ caller: { role: 'kiosk', name } }) as const;
const short = (status: string): string => status.replace(/^\w+_STATUS_/, '').toLowerCase();

function watchSession({ client }: TestPayments, sessionId: string, call = {}) {
  const messages = client.watchSessionIntents({ sessionId }, call)[Symbol.asyncIterator]();
  return {
    /** The intents at the next change, as short words. */
    next: async () => ((await messages.next()).value as { intents: { status: string; qrCodeData: string; refundedAmountMinor: number }[] }).intents
      .map(({ status, qrCodeData, refundedAmountMinor }) => `${short(status)} ${qrCodeData === '' ? 'without' : 'with'} QR, ${refundedAmountMinor} back`),
    leave: () => messages.return!(),
  };
}

test('a watcher of a session sees its intents come, get their QR, be replaced, paid and given back', async () => {
  await using payments = await startTestPayments(manual);
  const { client, sessions } = payments;
  const sessionId = sessions.open();
  const seen = watchSession(payments, sessionId);
  expect(await seen.next()).toEqual([]);
  await create(client, { sessionId });
  await create(client, { sessionId: sessions.open() });
  // What comes together may be told as one.
  let now = await seen.next();
  if (now[0] === 'pending without QR, 0 back') now = await seen.next();
  expect(now).toEqual(['pending with QR, 0 back']);
  const second = await create(client, { sessionId, amountMinor: 32_000 });
  while (now[1] !== 'pending with QR, 0 back') now = await seen.next();
  expect(now).toEqual(['failed with QR, 0 back', 'pending with QR, 0 back']);
  await confirm(client, second.id);
  expect(await seen.next()).toEqual(['failed with QR, 0 back', 'confirmed with QR, 0 back']);
  await client.refundIntent({ idempotencyKey: '', intentId: second.id, amountMinor: 500, reason: 'x' }, { caller: { role: 'operator', name: 'olga' } });
  expect((await seen.next())[1]).toBe('confirmed with QR, 500 back');
  await seen.leave();
});

test('a watcher of a status sees it as it is, expire when that is recorded, and late money', async () => {
  await using payments = await startTestPayments(manual);
  const { client, clock, sessions } = payments;
  const { id: intentId } = await create(client, { sessionId: sessions.open() });
  const seen = client.watchIntentStatus({ intentId })[Symbol.asyncIterator]();
  const next = async () => (await seen.next()).value as { now: { status: string; final: boolean } };
  expect(await next()).toMatchObject({ now: { intentId, status: 'INTENT_STATUS_PENDING', final: false } });
  clock.advance(600_000);
  await payments.work();
  expect(await next()).toMatchObject({ now: { status: 'INTENT_STATUS_EXPIRED', final: true } });
  await seen.return!();
});

test('S3 another kiosk sees nothing of a session, and no status', async () => {
  await using payments = await startTestPayments(manual);
  const { client, sessions } = payments;
  const sessionId = sessions.open({ kioskId: 'k-1' });
  const { id: intentId } = await create(client, { sessionId }, kiosk('k-1'));
  const foreign = watchSession(payments, sessionId, kiosk('k-2'));
  expect(await foreign.next()).toEqual([]);
  await foreign.leave();
  const own = watchSession(payments, sessionId, kiosk('k-1'));
  expect(await own.next()).toHaveLength(1);
  await own.leave();
  expect(await failure(client.watchIntentStatus({ intentId }, kiosk('k-2'))[Symbol.asyncIterator]().next())).toEqual({ kind: 'not_found', reason: 'intent_not_found' });
});

test('three hundred watchers of one session all hear of a change', async () => {
  await using payments = await startTestPayments(manual);
  const { client, sessions } = payments;
  const { id: intentId, sessionId } = await create(client, { sessionId: sessions.open() });
  const watchers = Array.from({ length: 300 }, () => client.watchSessionIntents({ sessionId })[Symbol.asyncIterator]());
  await Promise.all(watchers.map((watcher) => watcher.next()));
  const told = Promise.all(watchers.map((watcher) => watcher.next()));
  await cancel(client, intentId);
  expect(new Set((await told).map(({ value }) => (value as { intents: { status: string }[] }).intents[0]!.status))).toEqual(new Set(['INTENT_STATUS_FAILED']));
  await Promise.all(watchers.map((watcher) => watcher.return!()));
});
