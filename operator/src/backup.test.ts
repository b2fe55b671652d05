import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listBackups, makeBackup, rotate, takenAtOf } from './backup.ts';
import { checkBackup } from './manifest.ts';
import { addSessions, newGround, openOne, reportPath, writeReport } from './testing.ts';

test('O2 a backup made while a service writes is whole, and named for its moment', async () => {
  using ground = await newGround();
  await using sessions = await openOne(ground, 'sessions');
  let done = false;
  const writing = (async () => {
    while (!done) await addSessions(ground, 1, sessions);
  })();
  const before = Date.now();
  const { folder, manifest } = await makeBackup(ground);
  done = true;
  await writing;
  expect(await checkBackup(folder)).toEqual(manifest);
  expect(Object.keys(manifest.databases).toSorted()).toEqual(['payments', 'reporting', 'sessions']);
  expect(manifest.databases['sessions']!.rows['sessions']).toBeGreaterThanOrEqual(3);
  expect(Object.keys(manifest.files)).toEqual(['a', 'b', 'c'].map(reportPath));
  expect(takenAtOf(folder)).toBe(Date.parse(manifest.takenAt));
  expect(takenAtOf(folder)).toBeGreaterThanOrEqual(before);
  expect(JSON.parse(readFileSync(join(ground.storagePath, 'newest-backup.json'), 'utf8'))).toMatchObject({ takenAt: manifest.takenAt, folder });
});

test('the next backup takes new files only: what has not changed is linked, and survives the removal of the first', async () => {
  using ground = await newGround();
  const first = await makeBackup(ground);
  expect(first.linkedFiles).toBe(0);
  rmSync(join(ground.storagePath, reportPath('a')));
  writeReport(ground, 'd');
  const second = await makeBackup(ground);
  expect(second.linkedFiles).toBe(2);
  expect(Object.keys(second.manifest.files)).toEqual(['b', 'c', 'd'].map(reportPath));
  expect(statSync(join(second.folder, reportPath('b'))).ino).toBe(statSync(join(first.folder, reportPath('b'))).ino);
  rmSync(first.folder, { recursive: true });
  await checkBackup(second.folder);
});

test('a file that was replaced since is copied anew', async () => {
  using ground = await newGround();
  await makeBackup(ground);
  const path = join(ground.storagePath, reportPath('b'));
  writeFileSync(path, '%PDF of another'.padEnd(2000));
  utimesSync(path, 1, 1);
  const { folder, linkedFiles } = await makeBackup(ground);
  expect(linkedFiles).toBe(2);
  expect(readFileSync(join(folder, reportPath('b')), 'utf8')).toContain('another');
});

test('D10 X2 the keys are kept apart from the data, and nobody else reads either', async () => {
  using ground = await newGround();
  const { folder, manifest } = await makeBackup(ground);
  await makeBackup(ground);
  expect(readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.key'))).toEqual([]);
  expect(readdirSync(ground.backupKeysPath)).toEqual([`report-links-${manifest.keys['report-links.key']!.slice(0, 16)}.key`]);
  const mode = (path: string): number => statSync(path).mode & 0o777;
  expect([folder, join(folder, 'sessions.sqlite'), join(folder, 'manifest.json'), ground.backupKeysPath, join(ground.backupKeysPath, readdirSync(ground.backupKeysPath)[0]!)].map(mode))
    .toEqual([0o700, 0o600, 0o600, 0o700, 0o600]);
});

test('a damaged source gives no backup and leaves the last one alone', async () => {
  using ground = await newGround();
  const { folder } = await makeBackup(ground);
  truncateSync(join(ground.storagePath, 'payments.sqlite'), 4096 * 3);
  await expect(makeBackup(ground)).rejects.toMatchObject({ name: 'DamagedDatabaseError' });
  expect(readdirSync(ground.backupPath)).toEqual([folder.slice(ground.backupPath.length + 1)]);
});

test('what a killed backup left is no backup, and the next one removes it; beside one at work none starts', async () => {
  using ground = await newGround();
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const left = join(ground.backupPath, `unfinished-${child.pid}`);
  mkdirSync(left, { recursive: true });
  await expect(makeBackup(ground)).rejects.toThrow(`another backup is at work (process ${child.pid})`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(listBackups(ground.backupPath)).toEqual([]);
  const { folder } = await makeBackup(ground);
  expect(listBackups(ground.backupPath)).toEqual([folder]);
  expect(existsSync(left)).toBe(false);
});

test('a storage without databases is a mistake, not an empty backup', async () => {
  using ground = await newGround();
  await expect(makeBackup({ ...ground, storagePath: ground.folder })).rejects.toThrow('set STORAGE_PATH');
});

test('rotation removes what is older than the limit, and never the newest', async () => {
  using ground = await newGround();
  const hourMs = 3_600_000;
  const at = Date.parse('2026-11-26T12:00:00Z');
  for (const hours of [50, 30, 20]) await makeBackup({ ...ground, now: () => at - hours * hourMs });
  const [h20, h30, h50] = listBackups(ground.backupPath);
  expect(rotate({ backupPath: ground.backupPath, retentionMs: 40 * hourMs, now: at })).toEqual([h50]);
  expect(rotate({ backupPath: ground.backupPath, retentionMs: 10 * hourMs, now: at })).toEqual([h30]);
  expect(listBackups(ground.backupPath)).toEqual([h20]);
});
