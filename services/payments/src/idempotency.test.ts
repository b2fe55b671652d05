/** P1–P5: one key, one body, one intent. */
import { describe, expect, test } from '@jest/globals';
import type { Fault } from '@kiosk/fault';
import { cancel, confirm, create, failure, read, request, startTestPayments, type TestPayments } from './testing.ts';

async function rowCounts({ rows }: TestPayments): Promise<{ intents: number; atPsp: number; keys: number }> {
  const count = async (table: 'intents' | 'dev_psp_payments' | 'idempotency_keys'): Promise<number> =>
    (await rows.selectFrom(table).select((row) => row.fn.countAll<number>().as('n')).executeTakeFirstOrThrow()).n;
  return { intents: await count('intents'), atPsp: await count('dev_psp_payments'), keys: await count('idempotency_keys') };
}

const manual = { DEV_MANUAL_MODE: 'true' };

describe('P1 the same key and body', () => {
  test('P3 fifty times at once make one intent and one PSP payment, and every answer names it', async () => {
    await using payments = await startTestPayments();
    const body = request({ sessionId: payments.sessions.open() });
    const answers = await Promise.all(Array.from({ length: 50 }, () => payments.client.createIntent(body)));
    expect(answers).toEqual(answers.map(() => answers[0]));
    expect(answers[0]).toMatchObject({ created: true, intent: { qrCodeData: expect.stringContaining('https://') } });
    expect(await rowCounts(payments)).toEqual({ intents: 1, atPsp: 1, keys: 1 });
    expect(await payments.metric('payments_intents_total')).toBe(1);
  });

  test('answer the same intent as it is now, whatever became of it and of its session', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const { client, clock, sessions } = payments;
    const ends: [string, (id: string) => Promise<unknown>][] = [
      ['failed', (id) => cancel(client, id)],
      ['confirmed', (id) => confirm(client, id)],
      ['expired', async () => clock.advance(600_000)],
    ];
    for (const [status, end] of ends) {
      const body = { sessionId: sessions.open(), idempotencyKey: `key of the ${status}` };
      const made = await create(client, body);
      await end(made.id);
      sessions.complete(made.sessionId);
      expect(await create(client, body)).toEqual({ ...await read(client, made.id), created: true });
      expect(await create(client, body)).toMatchObject({ id: made.id, status });
      sessions.erase(made.sessionId);
      expect(await create(client, body)).toMatchObject({ id: made.id, status });
    }
    expect(await rowCounts(payments)).toEqual({ intents: 3, atPsp: 3, keys: 3 });
  });

  test('answer the superseded intent, not the one that replaced it', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const { client } = payments;
    const body = { sessionId: payments.sessions.open(), idempotencyKey: 'k' };
    const first = await create(client, body);
    await create(client, { ...body, idempotencyKey: 'k2', amountMinor: 32_000 });
    expect(await create(client, body)).toMatchObject({ id: first.id, status: 'failed', failureReason: 'superseded' });
  });

  test('a key that was answered with the pending intent of another key keeps that answer', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const { client } = payments;
    const sessionId = payments.sessions.open();
    const first = await create(client, { sessionId, idempotencyKey: 'k1' });
    expect(await create(client, { sessionId, idempotencyKey: 'k2' })).toMatchObject({ id: first.id, created: false });
    await cancel(client, first.id);
    expect(await create(client, { sessionId, idempotencyKey: 'k2' })).toMatchObject({ id: first.id, created: false, status: 'failed' });
    expect(await rowCounts(payments)).toEqual({ intents: 1, atPsp: 1, keys: 2 });
  });

  test('after a restart are still known', async () => {
    await using payments = await startTestPayments();
    const body = { sessionId: payments.sessions.open(), idempotencyKey: 'k' };
    const first = await create(payments.client, body);
    await using again = await startTestPayments({ folder: payments.folder, clock: payments.clock, sessions: payments.sessions });
    expect(await create(again.client, body)).toEqual(first);
  });

  test('a key is forgotten after a week, not before', async () => {
    await using payments = await startTestPayments();
    const { clock, sessions } = payments;
    await create(payments.client, { sessionId: sessions.open(), idempotencyKey: 'k' });
    const weekMs = 7 * 24 * 3_600_000;
    const keysAfterRestart = async (): Promise<number> => {
      await using restarted = await startTestPayments({ folder: payments.folder, clock, sessions });
      // The retention job runs at the start; its audit of anything else would come after it.
      await create(restarted.client, { sessionId: sessions.open(), idempotencyKey: '' });
      return (await rowCounts(restarted)).keys;
    };
    clock.advance(weekMs);
    expect(await keysAfterRestart()).toBe(1);
    clock.advance(1);
    expect(await keysAfterRestart()).toBe(0);
  });

  test('without a key each request is a new one', async () => {
    await using payments = await startTestPayments();
    const body = { sessionId: payments.sessions.open(), idempotencyKey: '' };
    const first = await create(payments.client, body);
    await cancel(payments.client, first.id);
    expect((await create(payments.client, body)).id).not.toBe(first.id);
    expect(await rowCounts(payments)).toMatchObject({ keys: 0, intents: 2 });
  });

  test('a key has at most 255 characters', async () => {
    await using payments = await startTestPayments();
    const sessionId = payments.sessions.open();
    expect(await failure(create(payments.client, { sessionId, idempotencyKey: 'x'.repeat(256) }))).toEqual({ kind: 'invalid', reason: 'invalid_idempotency_key' });
    expect(await create(payments.client, { sessionId, idempotencyKey: 'x'.repeat(255) })).toMatchObject({ created: true });
  });
});

