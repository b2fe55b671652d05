/** What the alarms ask is true: it rises with what is unfinished, outlives a restart, and falls when it is done. */
import { expect, test } from '@jest/globals';
import { create, startClock, startTestPayments, temporaryFolder, type TestPayments } from './testing.ts';
import { standInPsp, type StandInPsp } from './testing-psp.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

async function start(folder: string): Promise<TestPayments & { psp: StandInPsp }> {
  const clock = startClock();
  const psp = standInPsp(clock);
  return Object.assign(await startTestPayments({ folder, clock, psp }), { psp });
}

test('P10 a request to the PSP without an outcome is counted after five minutes, over a restart, until there is one', async () => {
  using folder = temporaryFolder();
  const before = await start(folder.path);
  const { clock, psp, sessions } = before;
  psp.fail('unknown');
  await create(before.client, { sessionId: sessions.open() });
  expect(await before.metric('payments_open', { provider: 'stand-in' })).toBe(1);
  expect(await before.metric('payments_outcome_unknown')).toBe(0);
  clock.advance(6 * minuteMs);
  expect(await before.metric('payments_outcome_unknown')).toBe(1);
  await before[Symbol.asyncDispose]();

  await using after = await startTestPayments({ folder: folder.path, clock, psp, sessions });
  expect(await after.metric('payments_outcome_unknown')).toBe(1);
  psp.fail(undefined);
  clock.advance(2 * minuteMs);
  await after.work();
  expect(await after.metric('payments_outcome_unknown')).toBe(0);
});

test('a payment whose visit has no report after an hour is counted until the report is there', async () => {
  using folder = temporaryFolder();
  await using payments = await start(folder.path);
  const { client, clock, psp, sessions } = payments;
  const sessionId = sessions.open();
  const intent = await create(client, { sessionId });
  psp.pay(intent.id);
  clock.advance(minuteMs);
  await payments.work();
  expect(await payments.metric('payments_open', { provider: 'stand-in' })).toBe(0);
  expect(await payments.metric('payments_unserved')).toBe(0);
  clock.advance(hourMs);
  expect(await payments.metric('payments_unserved')).toBe(1);
  await client.recordService({ sessionId, reportId: 'rep_1' });
  expect(await payments.metric('payments_unserved')).toBe(0);
});

test('a receipt that is not registered is counted by its age until it is', async () => {
  using folder = temporaryFolder();
  await using payments = await start(folder.path);
  const { client, clock, psp, sessions } = payments;
  const intent = await create(client, { sessionId: sessions.open() });
  psp.pay(intent.id);
  psp.say(intent.id, { receiptRegistration: 'pending' });
  clock.advance(minuteMs);
  await payments.work();
  clock.advance(2 * hourMs);
  expect(await payments.metric('payments_receipt_oldest_pending_seconds')).toBe(7200);
  psp.say(intent.id, { receiptRegistration: 'succeeded' });
  await payments.work();
  expect(await payments.metric('payments_receipt_oldest_pending_seconds')).toBe(0);
});

test('P7 an anomaly names its kind and when it was seen last, for a day', async () => {
  using folder = temporaryFolder();
  await using payments = await start(folder.path);
  const { client, clock, psp, sessions } = payments;
  const intent = await create(client, { sessionId: sessions.open() });
  psp.pay(intent.id);
  psp.say(intent.id, { amountMinor: 1 });
  clock.advance(minuteMs);
  await payments.work();
  expect(await payments.metric('payments_anomaly_newest_timestamp_seconds', { kind: 'mismatch_amount' })).toBe(clock.now() / 1000);
  clock.advance(25 * hourMs);
  expect(await payments.metric('payments_anomaly_newest_timestamp_seconds')).toBe(0);
});
