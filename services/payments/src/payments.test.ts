/** The payments service as its callers see it: through its real client, on the development PSP. */
import { IntentStatus } from '@kiosk/contracts/payments/v1/payments';
import { describe, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { cancel, confirm, create, failure, read, startTestPayments, type TestPayments } from './testing.ts';

const manual = { DEV_MANUAL_MODE: 'true' };
const priceList = {
  PRICES_ENFORCED: 'true',
  PRICES: JSON.stringify([
    { service: 'thickness', name: 'sedan', amountMinor: 35_000, currency: 'RUB' },
    { service: 'thickness', name: 'minivan', amountMinor: 40_000, currency: 'RUB' },
  ]),
};
const kiosk = (name: string) => ({ caller: { role: 'kiosk' as const, name } });

async function countRows(payments: TestPayments): Promise<{ intents: number; keys: number; audit: number }> {
  const count = async (table: 'intents' | 'idempotency_keys' | 'audit_logs'): Promise<number> =>
    (await payments.rows.selectFrom(table).select((rows) => rows.fn.countAll<number>().as('n')).executeTakeFirstOrThrow()).n;
  return { intents: await count('intents'), keys: await count('idempotency_keys'), audit: await count('audit_logs') };
}

describe('a payment', () => {
  test('is made with a QR, and pays itself after the development PSP’s delay', async () => {
    await using payments = await startTestPayments();
    const { client, clock, sessions } = payments;
    const sessionId = sessions.open({ kioskId: 'kiosk-1' });
    const createdAt = new Date(clock.now());
    const made = await create(client, { sessionId, description: 'Диагностика', metadataJson: '{"tariff":"полный"}' });
    expect(made).toMatchObject({
      id: expect.stringMatching(/^pay_[0-9a-z]{26}$/), sessionId, kioskId: 'kiosk-1', amountMinor: 48_000, currency: 'RUB', status: 'pending', provider: 'dev', created: true,
      qrCodeData: expect.stringMatching(/^https:\/\/qr\.dev\.invalid\/dev_[0-9a-z]{26}\?type=02&sum=48000&cur=RUB$/),
      description: 'Диагностика', metadataJson: '{"tariff":"полный"}', createdAt, updatedAt: createdAt, expiresAt: new Date(clock.now() + 600_000),
    });

    clock.advance(1999);
    await payments.work();
    expect(await read(client, made.id)).toMatchObject({ status: 'pending' });
    clock.advance(1);
    await payments.work();
    expect(await read(client, made.id)).toMatchObject({ status: 'confirmed', confirmedAt: new Date(clock.now()), updatedAt: new Date(clock.now()), failureReason: undefined });
    expect(await client.getIntentStatus({ intentId: made.id })).toEqual({
      intentId: made.id, status: IntentStatus.INTENT_STATUS_CONFIRMED, final: true, failureReason: undefined, updatedAt: new Date(clock.now()),
    });
    expect(await client.checkSessionPaid({ sessionId })).toEqual({ paid: true, intentId: made.id });
    expect(payments.mishaps()).toEqual([]);
  });

  test('P7 leaves the PSP’s own word beside the confirmation', async () => {
    await using payments = await startTestPayments();
    const made = await create(payments.client, { sessionId: payments.sessions.open() });
    payments.clock.advance(2000);
    await payments.work();
    const observations = await payments.rows.selectFrom('psp_observations').select(['source', 'verdict', 'psp_status']).where('intent_id', '=', made.id).orderBy('id').execute();
    expect(observations).toEqual([{ source: 'submit', verdict: 'open', psp_status: 'pending' }, { source: 'poll', verdict: 'paid', psp_status: 'succeeded' }]);
  });

  test('waits in manual mode until it is paid by hand, and paying again answers the same', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const { client, clock } = payments;
    const made = await create(client, { sessionId: payments.sessions.open() });
    clock.advance(300_000);
    await payments.work();
    expect(await read(client, made.id)).toMatchObject({ status: 'pending' });
    const paid = await confirm(client, made.id);
    expect(paid).toMatchObject({ id: made.id, status: 'confirmed', confirmedAt: new Date(clock.now()) });
    clock.advance(1000);
    expect(await confirm(client, made.id)).toEqual(paid);
  });

  test('is canceled by the customer once, and then neither pays itself nor can be paid by hand', async () => {
    await using payments = await startTestPayments();
    const { client, clock } = payments;
    const made = await create(client, { sessionId: payments.sessions.open() });
    clock.advance(1000);
    const canceled = await cancel(client, made.id);
    expect(canceled).toMatchObject({ status: 'failed', failureReason: 'canceled_by_customer', updatedAt: new Date(clock.now()) });
    clock.advance(60_000);
    await payments.work();
    expect(await cancel(client, made.id)).toEqual(canceled);
    expect(await failure(client.confirmIntent({ intentId: made.id }))).toEqual({ kind: 'conflict', reason: 'intent_final' });
    expect(await read(client, made.id)).toMatchObject({ status: 'failed', failureReason: 'canceled_by_customer' });
  });

  test('cannot be canceled once it is confirmed or expired', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const { client, clock, sessions } = payments;
    const paid = await create(client, { sessionId: sessions.open() });
    const overdue = await create(client, { sessionId: sessions.open() });
    await confirm(client, paid.id);
    clock.advance(600_000);
    for (const { id } of [paid, overdue]) expect(await failure(client.cancelIntent({ intentId: id }))).toEqual({ kind: 'conflict', reason: 'intent_final' });
    expect(await read(client, paid.id)).toMatchObject({ status: 'confirmed' });
    expect(await read(client, overdue.id)).toMatchObject({ status: 'expired' });
  });

  test('expires to the millisecond for whoever reads it, and on disk once the janitor comes', async () => {
    await using payments = await startTestPayments({ settings: { ...manual, PAYMENT_TTL_MS: '1000' } });
    const { client, clock } = payments;
    const made = await create(client, { sessionId: payments.sessions.open() });
    clock.advance(999);
    expect(await read(client, made.id)).toMatchObject({ status: 'pending' });
    clock.advance(1);
    expect(await read(client, made.id)).toMatchObject({ status: 'expired', updatedAt: made.expiresAt });
    expect(await payments.rows.selectFrom('intents').select('status').executeTakeFirst()).toEqual({ status: 'pending' });
    clock.advance(5000);
    await payments.work();
    expect(await payments.rows.selectFrom('intents').select(['status', 'updated_at']).executeTakeFirst()).toEqual({ status: 'expired', updated_at: made.expiresAt!.getTime() });
    expect(await failure(client.confirmIntent({ intentId: made.id }))).toEqual({ kind: 'conflict', reason: 'intent_final' });
    expect(await client.checkSessionPaid({ sessionId: made.sessionId })).toEqual({ paid: false });
  });

  test('is one of hundreds that a single sweep expires', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const made = await Promise.all(Array.from({ length: 450 }, () => create(payments.client, { sessionId: payments.sessions.open() })));
    payments.clock.advance(600_000);
    await payments.work();
    const rows = await payments.rows.selectFrom('intents').select(['status']).execute();
    expect(rows).toEqual(made.map(() => ({ status: 'expired' })));
  });
});

