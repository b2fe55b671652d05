/** P10, P11: what becomes of payments while the PSP fails, in each way that it can fail. */
import { describe, expect, test } from '@jest/globals';
import { openDatabase } from '@kiosk/database';
import { join } from 'node:path';
import type { Tables } from './tables.ts';
import { standInPsp, type Failing, type StandInPsp } from './testing-psp.ts';
import { create, migrations, read, standInSessions, startClock, startTestPayments, temporaryFolder, type TestPayments } from './testing.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

async function startWithPsp(): Promise<TestPayments & { psp: StandInPsp }> {
  const clock = startClock();
  const psp = standInPsp(clock);
  return Object.assign(await startTestPayments({ clock, psp }), { psp });
}

/** Lets time pass as the janitor sees it. */
async function pass({ clock, work }: TestPayments, { ms, everyMs }: { ms: number; everyMs: number }): Promise<void> {
  for (let passed = 0; passed < ms; passed += everyMs) {
    clock.advance(everyMs);
    await work();
  }
}

async function anomalies({ rows }: TestPayments): Promise<{ kind: string; seen: number }[]> {
  return rows.selectFrom('anomalies').select(['kind', 'seen']).orderBy('id').execute();
}

describe('P10 an unknown outcome', () => {
  test.each<Failing>(['unknown', 'lost'])('(%s) leaves the intent pending; the same bytes go out under the same key after 5 s, 15 s and every minute, and make one payment', async (how) => {
    await using payments = await startWithPsp();
    const { client, clock, psp } = payments;
    psp.fail(how);
    const start = clock.now();
    const made = await create(client, { sessionId: payments.sessions.open() });
    expect(made).toMatchObject({ status: 'pending', qrCodeData: '', created: true });
    await pass(payments, { ms: 3 * minuteMs, everyMs: 500 });
    expect(psp.requests.map(({ at }) => at - start)).toEqual([0, 5000, 20_000, 80_000, 140_000]);
    expect(new Set(psp.requests.map(({ key }) => key))).toEqual(new Set([made.id]));
    expect(new Set(psp.requests.map(({ body }) => body)).size).toBe(1);
    expect(await read(client, made.id)).toMatchObject({ status: 'pending' });

    psp.fail(undefined);
    await pass(payments, { ms: minuteMs, everyMs: 500 });
    expect(await read(client, made.id)).toMatchObject({ status: 'pending', qrCodeData: `https://qr.stand-in.invalid/${made.id}` });
    expect(psp.payments.size).toBe(1);
    expect(await anomalies(payments)).toEqual([]);
    expect(payments.mishaps()).toEqual([]);
  });

  test('a request repeated by the kiosk does not hurry the PSP, and gets the QR once it is there', async () => {
    await using payments = await startWithPsp();
    const { client, clock, psp } = payments;
    psp.fail('unknown');
    const request = { sessionId: payments.sessions.open(), idempotencyKey: 'k' };
    const made = await create(client, request);
    for (let again = 0; again < 3; again++) {
      clock.advance(1000);
      expect(await create(client, request)).toMatchObject({ id: made.id, qrCodeData: '', created: true });
    }
    expect(psp.requests).toHaveLength(1);
    psp.fail(undefined);
    clock.advance(2000);
    expect(await create(client, request)).toMatchObject({ id: made.id, qrCodeData: expect.stringContaining(made.id) });
  });

  test('is given up before 20 h are over, with one anomaly for the operator; it never failed the intent, whose own time ended it', async () => {
    await using payments = await startWithPsp();
    const { client, clock, psp } = payments;
    psp.fail('unknown');
    const start = clock.now();
    const made = await create(client, { sessionId: payments.sessions.open() });
    await pass(payments, { ms: 21 * hourMs, everyMs: 10 * minuteMs });
    expect(psp.requests.length).toBeGreaterThan(100);
    expect(psp.requests.at(-1)!.at - start).toBeLessThan(20 * hourMs);
    expect(await read(client, made.id)).toMatchObject({ status: 'expired' });
    expect(await anomalies(payments)).toEqual([{ kind: 'submission_unknown', seen: 1 }]);
    const sent = psp.requests.length;
    psp.fail(undefined);
    await pass(payments, { ms: 3 * hourMs, everyMs: 10 * minuteMs });
    expect(psp.requests).toHaveLength(sent);
  });

  test('is given up as well where the service was down when the time came', async () => {
    using folder = temporaryFolder();
    const clock = startClock();
    const sessions = standInSessions(clock);
    const psp = standInPsp(clock);
    psp.fail('unknown');
    const count = 20; // more than the janitor takes at a time
    {
      await using payments = await startTestPayments({ folder: folder.path, clock, sessions, psp });
      await Promise.all(Array.from({ length: count }, () => create(payments.client, { sessionId: sessions.open() })));
    }
    psp.fail(undefined);
    clock.advance(20 * hourMs);
    await using payments = await startTestPayments({ folder: folder.path, clock, sessions, psp });
    const late = await create(payments.client, { sessionId: sessions.open() });
    await payments.work();
    expect(psp.requests).toHaveLength(count + 1);
    expect(late).toMatchObject({ qrCodeData: expect.stringContaining(late.id) });
    const rows = await payments.rows.selectFrom('intents').select(['status', 'submission', 'next_action_at']).where('id', '<>', late.id).execute();
    expect(rows).toEqual(Array.from({ length: count }, () => ({ status: 'expired', submission: 'abandoned', next_action_at: null })));
    expect(await anomalies(payments)).toEqual(Array.from({ length: count }, () => ({ kind: 'submission_unknown', seen: 1 })));
  });

  test('money that such a payment brings confirms the intent once the PSP is back', async () => {
    await using payments = await startWithPsp();
    const { client, clock, psp } = payments;
    psp.fail('lost');
    const made = await create(client, { sessionId: payments.sessions.open() });
    psp.pay(made.id);
    psp.fail(undefined);
    clock.advance(5000);
    await payments.work();
    expect(await read(client, made.id)).toMatchObject({ status: 'confirmed' });
  });
});

