import { IntentStatus, type ListIntentsRequest } from '@kiosk/contracts/payments/v1/payments';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cancel, confirm, create, failure, startTestPayments, type TestPayments } from './testing.ts';

const any: ListIntentsRequest = { status: IntentStatus.INTENT_STATUS_UNSPECIFIED, limit: 0, cursor: '' };

describe('the list of intents', () => {
  let payments: TestPayments;
  /** Oldest first, a second apart. */
  const made: { id: string; sessionId: string; at: number; status: IntentStatus }[] = [];

  beforeAll(async () => {
    payments = await startTestPayments({ settings: { DEV_MANUAL_MODE: 'true', PAYMENT_TTL_MS: '60000' } });
    const { client, clock, sessions } = payments;
    /** Second by second, so that never more is due than the janitor takes at a time: it would look again by itself, at a time of its own. */
    const pass = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second++) {
        clock.advance(1000);
        await payments.work();
      }
    };
    for (let index = 0; index < 12; index++) {
      const { id, sessionId } = await create(client, { sessionId: sessions.open() });
      const intent: (typeof made)[number] = { id, sessionId, at: clock.now(), status: IntentStatus.INTENT_STATUS_EXPIRED };
      if (index % 4 === 1) {
        await cancel(client, id);
        intent.status = IntentStatus.INTENT_STATUS_FAILED;
      }
      if (index % 4 === 2) {
        await confirm(client, id);
        intent.status = IntentStatus.INTENT_STATUS_CONFIRMED;
      }
      made.push(intent);
      await pass(1);
    }
    // Every fourth one is recorded as expired; those at the end are overdue and nobody has recorded it yet.
    await pass(51);
    clock.advance(9000);
    const { id, sessionId } = await create(client, { sessionId: sessions.open() });
    made.push({ id, sessionId, at: clock.now(), status: IntentStatus.INTENT_STATUS_PENDING });
  });
  afterAll(async () => payments[Symbol.asyncDispose]());

  const newestFirst = (pick: (intent: (typeof made)[number]) => boolean): string[] => made.filter(pick).map(({ id }) => id).reverse();
  const list = async (filter: Partial<ListIntentsRequest>): Promise<string[]> => (await payments.client.listIntents({ ...any, ...filter })).intents.map(({ id }) => id);

  test('has them all, newest first', async () => {
    expect(await list({})).toEqual(newestFirst(() => true));
  });

  test.each([
    IntentStatus.INTENT_STATUS_PENDING, IntentStatus.INTENT_STATUS_CONFIRMED, IntentStatus.INTENT_STATUS_FAILED, IntentStatus.INTENT_STATUS_EXPIRED,
  ])('by status %s tells expiry as of now, recorded or not', async (status) => {
    expect(await list({ status })).toEqual(newestFirst((intent) => intent.status === status));
    for (const intent of (await payments.client.listIntents({ ...any, status })).intents) expect(intent.status).toBe(status);
  });

  test('has overdue intents that nobody has recorded', async () => {
    const pending = await payments.rows.selectFrom('intents').select('id').where('status', '=', 'pending').execute();
    expect(pending.length).toBeGreaterThan(1);
  });

  test('by session', async () => {
    expect(await list({ sessionId: made[3]!.sessionId })).toEqual([made[3]!.id]);
    expect(await list({ sessionId: 'ses_nobody' })).toEqual([]);
  });

  test('by time, from included and to excluded', async () => {
    const [from, to] = [made[2]!.at, made[6]!.at];
    expect(await list({ createdFrom: new Date(from), createdTo: new Date(to) })).toEqual(newestFirst(({ at }) => at >= from && at < to));
    expect(await list({ createdFrom: new Date(to), createdTo: new Date(from) })).toEqual([]);
  });

  test('by status and time together', async () => {
    const from = made[4]!.at;
    expect(await list({ createdFrom: new Date(from), status: IntentStatus.INTENT_STATUS_EXPIRED }))
      .toEqual(newestFirst(({ at, status }) => at >= from && status === IntentStatus.INTENT_STATUS_EXPIRED));
  });

  test.each([1, 4, 5, 13, 200])('in pages of %d holds each intent once', async (limit) => {
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await payments.client.listIntents({ ...any, limit, cursor });
      expect(page.intents.length).toBeLessThanOrEqual(limit);
      expect(page.intents.length).toBeGreaterThan(0);
      seen.push(...page.intents.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== '');
    expect(seen).toEqual(newestFirst(() => true));
  });

  test('an intent made between two pages moves nothing', async () => {
    const first = await payments.client.listIntents({ ...any, limit: 5 });
    const { id, sessionId } = await create(payments.client, { sessionId: payments.sessions.open() });
    const second = await payments.client.listIntents({ ...any, limit: 5, cursor: first.nextCursor });
    expect([...first.intents, ...second.intents].map((intent) => intent.id)).toEqual(newestFirst(() => true).slice(0, 10));
    made.push({ id, sessionId, at: payments.clock.now(), status: IntentStatus.INTENT_STATUS_PENDING });
  });

  test.each<[Partial<ListIntentsRequest>, string]>([
    [{ limit: -1 }, 'invalid_limit'],
    [{ limit: 201 }, 'invalid_limit'],
    [{ cursor: 'pay_1' }, 'invalid_cursor'],
    [{ cursor: `' OR 1=1 --` }, 'invalid_cursor'],
    [{ status: IntentStatus.UNRECOGNIZED }, 'invalid_status'],
  ])('refuses %j', async (filter, reason) => {
    expect(await failure(payments.client.listIntents({ ...any, ...filter }))).toEqual({ kind: 'invalid', reason });
  });
});
