/**
 * Puts a backup in the place of what the storage holds. Everything is checked and copied before the first file of the old storage is touched, and the old
 * storage is kept beside the new one: a restore can itself be taken back. Inside STORAGE_PATH, because that may be all that we may write to.
 *
 * Customers who were erased since the backup come back with its databases. So all that the old storage and the backup know of erasures goes into a file that
 * the services read before they serve (X4).
 */
import { standingOf } from '@kiosk/database';
import { erasedSessionsName, readErasedSessions } from '@kiosk/service';
import { migrationsOf, type ServiceName } from '@kiosk/stack/services';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keptKey, markerName, reportsFolder } from './backup.ts';
import { copyInto, giveToOwnerOf, sync, syncTree } from './disk.ts';
import { erasedIn } from './erased.ts';
import { checkBackup, hashOf, type Manifest } from './manifest.ts';
import { openDatabases } from './running.ts';

/** Nothing was changed; the message says why, and what to do. */
export class RestoreError extends Error {
  override readonly name = 'RestoreError';
}

export type Restored = {
  manifest: Manifest;
  /** Where the old storage is now; undefined where there was none. */
  aside: string | undefined;
  /** How many sessions the services erase again. */
  erasedSessions: number;
  /** The databases of the old storage that could not be asked who was erased. */
  unreadable: string[];
  /** Keys that neither the storage nor BACKUP_KEYS_PATH has. */
  missingKeys: string[];
};

/** Fails with a BadBackupError or a RestoreError, and has then changed nothing. */
export async function restoreBackup({ folder, storagePath, backupKeysPath, now = Date.now }: {
  folder: string; storagePath: string; backupKeysPath: string; now?: () => number;
}): Promise<Restored> {
  refuseRunning(storagePath);
  const manifest = await checkBackup(folder);
  refuseStrange(folder, manifest);

  mkdirSync(storagePath, { recursive: true, mode: 0o700 });
  const staged = join(storagePath, 'restoring');
  rmSync(staged, { recursive: true, force: true });
  const { keys, missingKeys } = await stage({ folder, manifest, staged, storagePath, backupKeysPath });
  const { erasedSessions, unreadable } = await stageErased({ storagePath, staged });
  await giveToOwnerOf(storagePath, staged);
  // It may have been started meanwhile.
  refuseRunning(storagePath);
  const aside = setAside({ storagePath, replaced: [...storageOf(manifest), ...keys], name: `before-restore-${new Date(now()).toISOString().replaceAll(':', '-')}` });
  for (const name of readdirSync(staged)) renameSync(join(staged, name), join(storagePath, name));
  rmSync(staged, { recursive: true });
  await sync(storagePath);
  return { manifest, aside, erasedSessions, unreadable, missingKeys };
}

function refuseRunning(storagePath: string): void {
  const open = openDatabases(storagePath);
  if (open !== undefined) throw new RestoreError(`the system is running: ${open}; stop it first`);
}

function refuseStrange(folder: string, manifest: Manifest): void {
  for (const [name, { file }] of Object.entries(manifest.databases)) {
    const { strange } = standingOf({ path: join(folder, file), migrations: migrationsOf(name as ServiceName) });
    if (strange !== undefined) throw new RestoreError(`${file} does not fit this version: ${strange}`);
  }
}

async function stage({ folder, manifest, staged, storagePath, backupKeysPath }: {
  folder: string; manifest: Manifest; staged: string; storagePath: string; backupKeysPath: string;
}): Promise<{ keys: string[]; missingKeys: string[] }> {
  mkdirSync(staged);
  for (const { file } of Object.values(manifest.databases)) await copyInto(join(folder, file), join(staged, file));
  for (const path of Object.keys(manifest.files)) await copyInto(join(folder, path), join(staged, path));
  const keys: string[] = [];
  const missingKeys: string[] = [];
  for (const [name, sha256] of Object.entries(manifest.keys)) {
    const current = join(storagePath, name);
    if (existsSync(current) && await hashOf(current) === sha256) continue;
    const kept = keptKey({ backupKeysPath, name, sha256 });
    if (!existsSync(kept) || await hashOf(kept) !== sha256) {
      missingKeys.push(name);
      continue;
    }
    await copyInto(kept, join(staged, name));
    chmodSync(join(staged, name), 0o600);
    keys.push(name);
  }
  await syncTree(staged);
  return { keys, missingKeys };
}

/** By the old storage, by the backup, whose databases are not of the same moment, and by the last restore. */
async function stageErased({ storagePath, staged }: { storagePath: string; staged: string }): Promise<{ erasedSessions: number; unreadable: string[] }> {
  const { sessionIds, unreadable } = erasedIn(storagePath);
  const all = new Set([...readErasedSessions(storagePath), ...sessionIds, ...erasedIn(staged).sessionIds]);
  if (all.size > 0) {
    const path = join(staged, erasedSessionsName);
    writeFileSync(path, `# Sessions whose customers were erased: each service erases them again before it serves.\n${[...all].map((id) => `${id}\n`).join('')}`, { mode: 0o600 });
    await syncTree(staged);
  }
  return { erasedSessions: all.size, unreadable };
}

/** Every name in the storage that the backup has a word on. */
function storageOf(manifest: Manifest): string[] {
  return [...Object.keys(manifest.databases).flatMap((name) => ['', '-wal', '-shm', '-journal'].map((end) => `${name}.sqlite${end}`)), reportsFolder, markerName, erasedSessionsName];
}

function setAside({ storagePath, replaced, name }: { storagePath: string; replaced: readonly string[]; name: string }): string | undefined {
  const present = replaced.filter((each) => existsSync(join(storagePath, each)));
  if (present.length === 0) return undefined;
  const aside = join(storagePath, name);
  mkdirSync(aside, { mode: 0o700 });
  for (const each of present) renameSync(join(storagePath, each), join(aside, each));
  return aside;
}
