import { DeliveryStatus, type Delivery } from '@kiosk/contracts/reporting/v1/reporting';
import { Fault } from '@kiosk/fault';
import { describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { SendError, type SendErrorKind, type SendErrorReason } from './send-error.ts';
import { create, hourMs, minuteMs, read, startTestReporting, type TestReporting } from './testing.ts';

function refusing(kind: SendErrorKind, reason: SendErrorReason): () => Promise<void> {
  return () => Promise.reject(new SendError({ kind, reason }));
}

async function emailOf(reporting: TestReporting, reportId: string): Promise<Delivery> {
  const { deliveries } = await read(reporting, reportId);
  return deliveries.find(({ channel }) => channel === 'DELIVERY_CHANNEL_EMAIL')!;
}

/** A report that goes by e-mail alone. */
async function open(reporting: TestReporting, email = 'ivan@example.com'): Promise<string> {
  const { id } = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { email } });
  return id;
}

describe('an outage', () => {
  test.each([['an hour', 1], ['a day', 24]])('D3 with the provider away for %s nothing is lost, and all is sent within five minutes of its return', async (_, hours) => {
    await using reporting = await startTestReporting();
    reporting.email.obstacle = refusing('temporary', 'provider_unavailable');
    const ids: string[] = [];
    for (let customer = 0; customer < 3; customer += 1) ids.push(await open(reporting, `c${customer}@example.com`));
    for (let passedMs = 0; passedMs < hours * hourMs; passedMs += 7 * minuteMs) {
      await reporting.service.deliverDue();
      reporting.clock.advance(7 * minuteMs);
    }
    expect(reporting.email.sent).toEqual([]);
    await reporting.service.deliverDue();
    reporting.email.obstacle = () => undefined;
    for (let minute = 0; minute < 5; minute += 1) {
      reporting.clock.advance(minuteMs);
      await reporting.service.deliverDue();
    }
    expect(reporting.email.sent).toHaveLength(3);
    for (const id of ids) expect((await emailOf(reporting, id)).status).toBe(DeliveryStatus.DELIVERY_STATUS_SENT);
  });

  test('payments away only makes a delivery wait', async () => {
    await using reporting = await startTestReporting();
    reporting.email.obstacle = refusing('temporary', 'provider_unavailable');
    const id = await open(reporting);
    await reporting.service.deliverDue();
    const { folder, clock, visits } = reporting;
    await using strict = await startTestReporting({ folder, clock, visits, settings: { REPORTS_REQUIRE_PAYMENT: 'true' } });
    visits.fail(new Fault({ kind: 'unavailable', reason: 'payments_unavailable', message: 'away' }));
    clock.advance(minuteMs);
    await strict.service.deliverDue();
    expect(await emailOf(strict, id)).toMatchObject({ status: DeliveryStatus.DELIVERY_STATUS_QUEUED, lastError: 'payments_unavailable' });
  });
});

describe('a refusal', () => {
  test('D5 a temporary one is tried again after a growing time, and is dead 72 hours after the first attempt', async () => {
    await using reporting = await startTestReporting();
    reporting.email.obstacle = refusing('temporary', 'recipient_deferred');
    const id = await open(reporting);
    await reporting.service.deliverDue();
    expect(await emailOf(reporting, id)).toMatchObject({
      status: DeliveryStatus.DELIVERY_STATUS_QUEUED, attempts: 1, lastError: 'recipient_deferred', nextAttemptAt: new Date(reporting.clock.now() + minuteMs),
    });
    for (let passedMs = 0; passedMs <= 73 * hourMs; passedMs += hourMs) {
      reporting.clock.advance(hourMs);
      await reporting.service.deliverDue();
    }
    const delivery = await emailOf(reporting, id);
    expect(delivery).toMatchObject({ status: DeliveryStatus.DELIVERY_STATUS_DEAD, lastError: 'recipient_deferred', nextAttemptAt: undefined });
    expect(delivery.attempts).toBeLessThan(40);
    expect(await reporting.metric('reports_failed_total', { type: 'diagnostics', method: 'email', reason: 'recipient_deferred' })).toBe(1);
  });

  test('D5 a permanent one is dead after one attempt, and the other channel goes on', async () => {
    await using reporting = await startTestReporting();
    reporting.email.obstacle = refusing('permanent', 'recipient_refused');
    const { id } = await create(reporting, { sessionId: reporting.visits.open() });
    await reporting.service.deliverDue();
    reporting.clock.advance(24 * hourMs);
    await reporting.service.deliverDue();
    expect(await emailOf(reporting, id)).toMatchObject({ status: DeliveryStatus.DELIVERY_STATUS_DEAD, attempts: 1 });
    expect(reporting.sms.sent).toHaveLength(1);
    expect(reporting.sql('SELECT id FROM deliveries WHERE status = \'dead\'')).toHaveLength(1);
  });

  test('an error that nobody foresaw is tried again and stops nobody', async () => {
    await using reporting = await startTestReporting();
    reporting.email.obstacle = () => Promise.reject(new TypeError('ivan@example.com is a mistake'));
    const id = await open(reporting);
    await reporting.service.deliverDue();
    expect(await emailOf(reporting, id)).toMatchObject({ status: DeliveryStatus.DELIVERY_STATUS_QUEUED, lastError: 'internal' });
    expect(JSON.stringify(reporting.logged)).not.toContain('ivan@');
  });
});