describe('a PSP that answers no', () => {
  test('fails the intent; the same key answers the same, and a new key tries again', async () => {
    await using payments = await startWithPsp();
    const { client, psp } = payments;
    psp.fail('refused');
    const sessionId = payments.sessions.open();
    const failed = await create(client, { sessionId, idempotencyKey: 'k1' });
    expect(failed).toMatchObject({ status: 'failed', failureReason: 'refused_by_psp', qrCodeData: '' });
    psp.fail(undefined);
    expect(await create(client, { sessionId, idempotencyKey: 'k1' })).toEqual(failed);
    const again = await create(client, { sessionId, idempotencyKey: 'k2' });
    expect(again).toMatchObject({ status: 'pending', created: true });
    expect(psp.requests.map(({ key }) => key)).toEqual([failed.id, again.id]);
    expect(await anomalies(payments)).toEqual([{ kind: 'submission_refused', seen: 1 }]);
  });

  test('because of too many requests is asked again after a minute', async () => {
    await using payments = await startWithPsp();
    const { client, clock, psp } = payments;
    const start = clock.now();
    psp.fail('throttled');
    const made = await create(client, { sessionId: payments.sessions.open() });
    await pass(payments, { ms: 59_500, everyMs: 500 });
    expect(psp.requests).toHaveLength(1);
    psp.fail(undefined);
    await pass(payments, { ms: 500, everyMs: 500 });
    expect(psp.requests.map(({ at }) => at - start)).toEqual([0, minuteMs]);
    expect(await read(client, made.id)).toMatchObject({ status: 'pending', qrCodeData: expect.stringContaining(made.id) });
  });

  test('because of our credentials is never the customer’s fault: everything waits, and the operator sees one anomaly', async () => {
    await using payments = await startWithPsp();
    const { client, psp } = payments;
    psp.fail('misconfigured');
    const made = [await create(client, { sessionId: payments.sessions.open() }), await create(client, { sessionId: payments.sessions.open() })];
    for (const { status } of made) expect(status).toBe('pending');
    await pass(payments, { ms: 2 * minuteMs, everyMs: 5000 });
    expect(await anomalies(payments)).toEqual([{ kind: 'psp_misconfigured', seen: 6 }]);
    expect(await payments.metric('payments_anomalies_total', { kind: 'psp_misconfigured' })).toBe(1);
    psp.fail(undefined);
    await pass(payments, { ms: minuteMs, everyMs: 5000 });
    for (const { id } of made) expect(await read(client, id)).toMatchObject({ status: 'pending', qrCodeData: expect.stringContaining(id) });
  });
});

