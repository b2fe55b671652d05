import { expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeBackup } from './backup.ts';
import { restoreBackup } from './restore.ts';
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

test.each(['payments', 'reporting', 'sessions'] as const)('a running system is refused: %s has its database open', async (name) => {
  using ground = await newGround();
  const { folder } = await makeBackup(ground);
  await using _running = await openOne(ground, name);
  const before = listing(ground.storagePath);
  await expect(restoreBackup({ ...ground, folder })).rejects.toThrow(`the system is running: ${name} has its database open; stop it first`);
  expect(listing(ground.storagePath)).toEqual(before);
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

function overwrite(path: string, at: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, 'XYZ', at);
  closeSync(file);
}