describe('P5 one pending intent per session', () => {
  test('the same amount again answers the pending one', async () => {
    await using payments = await startTestPayments();
    const sessionId = payments.sessions.open();
    const first = await create(payments.client, { sessionId });
    const { created, ...again } = await create(payments.client, { sessionId, metadataJson: '{"other":true}' });
    expect({ ...again, created: true }).toEqual(first);
    expect(created).toBe(false);
  });

  test.each([{ amountMinor: 32_000 }, { currency: 'USD' }])('%j replaces it, and the old one fails as superseded', async (terms) => {
    await using payments = await startTestPayments({ settings: manual });
    const { client, clock } = payments;
    const sessionId = payments.sessions.open();
    const first = await create(client, { sessionId });
    clock.advance(1000);
    const second = await create(client, { sessionId, ...terms });
    expect(second).toMatchObject({ ...terms, status: 'pending', created: true });
    expect(await read(client, first.id)).toMatchObject({ status: 'failed', failureReason: 'superseded', updatedAt: new Date(clock.now()) });
    expect(await confirm(client, second.id)).toMatchObject({ status: 'confirmed' });
    expect(await client.checkSessionPaid({ sessionId })).toEqual({ paid: true, intentId: second.id });
  });

  test('the one that was replaced does not pay itself', async () => {
    await using payments = await startTestPayments();
    const { client, clock } = payments;
    const sessionId = payments.sessions.open();
    const first = await create(client, { sessionId });
    clock.advance(1000);
    const second = await create(client, { sessionId, amountMinor: 32_000 });
    for (const status of ['pending', 'confirmed']) {
      clock.advance(1000);
      await payments.work();
      expect(await read(client, first.id)).toMatchObject({ status: 'failed', failureReason: 'superseded' });
      expect(await read(client, second.id)).toMatchObject({ status });
    }
  });

  test.each(['canceled', 'expired'])('after one that was %s there is a new one', async (how) => {
    await using payments = await startTestPayments({ settings: manual });
    const { client, clock } = payments;
    const sessionId = payments.sessions.open();
    const first = await create(client, { sessionId });
    if (how === 'canceled') await cancel(client, first.id);
    else clock.advance(600_000);
    const second = await create(client, { sessionId });
    expect(second.id).not.toBe(first.id);
    expect(second).toMatchObject({ status: 'pending', created: true, qrCodeData: expect.stringContaining('https://') });
  });

  test('a paid session takes no other payment', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const { client } = payments;
    const sessionId = payments.sessions.open();
    const { id } = await create(client, { sessionId });
    await confirm(client, id);
    const before = await countRows(payments);
    for (const amountMinor of [48_000, 32_000]) {
      expect(await failure(create(client, { sessionId, amountMinor }))).toEqual({ kind: 'conflict', reason: 'already_paid' });
    }
    expect(await countRows(payments)).toEqual(before);
  });
});

