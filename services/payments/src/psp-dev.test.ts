/** The development PSP remembers: what is due is a row, not a timer. */
import { expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { cancel, confirm, create, read, standInSessions, startClock, startTestPayments, temporaryFolder, type TestPayments } from './testing.ts';

/** The same service on the same folder, again and again; time and sessions go on without it. */
function restartable() {
  const folder = temporaryFolder();
  const clock = startClock();
  const sessions = standInSessions(clock);
  return {
    clock, sessions,
    start: (settings?: Record<string, string>): Promise<TestPayments> => startTestPayments({ folder: folder.path, clock, sessions, settings }),
    [Symbol.dispose]: () => folder.remove(),
  };
}

test('a payment that came due while the service was down is confirmed by the next start alone', async () => {
  using kiosk = restartable();
  let intentId = '';
  {
    await using payments = await kiosk.start();
    intentId = (await create(payments.client, { sessionId: kiosk.sessions.open() })).id;
    expect(await read(payments.client, intentId)).toMatchObject({ status: 'pending' });
  }
  kiosk.clock.advance(2000);
  await using payments = await kiosk.start();
  while ((await read(payments.client, intentId)).status === 'pending') await delay(5);
  expect(await read(payments.client, intentId)).toMatchObject({ status: 'confirmed', confirmedAt: new Date(kiosk.clock.now()) });
});

test('a payment that is not due yet comes due after the restart, at its own time', async () => {
  using kiosk = restartable();
  let intentId = '';
  {
    await using payments = await kiosk.start();
    intentId = (await create(payments.client, { sessionId: kiosk.sessions.open() })).id;
    kiosk.clock.advance(500);
  }
  await using payments = await kiosk.start();
  kiosk.clock.advance(1499);
  await payments.work();
  expect(await read(payments.client, intentId)).toMatchObject({ status: 'pending' });
  kiosk.clock.advance(1);
  await payments.work();
  expect(await read(payments.client, intentId)).toMatchObject({ status: 'confirmed' });
});

test('a payment that paid itself while the service was down for longer than the intent lived is late money for a session that is still there', async () => {
  using kiosk = restartable();
  let intentId = '';
  {
    await using payments = await kiosk.start();
    intentId = (await create(payments.client, { sessionId: kiosk.sessions.open() })).id;
  }
  kiosk.clock.advance(900_000);
  await using payments = await kiosk.start();
  await payments.work();
  expect(await read(payments.client, intentId)).toMatchObject({ status: 'confirmed' });
  const moves = await payments.rows.selectFrom('audit_logs').select('event').where('entity_id', '=', intentId).orderBy('id').execute();
  expect(moves.map(({ event }) => event)).toEqual(['intent.created', 'intent.expired', 'intent.confirmed']);
});

test('a payment made in manual mode stays unpaid across restarts, and is paid by hand', async () => {
  using kiosk = restartable();
  const manual = { DEV_MANUAL_MODE: 'true' };
  let intentId = '';
  {
    await using payments = await kiosk.start(manual);
    intentId = (await create(payments.client, { sessionId: kiosk.sessions.open() })).id;
  }
  kiosk.clock.advance(60_000);
  // Automatic payment is a fact of the payment's making, not of the settings now.
  await using payments = await kiosk.start();
  await payments.work();
  expect(await read(payments.client, intentId)).toMatchObject({ status: 'pending' });
  expect(await confirm(payments.client, intentId)).toMatchObject({ status: 'confirmed' });
});

test('without a delay it pays itself at once', async () => {
  await using payments = await startTestPayments({ settings: { DEV_AUTO_CONFIRM_DELAY_MS: '0' } });
  expect(await create(payments.client, { sessionId: payments.sessions.open() })).toMatchObject({ status: 'confirmed', created: true });
});

test('what the customer paid before canceling is paid, even if nobody had asked yet', async () => {
  await using payments = await startTestPayments();
  const { client, clock } = payments;
  const made = await create(client, { sessionId: payments.sessions.open() });
  clock.advance(2500);
  expect(await cancel(client, made.id)).toMatchObject({ status: 'failed', failureReason: 'canceled_by_customer' });
  await payments.work();
  expect(await read(client, made.id)).toMatchObject({ status: 'confirmed', failureReason: undefined });
});

test('many that were canceled before their time are asked about as seldom as any, and keep nobody busy', async () => {
  await using payments = await startTestPayments();
  const { client, clock } = payments;
  const made = await Promise.all(Array.from({ length: 20 }, () => create(client, { sessionId: payments.sessions.open() })));
  for (const { id } of made) await cancel(client, id);
  clock.advance(5000);
  await payments.work();
  const rows = await payments.rows.selectFrom('intents').select(['status', 'next_action_at']).execute();
  expect(rows).toEqual(made.map(() => ({ status: 'failed', next_action_at: clock.now() + 2000 })));
});
