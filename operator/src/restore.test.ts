import { describe, expect, test } from '@jest/globals';
import { erasedSessionsName, readErasedSessions } from '@kiosk/service';
import Sqlite from 'better-sqlite3';
import { sql } from 'kysely';
import { once } from 'node:events';
import { appendFileSync, chownSync, closeSync, existsSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeBackup } from './backup.ts';
import { restoreBackup } from './restore.ts';
import { untilStopped } from './running.ts';
import { addSessions, countSessions, newGround, openOne, reportPath, writeReport, type Ground } from './testing.ts';

/** What there is, without SQLite's own files beside a database. */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => !/-(wal|shm)$/.test(name)).toSorted();
}

test('O2 a restored storage is that of the backup, and the old one is kept aside', async () => {
  using ground = await newGround();
  const { folder } = await makeBackup(ground);
  await addSessions(ground, 5);
  writeReport(ground, 'd');
  writeFileSync(join(ground.storagePath, 'other'), 'not ours to touch');
  const { aside, missingKeys } = await restoreBackup({ ...ground, folder });
  expect(await countSessions(ground)).toBe(3);
  expect(existsSync(join(ground.storagePath, reportPath('a')))).toBe(true);
  expect(existsSync(join(ground.storagePath, reportPath('d')))).toBe(false);
  expect(readFileSync(join(ground.storagePath, 'other'), 'utf8')).toBe('not ours to touch');
  expect(await countSessions({ storagePath: aside! })).toBe(8);
  expect(existsSync(join(aside!, reportPath('d')))).toBe(true);
  expect(missingKeys).toEqual([]);
});

test('O2 into an empty folder, with the key from where it is kept; without it, it is named', async () => {
  using ground = await newGround();
  const { folder } = await makeBackup(ground);
  rmSync(ground.storagePath, { recursive: true });
  expect(await restoreBackup({ ...ground, folder })).toMatchObject({ aside: undefined, missingKeys: [] });
  expect(await countSessions(ground)).toBe(3);
  expect(readFileSync(join(ground.storagePath, 'report-links.key'))).toEqual(Buffer.alloc(32, 7));
  expect(statSync(join(ground.storagePath, 'report-links.key')).mode & 0o777).toBe(0o600);
  rmSync(ground.storagePath, { recursive: true });
  rmSync(ground.backupKeysPath, { recursive: true });
  expect(await restoreBackup({ ...ground, folder })).toMatchObject({ missingKeys: ['report-links.key'] });
});

test('X4 who was erased since the backup is erased again: by what any database knows, the last restore and the backup itself', async () => {
  using ground = await newGround();
  await erase(ground, 'reporting', 'ses_before');
  const { folder } = await makeBackup(ground);
  await erase(ground, 'sessions', 'ses_since');
  await erase(ground, 'payments', 'ses_since');
  await erase(ground, 'payments', 'ses_known_to_payments');
  writeFileSync(join(ground.storagePath, erasedSessionsName), 'ses_by_hand # from the log\n');
  const names = ['ses_before', 'ses_by_hand', 'ses_known_to_payments', 'ses_since'];
  expect(await restoreBackup({ ...ground, folder })).toMatchObject({ erasedSessions: 4, unreadable: [] });
  expect(readErasedSessions(ground.storagePath).toSorted()).toEqual(names);
  expect(statSync(join(ground.storagePath, erasedSessionsName)).mode & 0o777).toBe(0o600);
  // Again, before anybody was started: the databases are those of the backup now.
  expect(await restoreBackup({ ...ground, folder })).toMatchObject({ erasedSessions: 4, unreadable: [] });
  expect(readErasedSessions(ground.storagePath).toSorted()).toEqual(names);
});

test('X4 a database that cannot say who was erased is named, and the others are believed', async () => {
  using ground = await newGround();
  const { folder } = await makeBackup(ground);
  await erase(ground, 'reporting', 'ses_since');
  writeFileSync(join(ground.storagePath, 'sessions.sqlite'), 'not a database'.repeat(1000));
  rmSync(join(ground.storagePath, 'payments.sqlite'));
  expect(await restoreBackup({ ...ground, folder })).toMatchObject({ erasedSessions: 1, unreadable: ['payments', 'sessions'] });
  expect(readErasedSessions(ground.storagePath)).toEqual(['ses_since']);
});

