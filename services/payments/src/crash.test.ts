/**
 * P1, P12, P13 with a real kill -9: a process that serves two requests is killed before and after each of its steps (every commit and every call to the
 * PSP). Then the service starts again on what is left, the same requests come again with the same keys, and everything must have happened once.
 */
import { afterAll, expect, test } from '@jest/globals';
import { openDatabase } from '@kiosk/database';
import { sql } from 'kysely';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import type { Tables } from './tables.ts';
import { requests, sessionId, type Acknowledged } from './testing-crash.ts';
import { create, migrations, read, standInSessions, startClock, startTestPayments, temporaryFolder } from './testing.ts';

/** Filled by the first child, which lives: the others start in half the time. */
const compileCache = temporaryFolder();
afterAll(() => compileCache.remove());

const script = fileURLToPath(new URL('testing-crash.ts', import.meta.url));

/** What the child acknowledged before it died, if it did. */
async function runChild(folder: string, step: number, when: 'before' | 'after'): Promise<Acknowledged & { killed: boolean }> {
  const child = spawn(process.execPath, ['--conditions=@kiosk/source', script, folder, String(step), when], {
    stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE: compileCache.path },
  });
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null, string | null]>]);
  expect(signal ?? code).toBe(signal === null ? 0 : 'SIGKILL');
  const lines = output.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Acknowledged);
  return Object.assign({ killed: signal !== null }, ...lines) as Acknowledged & { killed: boolean };
}

/** P12, P13: what the kill left is whole, and has all that was acknowledged. */
async function inspect(folder: string, acknowledged: Acknowledged): Promise<void> {
  await using database = await openDatabase<Tables>({ path: join(folder, 'payments.sqlite'), migrations, onFatal: () => {} });
  const { rows } = await sql<{ integrity_check: string }>`PRAGMA integrity_check`.execute(database.read);
  expect(rows).toEqual([{ integrity_check: 'ok' }]);
  const intents = await database.read.selectFrom('intents').selectAll().execute();
  for (const id of [acknowledged.first, acknowledged.second]) if (id !== undefined) expect(intents.map((intent) => intent.id)).toContain(id);
  for (const intent of intents) {
    const audit = await database.read.selectFrom('audit_logs').select('event').where('entity_id', '=', intent.id).orderBy('id').execute();
    expect(audit.map(({ event }) => event)).toEqual(intent.status === 'pending' ? ['intent.created'] : ['intent.created', `intent.${intent.status}`]);
    const keys = await database.read.selectFrom('idempotency_keys').select('made').where('entity_id', '=', intent.id).execute();
    expect(keys).toEqual([{ made: 1 }]);
  }
}

async function recover(folder: string, acknowledged: Acknowledged): Promise<void> {
  const clock = startClock();
  const sessions = standInSessions(clock);
  sessions.open({ id: sessionId });
  if (acknowledged.due) clock.advance(2000);
  await using payments = await startTestPayments({ folder, clock, sessions });
  const first = await create(payments.client, requests.first);
  const second = await create(payments.client, requests.second);
  expect([first.id, second.id]).toEqual([acknowledged.first ?? first.id, acknowledged.second ?? second.id]);
  expect(second.qrCodeData).toContain('https://');
  // P11: whatever was under way when the process died, the PSP is asked again within a minute.
  clock.advance(60_000);
  await payments.work();

  expect(await read(payments.client, first.id)).toMatchObject({ status: 'failed', failureReason: 'superseded' });
  expect(await read(payments.client, second.id)).toMatchObject({ status: 'confirmed' });
  expect(await payments.rows.selectFrom('intents').select('id').orderBy('created_at').execute()).toHaveLength(2);
  const atPsp = await payments.rows.selectFrom('dev_psp_payments').select('idempotence_key').execute();
  expect(new Set(atPsp.map(({ idempotence_key }) => idempotence_key)).size).toBe(atPsp.length);
  expect(atPsp.length).toBeLessThanOrEqual(2);
  const evidence = await payments.rows.selectFrom('psp_observations').select('intent_id').where('verdict', '=', 'paid').execute();
  expect(evidence).toEqual([{ intent_id: second.id }]);
  expect(payments.mishaps()).toEqual([]);
}

async function killAndRecover(step: number, when: 'before' | 'after'): Promise<boolean> {
  using folder = temporaryFolder();
  const acknowledged = await runChild(folder.path, step, when);
  await inspect(folder.path, acknowledged);
  await recover(folder.path, acknowledged);
  return acknowledged.killed;
}

test('P1 P12 P13 killed before or after any step, the service loses nothing that it acknowledged and does nothing twice', async () => {
  using folder = temporaryFolder();
  const { steps } = await runChild(folder.path, Infinity, 'before');
  expect(steps).toBeGreaterThan(10);
  const walk = async (when: 'before' | 'after'): Promise<number> => {
    let step = 0;
    while (await killAndRecover(step, when)) step += 1;
    return step;
  };
  const [before, after] = await Promise.all([walk('before'), walk('after')]);
  // oxlint-disable-next-line no-console -- how far the walk came
  console.info(`killed before each of ${before} steps and after each of ${after}`);
  // A job more or less may come in between.
  expect(Math.min(before, after)).toBeGreaterThanOrEqual(steps! - 3);
}, 240_000);
