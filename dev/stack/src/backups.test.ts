import { expect, test } from '@jest/globals';
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scheduleBackups } from './backups.ts';

const hourMs = 3_600_000;

/** Schedules backups of an empty storage, which the command refuses, and answers its first line; undefined where none was due. */
async function firstLine(takenAt: Date | undefined): Promise<string | undefined> {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'kiosk-backups-'));
  if (takenAt) writeFileSync(join(folder.path, 'newest-backup.json'), JSON.stringify({ takenAt }));
  let said: (line: string | undefined) => void = () => {};
  const line = new Promise<string | undefined>((resolve) => {
    said = resolve;
  });
  await using job = scheduleBackups({
    everyMs: 24 * hourMs, storagePath: folder.path, built: false, onLine: said,
    env: { STORAGE_PATH: folder.path, BACKUP_PATH: join(folder.path, 'backups') },
  });
  // Nothing is due: the job is over as soon as it may be.
  if (takenAt && Date.now() - takenAt.getTime() < 24 * hourMs) void job[Symbol.asyncDispose]().then(() => said(undefined));
  return await line;
}

test('O2 a backup is made when the last one is older than the interval, or when there is none; a restart before that makes none too many', async () => {
  expect(await firstLine(undefined)).toMatch(/^no backup: .* holds no database/);
  expect(await firstLine(new Date(Date.now() - 25 * hourMs))).toMatch(/^no backup: .* holds no database/);
  expect(await firstLine(new Date(Date.now() - 23 * hourMs))).toBeUndefined();
});
