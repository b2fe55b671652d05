/** What the database itself refuses, whatever the code does: raw statements on the migrated schema. */
import { describe, expect, test } from '@jest/globals';
import { openDatabase, type Database } from '@kiosk/database';
import { sql } from 'kysely';
import { join } from 'node:path';
import { intentToRow } from './intent-row.ts';
import type { Intent, IntentStatus } from './intent.ts';
import type { Tables } from './tables.ts';
import { migrations, temporaryFolder } from './testing.ts';
import { anIntent } from './testing-nouns.ts';

type Store = AsyncDisposable & {
  database: Database<Tables>;
  run: (statement: string) => Promise<unknown>;
  insert: (over?: Partial<Intent>) => Promise<Intent>;
  /** The PSP's word, so that the intent may be confirmed. */
  witness: (intentId: string, verdict?: string) => Promise<unknown>;
};

async function open(): Promise<Store> {
  await using opening = new AsyncDisposableStack();
  const { path } = opening.use(temporaryFolder());
  const database = opening.use(await openDatabase<Tables>({ path: join(path, 'payments.sqlite'), migrations, onFatal: () => {} }));
  const run = (statement: string) => database.transaction(({ db }) => sql.raw(statement).execute(db));
  const opened = opening.move();
  return {
    database,
    run,
    async insert(over) {
      const intent = anIntent(over);
      await database.transaction(({ db }) => db.insertInto('intents').values(intentToRow(intent)).execute());
      return intent;
    },
    witness: (intentId, verdict = 'paid') => run(`INSERT INTO psp_observations (at, intent_id, psp_payment_id, psp_status, source, verdict, details)
      VALUES (1, '${intentId}', 'psp-1', 'succeeded', 'poll', '${verdict}', '{}')`),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const becomes: Record<string, string> = {
  pending: `status = 'pending', failure_reason = NULL, confirmed_at = NULL`,
  confirmed: `status = 'confirmed', failure_reason = NULL, confirmed_at = 5`,
  expired: `status = 'expired', failure_reason = NULL, confirmed_at = NULL`,
  'failed by the customer': `status = 'failed', failure_reason = 'canceled_by_customer', confirmed_at = NULL`,
  'failed as superseded': `status = 'failed', failure_reason = 'superseded', confirmed_at = NULL`,
  'failed at the PSP': `status = 'failed', failure_reason = 'insufficient_funds', confirmed_at = NULL`,
};

describe('P5 one live intent per session', () => {
  test('a second pending one is refused', async () => {
    await using store = await open();
    const { sessionId } = await store.insert();
    await expect(store.insert({ sessionId })).rejects.toThrow('UNIQUE constraint failed: intents.session_id');
  });

  test('a pending one may stand beside ended ones, and pending ones in two sessions beside each other', async () => {
    await using store = await open();
    const first = await store.insert();
    await store.run(`UPDATE intents SET ${becomes['expired']} WHERE id = '${first.id}'`);
    const second = await store.insert({ sessionId: first.sessionId });
    await store.run(`UPDATE intents SET ${becomes['failed as superseded']} WHERE id = '${second.id}'`);
    const third = await store.insert({ sessionId: first.sessionId });
    const elsewhere = await store.insert();
    const pending = await store.database.read.selectFrom('intents').select('id').where('status', '=', 'pending').execute();
    expect(pending.map(({ id }) => id).sort()).toEqual([third.id, elsewhere.id].sort());
  });

  test('a second confirmed one is refused', async () => {
    await using store = await open();
    const first = await store.insert();
    await store.witness(first.id);
    await store.run(`UPDATE intents SET ${becomes['confirmed']} WHERE id = '${first.id}'`);
    const second = await store.insert({ sessionId: first.sessionId });
    await store.witness(second.id);
    await expect(store.run(`UPDATE intents SET ${becomes['confirmed']} WHERE id = '${second.id}'`)).rejects.toThrow('UNIQUE constraint failed');
  });
});

describe('P6 the amount', () => {
  test.each([0, -1, 1.5, Number.MAX_VALUE])('%d is refused', async (amountMinor) => {
    await using store = await open();
    await expect(store.insert({ amountMinor })).rejects.toThrow(/CHECK constraint failed: amount_minor|cannot store REAL value in INTEGER column/);
  });

  test('and everything else that makes an intent what it is never changes', async () => {
    await using store = await open();
    const { id } = await store.insert();
    const changes = [
      'amount_minor = 1', `currency = 'USD'`, `session_id = 'ses_other'`, `kiosk_id = 'kiosk-2'`, `provider = 'other'`, `psp_request = '{"amount":1}'`,
      `psp_request = '{}'`, 'created_at = 1', 'expires_at = expires_at + 1', `id = 'pay_other'`,
    ];
    for (const change of changes) await expect(store.run(`UPDATE intents SET ${change} WHERE id = '${id}'`)).rejects.toThrow('what an intent is never changes');
    await store.run(`UPDATE intents SET attempts = 1 WHERE id = '${id}'`);
  });

  test('the PSP’s payment stays the one that was attached first, and belongs to one intent only', async () => {
    await using store = await open();
    const first = await store.insert();
    const second = await store.insert();
    await store.run(`UPDATE intents SET submission = 'attached', psp_payment_id = 'psp-1' WHERE id = '${first.id}'`);
    await expect(store.run(`UPDATE intents SET psp_payment_id = 'psp-2' WHERE id = '${first.id}'`)).rejects.toThrow('what an intent is never changes');
    await expect(store.run(`UPDATE intents SET submission = 'abandoned', psp_payment_id = NULL WHERE id = '${first.id}'`)).rejects.toThrow('what an intent is never changes');
    await expect(store.run(`UPDATE intents SET submission = 'attached', psp_payment_id = 'psp-1' WHERE id = '${second.id}'`)).rejects.toThrow('UNIQUE constraint failed');
  });
});

describe('P7 evidence', () => {
  test('nothing is confirmed without the PSP’s word that this very intent is paid', async () => {
    await using store = await open();
    const { id } = await store.insert();
    const other = await store.insert();
    const confirm = () => store.run(`UPDATE intents SET ${becomes['confirmed']} WHERE id = '${id}'`);
    await expect(confirm()).rejects.toThrow('nothing is confirmed without evidence');
    await store.witness(id, 'open');
    await store.witness(id, 'mismatch');
    await store.witness(other.id);
    await expect(confirm()).rejects.toThrow('nothing is confirmed without evidence');
    await store.witness(id);
    await confirm();
  });

  test('evidence is about an intent that exists, and has a known verdict', async () => {
    await using store = await open();
    await expect(store.witness('pay_nobody')).rejects.toThrow('FOREIGN KEY constraint failed');
    const { id } = await store.insert();
    await expect(store.witness(id, 'maybe')).rejects.toThrow('CHECK constraint failed');
  });
});

describe('P8 the status moves forward', () => {
  const allowed = new Set(['expired → confirmed', 'failed by the customer → confirmed', 'failed as superseded → confirmed']);
  const statusOf = (state: string): string => state.split(' ')[0]!;
  const moves = Object.keys(becomes).flatMap((from) => Object.keys(becomes).map((to) => [from, to] as const)).filter(([from, to]) => statusOf(from) !== statusOf(to));

  const isAllowed = ([from, to]: readonly [string, string]): boolean => from === 'pending' || allowed.has(`${from} → ${to}`);

  async function moved([from, to]: readonly [string, string]): Promise<string> {
    await using store = await open();
    const { id } = await store.insert();
    await store.witness(id);
    await store.run(`UPDATE intents SET ${becomes[from]} WHERE id = '${id}'`);
    await store.run(`UPDATE intents SET ${becomes[to]} WHERE id = '${id}'`);
    return (await store.database.read.selectFrom('intents').select('status').executeTakeFirstOrThrow()).status;
  }

  test.each(moves.filter(isAllowed))('%s → %s', async (...move) => {
    expect(await moved(move)).toBe(statusOf(move[1]));
  });

  test.each(moves.filter((move) => !isAllowed(move)))('never %s → %s', async (...move) => {
    await expect(moved(move)).rejects.toThrow('an intent only moves forward');
  });

  test.each<IntentStatus>(['confirmed', 'failed', 'expired'])('none is born %s', async (status) => {
    await using store = await open();
    const over = { confirmed: { confirmedAt: 1 }, failed: { failureReason: 'superseded' }, expired: {}, pending: {} }[status];
    await expect(store.insert({ status, ...over })).rejects.toThrow('an intent begins pending');
  });
});

describe('P1 keys', () => {
  const claim = (caller: string, key: string, entity: string): string =>
    `INSERT INTO idempotency_keys (caller, operation, key, body_sha256, entity_id, made, created_at) VALUES ('${caller}', 'create_intent', '${key}', 'x', '${entity}', 1, 1)`;

  test('one caller’s key belongs to one intent', async () => {
    await using store = await open();
    await store.run(claim('kiosk:1', 'k', 'pay_1'));
    await expect(store.run(claim('kiosk:1', 'k', 'pay_2'))).rejects.toThrow('UNIQUE constraint failed');
    await store.run(claim('kiosk:2', 'k', 'pay_2'));
    await store.run(claim('kiosk:1', 'K', 'pay_3'));
  });

  test('the development PSP makes one payment per key', async () => {
    await using store = await open();
    const pay = (id: string) => store.run(`INSERT INTO dev_psp_payments (id, idempotence_key, request, status, created_at) VALUES ('${id}', 'pay_1', '{}', 'pending', 1)`);
    await pay('dev_1');
    await expect(pay('dev_2')).rejects.toThrow('UNIQUE constraint failed');
  });
});

describe('rows that do not make sense', () => {
  test.each([
    ['confirmed without a time', `status = 'confirmed'`],
    ['a time without being confirmed', 'confirmed_at = 5'],
    ['failed without a reason', `status = 'failed'`],
    ['a reason without having failed', `failure_reason = 'superseded'`],
    ['attached to nothing', `submission = 'attached'`],
    ['a PSP payment without being attached', `psp_payment_id = 'psp-1'`],
    ['an unknown status', `status = 'paid'`],
    ['an unknown submission', `submission = 'sent'`],
    ['an unknown PSP status', `psp_status = 'refunded'`],
    ['metadata that is no object', `metadata = '[]'`],
  ])('%s is refused', async (_, change) => {
    await using store = await open();
    const { id } = await store.insert();
    await store.witness(id);
    await expect(store.run(`UPDATE intents SET ${change} WHERE id = '${id}'`)).rejects.toThrow(/CHECK constraint failed|json_type/);
  });

  test('an id of another kind, and an end before the beginning', async () => {
    await using store = await open();
    await expect(store.insert({ id: 'ses_1' })).rejects.toThrow('CHECK constraint failed');
    await expect(store.insert({ expiresAt: Date.UTC(2026, 0, 15, 9) })).rejects.toThrow('CHECK constraint failed');
  });
});

test('money rows are kept, and the audit is append-only', async () => {
  await using store = await open();
  const { id } = await store.insert();
  await expect(store.run('DELETE FROM intents')).rejects.toThrow('money rows are kept');
  const insert = (row: number, hash: string) =>
    store.run(`INSERT INTO audit_logs (id, at, event, entity_id, details, request_id, caller, hash) VALUES (${row}, 1, 'intent.created', '${id}', '{}', 'r', 'kiosk:1', '${hash}')`);
  await expect(insert(1, 'none')).rejects.toThrow('follows the one before it');
  await insert(1, 'a'.repeat(64));
  await expect(insert(3, 'a'.repeat(64))).rejects.toThrow('follows the one before it');
  await expect(store.run(`UPDATE audit_logs SET event = 'nothing happened'`)).rejects.toThrow('the audit is append-only');
  await expect(store.run('DELETE FROM audit_logs')).rejects.toThrow('the audit is append-only');
  await expect(store.run('INSERT INTO audit_anchor VALUES (2, 1, \'\')')).rejects.toThrow('CHECK');
});