describe('P11 while the PSP does not say how a payment stands', () => {
  test.each<Failing>(['unknown', 'lost', 'throttled', 'misconfigured', 'not_found', 'refused'])('(%s) it is asked again within a minute or so, and the money is noticed at last', async (how) => {
    await using payments = await startWithPsp();
    const { client, clock, psp } = payments;
    const made = await create(client, { sessionId: payments.sessions.open() });
    psp.fail(how);
    await pass(payments, { ms: 5 * minuteMs, everyMs: 500 });
    const times = [clock.now() - 5 * minuteMs, ...psp.asks.map(({ at }) => at), clock.now()];
    for (const [index, at] of times.slice(1).entries()) expect(at - times[index]!).toBeLessThanOrEqual(minuteMs);
    expect(await read(client, made.id)).toMatchObject({ status: 'pending' });
    psp.fail(undefined);
    psp.pay(made.id);
    await pass(payments, { ms: minuteMs, everyMs: 500 });
    expect(await read(client, made.id)).toMatchObject({ status: 'confirmed' });
    expect(payments.mishaps()).toEqual([]);
  });

  test('it is asked for 72 h and then no more', async () => {
    await using payments = await startWithPsp();
    const { client, clock, psp } = payments;
    const start = clock.now();
    const made = await create(client, { sessionId: payments.sessions.open() });
    await pass(payments, { ms: 80 * hourMs, everyMs: 5 * minuteMs });
    expect(psp.asks.at(-1)!.at - start).toBeGreaterThan(71 * hourMs);
    expect(psp.asks.at(-1)!.at - start).toBeLessThanOrEqual(73 * hourMs + 5 * minuteMs);
    expect(await read(client, made.id)).toMatchObject({ status: 'expired' });
    expect(await payments.rows.selectFrom('intents').select('next_action_at').executeTakeFirst()).toEqual({ next_action_at: null });
  });
});

describe('a PSP that is slow', () => {
  test('does not keep the janitor busy for ever with what runs out of time unsent', async () => {
    await using payments = await startWithPsp();
    const { client, clock, psp, sessions } = payments;
    psp.fail('unknown');
    await Promise.all(Array.from({ length: 20 }, () => create(client, { sessionId: sessions.open() })));
    // As a process leaves them that dies before it has sent anything.
    await using database = await openDatabase<Tables>({ path: join(payments.folder, 'payments.sqlite'), migrations, onFatal: () => {} });
    await database.transaction(({ db }) => db.updateTable('intents').set({ submission: 'created', next_action_at: clock.now() }).execute());
    let jump = 10 * minuteMs;
    psp.meanwhile(() => {
      clock.advance(jump);
      jump = 0;
    });
    await payments.work();
    const submissions = (await payments.rows.selectFrom('intents').select('submission').execute()).map(({ submission }) => submission);
    expect(submissions.toSorted()).toEqual([...Array<string>(8).fill('submitting'), ...Array<string>(12).fill('withdrawn')]);
  });

  test('P3 does not hold up the customer; the same key answers the same intent meanwhile, and the PSP is asked once', async () => {
    const clock = startClock();
    const psp = standInPsp(clock);
    const hanging = Promise.withResolvers<void>();
    psp.meanwhile(() => hanging.promise);
    await using payments = await startTestPayments({ clock, psp, settings: { PAYMENT_SUBMIT_WAIT_MS: '20' } });
    const { client } = payments;
    const request = { sessionId: payments.sessions.open(), idempotencyKey: 'k' };
    const made = await create(client, request);
    expect(made).toMatchObject({ status: 'pending', qrCodeData: '', created: true });
    expect(await create(client, request)).toEqual(made);
    await Promise.race([payments.work(), create(client, request)]);
    hanging.resolve();
    while ((await read(client, made.id)).qrCodeData === '') await create(client, request);
    expect(psp.requests).toHaveLength(1);
  });
});