describe('a request that cannot be fulfilled changes nothing and claims no key (P4)', () => {
  const good = { amountMinor: 48_000, currency: 'RUB', metadataJson: '{}' };
  test.each<[string, object, { kind: string; reason: string }]>([
    ['no amount', { amountMinor: 0 }, { kind: 'invalid', reason: 'invalid_amount' }],
    ['a negative amount', { amountMinor: -1 }, { kind: 'invalid', reason: 'invalid_amount' }],
    ['too much', { amountMinor: 100_000_001 }, { kind: 'invalid', reason: 'invalid_amount' }],
    ['another currency', { currency: 'GBP' }, { kind: 'invalid', reason: 'invalid_currency' }],
    ['a long description', { description: 'x'.repeat(129) }, { kind: 'invalid', reason: 'invalid_description' }],
    ['nested metadata', { metadataJson: '{"a":{}}' }, { kind: 'invalid', reason: 'invalid_metadata' }],
    ['broken metadata', { metadataJson: '{' }, { kind: 'invalid', reason: 'invalid_metadata' }],
    ['an unknown session', { sessionId: 'ses_nobody' }, { kind: 'not_found', reason: 'session_not_found' }],
    ['no session', { sessionId: '' }, { kind: 'not_found', reason: 'session_not_found' }],
  ])('%s', async (_, wrong, fault) => {
    await using payments = await startTestPayments();
    const { client, sessions } = payments;
    const sessionId = sessions.open();
    expect(await failure(create(client, { ...good, sessionId, idempotencyKey: 'k', ...wrong }))).toEqual(fault);
    expect(await countRows(payments)).toEqual({ intents: 0, keys: 0, audit: 0 });
    expect(await create(client, { ...good, sessionId, idempotencyKey: 'k' })).toMatchObject({ status: 'pending', created: true });
  });

  test('an amount of 1.5 kopecks does not even travel', async () => {
    await using payments = await startTestPayments();
    expect(await failure(create(payments.client, { sessionId: payments.sessions.open(), amountMinor: 1.5 }))).toMatchObject({ kind: 'internal' });
    expect(await countRows(payments)).toMatchObject({ intents: 0, keys: 0 });
  });

  test('a session that has ended', async () => {
    await using payments = await startTestPayments();
    const sessionId = payments.sessions.open();
    payments.sessions.complete(sessionId);
    expect(await failure(create(payments.client, { sessionId }))).toEqual({ kind: 'conflict', reason: 'session_final' });
    expect(await countRows(payments)).toEqual({ intents: 0, keys: 0, audit: 0 });
  });

  test('a sessions service that is away: the same key succeeds once it is back', async () => {
    await using payments = await startTestPayments();
    const { client, sessions } = payments;
    const sessionId = sessions.open();
    sessions.fail(new Fault({ kind: 'unavailable', reason: 'sessions_unavailable', message: 'The sessions service cannot be reached.', retryAfterMs: 1000 }));
    expect(await failure(create(client, { sessionId, idempotencyKey: 'k' }))).toEqual({ kind: 'unavailable', reason: 'sessions_unavailable' });
    expect(await countRows(payments)).toEqual({ intents: 0, keys: 0, audit: 0 });
    sessions.fail(undefined);
    expect(await create(client, { sessionId, idempotencyKey: 'k' })).toMatchObject({ status: 'pending' });
  });

  test('an unknown intent', async () => {
    await using payments = await startTestPayments();
    const intentId = 'pay_nobody';
    const nothing = { kind: 'not_found', reason: 'intent_not_found' };
    const { client } = payments;
    for (const call of [client.getIntent({ intentId }), client.getIntentStatus({ intentId }), client.cancelIntent({ intentId }), client.confirmIntent({ intentId })]) {
      expect(await failure(call)).toEqual(nothing);
    }
    expect(await client.checkSessionPaid({ sessionId: 'ses_nobody' })).toEqual({ paid: false });
  });
});

