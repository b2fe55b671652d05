/** Each business event feeds the metrics, the audit and the log together, and says nothing of people. */
import { describe, expect, test } from '@jest/globals';
import { cancel, confirm, create, startTestPayments, type TestPayments } from './testing.ts';

const manual = { DEV_MANUAL_MODE: 'true' };
const env = 'DEV';

async function auditOf({ rows }: TestPayments, intentId: string) {
  return rows.selectFrom('audit_logs').selectAll().where('entity_id', '=', intentId).orderBy('id').execute();
}

describe('metrics', () => {
  test('of a confirmed payment', async () => {
    await using payments = await startTestPayments();
    const { clock, metric } = payments;
    await create(payments.client, { sessionId: payments.sessions.open() });
    expect(await metric('payments_intents_total', { status: 'pending', env })).toBe(1);
    expect(await metric('payments_confirmed_total', { env })).toBe(0);
    clock.advance(7000);
    await payments.work();
    expect(await metric('payments_intents_total', { status: 'pending', env })).toBe(1);
    expect(await metric('payments_intents_total', { status: 'confirmed', env })).toBe(1);
    expect(await metric('payments_confirmed_total', { env })).toBe(1);
    expect(await metric('payments_duration_seconds_count', { status: 'confirmed', env })).toBe(1);
    expect(await metric('payments_duration_seconds_sum', { status: 'confirmed', env })).toBe(7);
    expect(await metric('payments_duration_seconds_bucket', { status: 'confirmed', env, le: '5' })).toBe(0);
    expect(await metric('payments_duration_seconds_bucket', { status: 'confirmed', env, le: '10' })).toBe(1);
    expect(await metric('payments_failed_total')).toBe(0);
  });

  test('of canceled, superseded and expired ones', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const { client, clock, metric, sessions } = payments;
    const canceled = await create(client, { sessionId: sessions.open() });
    await cancel(client, canceled.id);
    await cancel(client, canceled.id);
    const superseded = await create(client, { sessionId: sessions.open() });
    await create(client, { sessionId: superseded.sessionId, amountMinor: 32_000 });
    clock.advance(600_000);
    await payments.work();
    await payments.work();
    expect(await metric('payments_failed_total', { reason: 'canceled_by_customer', env })).toBe(1);
    expect(await metric('payments_failed_total', { reason: 'superseded', env })).toBe(1);
    expect(await metric('payments_intents_total', { status: 'failed', env })).toBe(2);
    expect(await metric('payments_intents_total', { status: 'expired', env })).toBe(1);
    expect(await metric('payments_intents_total', { status: 'pending', env })).toBe(3);
    expect(await metric('payments_duration_seconds_sum', { status: 'expired', env })).toBe(600);
  });

  test('count a repeated request once', async () => {
    await using payments = await startTestPayments();
    const request = { sessionId: payments.sessions.open(), idempotencyKey: 'k' };
    for (let again = 0; again < 3; again++) await create(payments.client, request);
    expect(await payments.metric('payments_intents_total')).toBe(1);
  });
});

describe('the audit', () => {
  test('P13 has each step of an intent, with who asked, and for whom it moved', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const { client, clock, sessions } = payments;
    const caller = { role: 'kiosk' as const, name: 'kiosk-1', ip: '10.0.0.7', userAgent: 'kiosk/1.0' };
    const made = await create(client, { sessionId: sessions.open({ kioskId: 'kiosk-1' }) }, { requestId: 'req-1', caller });
    const createdAt = clock.now();
    clock.advance(3000);
    await confirm(client, made.id, { requestId: 'req-2', caller: { role: 'operator', name: 'olga' } });
    const pspPaymentId = (await payments.rows.selectFrom('intents').select('psp_payment_id').executeTakeFirstOrThrow()).psp_payment_id;
    expect((await auditOf(payments, made.id)).map(({ id: _id, hash: _hash, details, ...row }) => ({ ...row, details: JSON.parse(details) as unknown }))).toEqual([
      {
        at: createdAt, event: 'intent.created', entity_id: made.id, request_id: 'req-1', caller: 'kiosk:kiosk-1', ip: '10.0.0.7', user_agent: 'kiosk/1.0',
        details: { sessionId: made.sessionId, amountMinor: 48_000, currency: 'RUB', provider: 'dev' },
      },
      {
        at: clock.now(), event: 'intent.confirmed', entity_id: made.id, request_id: 'req-2', caller: 'operator:olga', ip: null, user_agent: null,
        details: { from: 'pending', sessionId: made.sessionId, pspPaymentId, amountMinor: 48_000 },
      },
    ]);
  });

  test('names the janitor for what happens by itself', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const made = await create(payments.client, { sessionId: payments.sessions.open() });
    payments.clock.advance(600_000);
    await payments.work();
    expect((await auditOf(payments, made.id)).at(-1)).toMatchObject({ event: 'intent.expired', caller: 'service:payments' });
  });

  test('is kept for as long as the setting says', async () => {
    await using payments = await startTestPayments({ settings: { PAYMENT_AUDIT_RETENTION_MS: '86400000' } });
    const made = await create(payments.client, { sessionId: payments.sessions.open() });
    expect(await auditOf(payments, made.id)).toHaveLength(1);
    payments.clock.advance(86_400_001);
    await using later = await startTestPayments({ folder: payments.folder, clock: payments.clock, sessions: payments.sessions, settings: { PAYMENT_AUDIT_RETENTION_MS: '86400000' } });
    while ((await auditOf(later, made.id)).some(({ event }) => event === 'intent.created')) await new Promise(setImmediate);
    expect(await later.rows.selectFrom('intents').select('id').execute()).toEqual([{ id: made.id }]);
  });
});

test('X2 neither the audit nor the log holds metadata, a description or a contact', async () => {
  await using payments = await startTestPayments();
  const { client, sessions } = payments;
  const canaries = { metadataJson: '{"plate":"canary-a777aa","mail":"ivan@example.com"}', description: 'canary-description' };
  const first = await create(client, { sessionId: sessions.open(), idempotencyKey: 'canary-key', ...canaries });
  await create(client, { sessionId: first.sessionId, amountMinor: 32_000, ...canaries });
  await create(client, { sessionId: first.sessionId, metadataJson: '{"canary-broken' }).catch(() => {});
  await create(client, { sessionId: first.sessionId, idempotencyKey: 'canary-key', amountMinor: 1 }).catch(() => {});
  payments.clock.advance(2000);
  await payments.work();
  const told = JSON.stringify([await payments.rows.selectFrom('audit_logs').selectAll().execute(), payments.logged]);
  expect(payments.logged.length).toBeGreaterThan(2);
  for (const canary of ['canary', 'ivan@', 'customer@example.com', '+7916', 'plate']) expect(told).not.toContain(canary);
});