test('D4 an ambiguous attempt is repeated with the same message in every respect, and counted', async () => {
  await using reporting = await startTestReporting();
  let lost = 2;
  reporting.email.obstacle = (message) => {
    if (lost-- === 0) return undefined;
    reporting.email.sent.push(message);
    return Promise.reject(new SendError({ kind: 'ambiguous', reason: 'connection_lost' }));
  };
  const id = await open(reporting);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await reporting.service.deliverDue();
    reporting.clock.advance(10 * minuteMs);
  }
  const [first, ...others] = reporting.email.sent;
  expect(others).toHaveLength(2);
  for (const other of others) expect(other).toEqual(first);
  expect(await emailOf(reporting, id)).toMatchObject({ status: DeliveryStatus.DELIVERY_STATUS_SENT, attempts: 3 });
  expect(reporting.sql('SELECT ambiguous_attempts AS count FROM deliveries')).toEqual([{ count: 2 }]);
  expect(await reporting.metric('reports_ambiguous_attempts_total', { method: 'email' })).toBe(2);
});

test('D6 deliveries whose provider hangs hold up no other', async () => {
  await using reporting = await startTestReporting();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  reporting.email.obstacle = ({ to }) => (to.startsWith('poison') ? released : undefined);
  const poisoned = [await open(reporting, 'poison1@example.com'), await open(reporting, 'poison2@example.com')];
  const healthy: string[] = [];
  for (let customer = 0; customer < 6; customer += 1) healthy.push(await open(reporting, `c${customer}@example.com`));
  const { id: bySms } = await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { phone: '+79123456789' } });
  const all = reporting.service.deliverDue();
  while (reporting.email.sent.length < healthy.length || reporting.sms.sent.length < 1) await new Promise(setImmediate);
  for (const id of poisoned) expect((await emailOf(reporting, id)).status).toBe(DeliveryStatus.DELIVERY_STATUS_SENDING);
  release();
  await all;
  expect(reporting.email.sent).toHaveLength(8);
  expect((await read(reporting, bySms)).deliveries).toMatchObject([{ status: DeliveryStatus.DELIVERY_STATUS_SENT }]);
});

describe('D7 a worker that goes away', () => {
  test('D7 its work is taken up at the next start, and what it says afterwards changes nothing', async () => {
    await using stale = await startTestReporting();
    const { clock, visits, folder } = stale;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    stale.email.obstacle = () => released.then(() => Promise.reject(new SendError({ kind: 'permanent', reason: 'recipient_refused' })));
    const id = await open(stale);
    const staleWork = stale.service.deliverDue();
    while ((await emailOf(stale, id)).status !== DeliveryStatus.DELIVERY_STATUS_SENDING) await new Promise(setImmediate);

    await using fresh = await startTestReporting({ folder, clock, visits });
    await fresh.service.deliverDue();
    expect(fresh.email.sent).toHaveLength(1);
    release();
    await staleWork;
    expect(await emailOf(fresh, id)).toMatchObject({ status: DeliveryStatus.DELIVERY_STATUS_SENT, attempts: 2, lastError: undefined });
    expect(fresh.sql('SELECT ambiguous_attempts AS count FROM deliveries')).toEqual([{ count: 1 }]);
    expect(stale.logged).toContainEqual(expect.objectContaining({ event: 'delivery.stale' }));
  });

  test('D8 a delivery whose file is damaged is not sent, and waits', async () => {
    await using reporting = await startTestReporting();
    reporting.email.obstacle = refusing('temporary', 'provider_unavailable');
    const id = await open(reporting);
    await reporting.service.deliverDue();
    reporting.email.obstacle = () => undefined;
    writeFileSync(`${reporting.folder}/reports/2026/11/${id}.pdf`, 'half a file');
    reporting.clock.advance(minuteMs);
    await reporting.service.deliverDue();
    expect(reporting.email.sent).toEqual([]);
    expect(await emailOf(reporting, id)).toMatchObject({ status: DeliveryStatus.DELIVERY_STATUS_QUEUED, lastError: 'file_unusable' });
  });
});