describe('P6 the price list', () => {
  test('allows exactly the prices of the session’s service, and leaves unnamed services alone', async () => {
    await using payments = await startTestPayments({ settings: priceList });
    const { client, sessions } = payments;
    const thickness = () => sessions.open({ type: 'thickness' });
    for (const amountMinor of [35_000, 40_000]) expect(await create(client, { sessionId: thickness(), amountMinor })).toMatchObject({ status: 'pending', amountMinor });
    for (const wrong of [{ amountMinor: 1 }, { amountMinor: 35_001 }, { amountMinor: 48_000 }, { amountMinor: 35_000, currency: 'USD' }]) {
      expect(await failure(create(client, { sessionId: thickness(), ...wrong }))).toEqual({ kind: 'invalid', reason: 'amount_not_listed' });
    }
    expect(await create(client, { sessionId: sessions.open({ type: 'diagnostics' }), amountMinor: 1 })).toMatchObject({ status: 'pending' });
    expect((await countRows(payments)).intents).toBe(3);
  });

  test('is a list only while it is not enforced', async () => {
    await using payments = await startTestPayments({ settings: { ...priceList, PRICES_ENFORCED: 'false' } });
    expect(await create(payments.client, { sessionId: payments.sessions.open({ type: 'thickness' }), amountMinor: 1 })).toMatchObject({ status: 'pending' });
  });
});

describe('S3 a kiosk’s key', () => {
  test('reaches its own intents only', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const { client, sessions } = payments;
    const own = await create(client, { sessionId: sessions.open({ kioskId: 'kiosk-1' }) }, kiosk('kiosk-1'));
    const nobodys = await create(client, { sessionId: sessions.open() });
    const nothing = { kind: 'not_found', reason: 'intent_not_found' };
    for (const [intentId, stranger] of [[own.id, kiosk('kiosk-2')], [nobodys.id, kiosk('kiosk-1')]] as const) {
      for (const call of [client.getIntent({ intentId }, stranger), client.getIntentStatus({ intentId }, stranger), client.cancelIntent({ intentId }, stranger), client.confirmIntent({ intentId }, stranger)]) {
        expect(await failure(call)).toEqual(nothing);
      }
    }
    expect(await failure(create(client, { sessionId: own.sessionId }, kiosk('kiosk-2')))).toEqual({ kind: 'not_found', reason: 'session_not_found' });
    expect(await read(client, own.id, kiosk('kiosk-1'))).toMatchObject({ id: own.id, status: 'pending' });
    expect(await confirm(client, own.id, kiosk('kiosk-1'))).toMatchObject({ status: 'confirmed' });
  });

  test('lists its own intents only, whatever it asks for, while an operator sees all', async () => {
    await using payments = await startTestPayments();
    const { client, sessions } = payments;
    const mine = await create(client, { sessionId: sessions.open({ kioskId: 'kiosk-1' }) });
    const other = await create(client, { sessionId: sessions.open({ kioskId: 'kiosk-2' }) });
    const all = { status: IntentStatus.INTENT_STATUS_UNSPECIFIED, limit: 0, cursor: '' };
    const listed = async (filter: object, call: object): Promise<string[]> => (await client.listIntents({ ...all, ...filter }, call)).intents.map(({ id }) => id);
    expect(await listed({}, kiosk('kiosk-1'))).toEqual([mine.id]);
    expect(await listed({ sessionId: other.sessionId }, kiosk('kiosk-1'))).toEqual([]);
    expect((await listed({}, { caller: { role: 'operator', name: 'olga' } })).sort()).toEqual([mine.id, other.id].sort());
  });

  test('shares no idempotency keys with another kiosk', async () => {
    await using payments = await startTestPayments();
    const { client, sessions } = payments;
    const first = await create(client, { idempotencyKey: '1', sessionId: sessions.open({ kioskId: 'kiosk-1' }) }, kiosk('kiosk-1'));
    const second = await create(client, { idempotencyKey: '1', sessionId: sessions.open({ kioskId: 'kiosk-2' }) }, kiosk('kiosk-2'));
    expect(second).toMatchObject({ created: true });
    expect(second.id).not.toBe(first.id);
  });
});
