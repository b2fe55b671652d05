/**
 * `npm run backup` makes a backup while the services run and removes outdated ones; `npm run backup -- --check [folder]` reads every byte of one (the newest);
 * `npm run backup -- --list` names all. Exits 0 when that went well, 1 when not.
 */
import { DamagedDatabaseError } from '@kiosk/database';
import { SettingsError } from '@kiosk/service';
import { parseArgs } from 'node:util';
import { BackupError, listBackups, makeBackup, rotate } from './backup.ts';
import { readConfig } from './config.ts';
import { BadBackupError, checkBackup, readManifest } from './manifest.ts';
import { counted, sized } from './words.ts';

async function main(): Promise<void> {
  process.umask(0o077);
  const { values, positionals: [folder] } = parseArgs({
    allowPositionals: true, options: { check: { type: 'boolean', default: false }, list: { type: 'boolean', default: false } },
  });
  const { storagePath, backupPath, backupKeysPath, backupRetentionMs } = readConfig();
  if (values.list) {
    for (const each of listBackups(backupPath)) console.log(`${each}  ${counted(Object.keys(readManifest(each).databases).length, 'database')}, ${counted(Object.keys(readManifest(each).files).length, 'report file')}`);
    return;
  }
  if (values.check) {
    const checked = folder ?? listBackups(backupPath)[0];
    if (checked === undefined) throw new BackupError(`there is no backup in ${backupPath}`);
    const { databases, files } = await checkBackup(checked);
    console.log(`${checked} is whole: ${Object.keys(databases).join(', ')} and ${counted(Object.keys(files).length, 'report file')}`);
    return;
  }
  const { folder: made, manifest, bytes, linkedFiles, durationMs } = await makeBackup({ storagePath, backupPath, backupKeysPath });
  const outdated = rotate({ backupPath, retentionMs: backupRetentionMs, now: Date.now() });
  const files = Object.keys(manifest.files).length;
  console.log(`${made}: ${Object.entries(manifest.databases).map(([name, { rows }]) => `${name} ${counted(Object.values(rows).reduce((a, b) => a + b, 0), 'row')}`).join(', ')}, ${counted(files, 'report file')} (${linkedFiles} linked to the last backup), ${sized(bytes)}, checked, in ${durationMs} ms`);
  if (outdated.length > 0) console.log(`removed ${counted(outdated.length, 'outdated backup')}`);
}

try {
  await main();
} catch (error) {
  const isKnown = error instanceof SettingsError || error instanceof BackupError || error instanceof BadBackupError || error instanceof DamagedDatabaseError || error instanceof TypeError && 'code' in error;
  if (!isKnown) throw error;
  const sentences = error instanceof SettingsError || error instanceof BadBackupError ? error.problems : [error instanceof DamagedDatabaseError ? `a database is damaged (${error.message}): nothing was backed up; see docs/troubleshooting.md` : error.message];
  for (const sentence of sentences) console.error('no backup:', sentence);
  process.exitCode = 1;
}
