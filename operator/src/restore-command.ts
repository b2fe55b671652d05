/** `npm run restore -- <folder>` (or `newest`) puts a backup in the place of the storage. The system must not run. Exits 0, or 1 with a sentence, nothing changed. */
import { SettingsError } from '@kiosk/service';
import { readStackSettings } from '@kiosk/stack/settings';
import { whyNotFree } from '@kiosk/stack/ports';
import { parseArgs } from 'node:util';
import { listBackups, takenAtOf } from './backup.ts';
import { readConfig } from './config.ts';
import { BadBackupError } from './manifest.ts';
import { RestoreError, restoreBackup } from './restore.ts';
import { counted, lasted } from './words.ts';

async function main(): Promise<void> {
  const { positionals: [asked] } = parseArgs({ allowPositionals: true });
  const { storagePath, backupPath, backupKeysPath } = readConfig();
  const backups = listBackups(backupPath);
  if (asked === undefined) {
    throw new RestoreError(`say which: npm run restore -- <folder>, or newest. ${backupPath} has ${backups.length === 0 ? 'none' : backups.map((folder) => `\n  ${folder}  (${lasted(Date.now() - takenAtOf(folder))} old)`).join('')}`);
  }
  const folder = asked === 'newest' ? backups[0] : asked;
  if (folder === undefined) throw new RestoreError(`there is no backup in ${backupPath}`);
  // A service whose storage was deleted under it holds no file that could be seen to be open, but still its port.
  for (const { setting, host, port } of (await readStackSettings(process.env)).listeners) {
    if (await whyNotFree({ host, port }) === 'EADDRINUSE') throw new RestoreError(`the system is running: port ${port} (${setting}) is in use; stop it first`);
  }

  const startedAt = performance.now();
  const { manifest, aside, missingKeys } = await restoreBackup({ folder, storagePath, backupKeysPath });
  const { takenAt, databases, files } = manifest;
  console.log(`restored ${Object.keys(databases).join(', ')} and ${counted(Object.keys(files).length, 'report file')} as of ${takenAt} (${lasted(Date.now() - Date.parse(takenAt))} ago), in ${Math.round(performance.now() - startedAt)} ms`);
  if (aside !== undefined) console.log(`the old storage is kept in ${aside}: delete it when all is well, it holds personal data`);
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