describe('P2 the same key with another body', () => {
  test.each([
    { amountMinor: 32_000 }, { currency: 'USD' }, { description: 'other' }, { description: '' }, { metadataJson: '{"b":2}' }, { metadataJson: '{"a":"1","b":2}' }, { sessionId: 'ses_other' },
  ])('%j is refused, changes nothing and asks nobody', async (changed) => {
    await using payments = await startTestPayments();
    const { client, sessions } = payments;
    const body = { sessionId: sessions.open(), idempotencyKey: 'k', metadataJson: '{"a":1,"b":2}' };
    const made = await create(client, body);
    const asked = sessions.asked;
    expect(await failure(create(client, { ...body, ...changed }))).toEqual({ kind: 'invalid', reason: 'idempotency_key_reused' });
    expect(await rowCounts(payments)).toEqual({ intents: 1, atPsp: 1, keys: 1 });
    expect(sessions.asked).toBe(asked);
    expect(await create(client, body)).toEqual(made);
  });

  test('is refused even where both run at once', async () => {
    await using payments = await startTestPayments();
    const body = { sessionId: payments.sessions.open(), idempotencyKey: 'k' };
    const amounts = Array.from({ length: 20 }, (_, index) => 48_000 + (index % 2));
    const answers = await Promise.allSettled(amounts.map((amountMinor) => create(payments.client, { ...body, amountMinor })));
    const made = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.id] : []));
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [(answer.reason as Fault).reason] : []));
    expect(made).toEqual(Array<string>(10).fill(made[0]!));
    expect(refused).toEqual(Array<string>(10).fill('idempotency_key_reused'));
    expect(await rowCounts(payments)).toEqual({ intents: 1, atPsp: 1, keys: 1 });
  });

  test.each(['{"b":2,"a":1}', ' { "a" : 1,\n"b":2.0 } ', '{"a":9,"a":1,"b":2}'])('key order and white space do not make another body: %j', async (metadataJson) => {
    await using payments = await startTestPayments();
    const body = { sessionId: payments.sessions.open(), idempotencyKey: 'k', metadataJson: '{"a":1,"b":2}' };
    const made = await create(payments.client, body);
    expect(await create(payments.client, { ...body, metadataJson })).toEqual(made);
  });
});

describe('P5 other keys for the same session at once', () => {
  test('of the same amount are all answered with one intent, which one of them made', async () => {
    await using payments = await startTestPayments();
    const sessionId = payments.sessions.open();
    const answers = await Promise.all(Array.from({ length: 30 }, () => create(payments.client, { sessionId })));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(await rowCounts(payments)).toEqual({ intents: 1, atPsp: 1, keys: 30 });
  });

  test('of other amounts replace one another and leave one pending', async () => {
    await using payments = await startTestPayments({ settings: manual });
    const sessionId = payments.sessions.open();
    await Promise.all(Array.from({ length: 30 }, (_, index) => create(payments.client, { sessionId, amountMinor: 1000 + index })));
    const rows = await payments.rows.selectFrom('intents').select(['status', 'failure_reason']).orderBy('status').execute();
    expect(rows).toHaveLength(30);
    expect(rows.filter(({ status }) => status === 'pending')).toHaveLength(1);
    expect(rows.filter(({ failure_reason }) => failure_reason === 'superseded')).toHaveLength(29);
    expect(payments.mishaps()).toEqual([]);
  });
});