// Nobody else can give a file away.
(process.getuid?.() === 0 ? describe : describe.skip)('as root', () => {
  test('what root restores belongs to whoever has the storage', async () => {
    using ground = await newGround();
    const { folder } = await makeBackup(ground);
    await erase(ground, 'sessions', 'ses_since');
    chownSync(ground.storagePath, 1234, 1234);
    await restoreBackup({ ...ground, folder });
    for (const name of ['sessions.sqlite', 'reports', reportPath('a'), erasedSessionsName]) {
      expect({ name, uid: statSync(join(ground.storagePath, name)).uid }).toEqual({ name, uid: 1234 });
    }
  });
});

test.each(['payments', 'reporting', 'sessions'] as const)('a running system is refused: %s has its database open', async (name) => {
  using ground = await newGround();
  const { folder } = await makeBackup(ground);
  await using _running = await openOne(ground, name);
  const before = listing(ground.storagePath);
  await expect(restoreBackup({ ...ground, folder })).rejects.toThrow(`the system is running: ${name} has its database open; stop it first`);
  expect(listing(ground.storagePath)).toEqual(before);
});

test('a system that is just stopping is waited for, and no longer than was said', async () => {
  using ground = await newGround();
  const listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  const database = await openOne(ground, 'payments');
  const waiting = Promise.withResolvers<string>();
  const wait = (withinMs: number) => untilStopped({ storagePath: ground.storagePath, listeners: [{ setting: 'PORT', host: '127.0.0.1', port }], withinMs, onWait: waiting.resolve });
  expect(await wait(0)).toBe(`port ${port} (PORT) is in use`);
  const stopped = wait(20_000);
  expect(await waiting.promise).toBe(`port ${port} (PORT) is in use`);
  // In the order in which a service stops: nobody is let in any more, and then its database is closed.
  listening.close();
  await once(listening, 'close');
  expect(await wait(0)).toBe('payments has its database open');
  await database[Symbol.asyncDispose]();
  expect(await stopped).toBeUndefined();
});

const damages: [what: string, damage: (ground: Ground, folder: string) => void, sentence: RegExp][] = [
  ['a byte of a database', (_, folder) => overwrite(join(folder, 'payments.sqlite'), 5000), /payments\.sqlite was changed: its hash differs/],
  ['a cut database', (_, folder) => appendFileSync(join(folder, 'sessions.sqlite'), 'x'), /sessions\.sqlite has \d+ bytes instead of \d+/],
  ['a byte of a report', (_, folder) => overwrite(join(folder, reportPath('b')), 10), /rep_b\.pdf was changed/],
  ['a missing report and a missing database', (_, folder) => {
    rmSync(join(folder, reportPath('c')));
    rmSync(join(folder, 'reporting.sqlite'));
  }, /reporting\.sqlite is missing; reports\/2026\/11\/rep_c\.pdf is missing/],
  ['no manifest', (_, folder) => rmSync(join(folder, 'manifest.json')), /is no backup: it has no manifest\.json/],
  ['a manifest that nobody understands', (_, folder) => writeFileSync(join(folder, 'manifest.json'), '{"format":2}'), /it is damaged, or a newer version wrote it/],
  ['a manifest that leads out of its folder', (_, folder) => {
    const path = join(folder, 'manifest.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('reports/2026/11/rep_a.pdf', '../storage/other.pdf'));
  }, /cannot be understood/],
];

test.each(damages)('O2 %s: the backup is refused and nothing is changed', async (_, damage, sentence) => {
  using ground = await newGround();
  const { folder } = await makeBackup(ground);
  damage(ground, folder);
  const before = listing(ground.storagePath);
  await expect(restoreBackup({ ...ground, folder })).rejects.toThrow(sentence);
  expect(listing(ground.storagePath)).toEqual(before);
});

test('O1 a backup of a newer version is refused', async () => {
  using ground = await newGround();
  const sqlite = new Sqlite(join(ground.storagePath, 'sessions.sqlite'));
  sqlite.exec("INSERT INTO schema_migrations VALUES (999, '0999_later.sqlite.sql', 'x', 0)");
  sqlite.close();
  const { folder } = await makeBackup(ground);
  await expect(restoreBackup({ ...ground, folder })).rejects.toThrow(/sessions\.sqlite does not fit this version: .*0999_later\.sqlite\.sql/);
});

async function erase(ground: Ground, name: 'payments' | 'reporting' | 'sessions', sessionId: string): Promise<void> {
  await using database = await openOne(ground, name);
  const row = name === 'sessions' ? sql`INSERT INTO erasures (id, session_id, known, asked_at) VALUES (${`era_${sessionId}`}, ${sessionId}, 1, 1)` : sql`INSERT INTO erased_sessions (session_id, at) VALUES (${sessionId}, 1)`;
  await database.transaction(({ db }) => row.execute(db));
}

function overwrite(path: string, at: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, 'XYZ', at);
  closeSync(file);
}
