/**
 * `npm run restore -- <folder>` (or `newest`) puts a backup in the place of the storage. The system must not run; one that is just stopping is waited for, for
 * 15 s or what `--wait <seconds>` says. Exits 0, or 1 with a sentence, nothing changed.
 */
import { SettingsError, erasedSessionsName } from '@kiosk/service';
import { readStackSettings } from '@kiosk/stack/settings';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { listBackups, takenAtOf } from './backup.ts';
import { readConfig } from './config.ts';
import { BadBackupError } from './manifest.ts';
import { RestoreError, restoreBackup } from './restore.ts';
import { untilStopped } from './running.ts';
import { counted, lasted } from './words.ts';

/** Services drain within 10 s, and `npm start` hears within half a second that npm has gone. */
const waitSeconds = '15';

async function main(): Promise<void> {
  process.umask(0o077);
  const { values, positionals: [asked] } = parseArgs({ allowPositionals: true, options: { wait: { type: 'string', default: waitSeconds } } });
  if (!/^\d{1,4}$/.test(values.wait)) throw new RestoreError('--wait takes a number of seconds');
  const { storagePath, backupPath, backupKeysPath } = readConfig();
  const backups = listBackups(backupPath);
  if (asked === undefined) {
    throw new RestoreError(`say which: npm run restore -- <folder>, or newest. ${backupPath} has ${backups.length === 0 ? 'none' : backups.map((folder) => `\n  ${folder}  (${lasted(Date.now() - takenAtOf(folder))} old)`).join('')}`);
  }
  const folder = asked === 'newest' ? backups[0] : asked;
  if (folder === undefined) throw new RestoreError(`there is no backup in ${backupPath}`);
  const why = await untilStopped({
    storagePath, listeners: (await readStackSettings(process.env)).listeners, withinMs: Number(values.wait) * 1000,
    onWait: (sign) => console.log(`the system has not stopped (${sign}): waiting for it, ${values.wait} s at most`),
  });
  if (why !== undefined) throw new RestoreError(`the system is running: ${why}; stop it first`);

  const startedAt = performance.now();
  const { manifest, aside, erasedSessions, unreadable, missingKeys } = await restoreBackup({ folder, storagePath, backupKeysPath });
  const { takenAt, databases, files } = manifest;
  console.log(`restored ${Object.keys(databases).join(', ')} and ${counted(Object.keys(files).length, 'report file')} as of ${takenAt} (${lasted(Date.now() - Date.parse(takenAt))} ago), in ${Math.round(performance.now() - startedAt)} ms`);
  if (aside !== undefined) console.log(`the old storage is kept in ${aside}: delete it when all is well, it holds personal data`);
  if (erasedSessions > 0) console.log(`${counted(erasedSessions, 'customer')} who had been erased ${erasedSessions === 1 ? 'is' : 'are'} erased again at the start`);
  if (unreadable.length > 0) {
    console.log(`the old storage could not say who was erased (${unreadable.join(', ')}): before the start add each session that was erased after ${takenAt} to ${join(storagePath, erasedSessionsName)}, one a line (docs/operations.md#erased-customers-and-restores)`);
  }
  for (const name of missingKeys) {
    console.log(`${name} is neither in the storage nor in ${backupKeysPath}: put it back before the start if you have it; otherwise a new one is made, and repeated messages carry new links`);
  }
  console.log(`now: start the system; npm run reconcile -- --since ${takenAt}; npm run anomalies (docs/backoffice.md says what each means)`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof RestoreError || error instanceof BadBackupError || error instanceof TypeError && 'code' in error)) throw error;
  for (const sentence of error instanceof SettingsError || error instanceof BadBackupError ? error.problems : [error.message]) console.error('nothing restored:', sentence);
  process.exitCode = 1;
}
