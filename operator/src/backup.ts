/**
 * A backup: one folder with a copy of each database and the report files, and a manifest of what they are. It is made under another name, checked
 * against its sources, synced, and renamed when it is whole: a folder with a backup's name is a backup.
 *
 * The callers' databases are copied before those of the services they call, so that whatever a row refers to is in a copy that is younger. Report
 * files never change once they are there; one that the last backup has is linked to that, so that a hundred backups of a file take its room once.
 * Links also share damage: keep a second copy on another machine.
 */
import { copyDatabase } from '@kiosk/database';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { link, mkdir, readdir, rename, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copyInto, sync, syncTree } from './disk.ts';
import { BadBackupError, hashOf, manifestName, readManifest, type Manifest } from './manifest.ts';

/** What the services keep under STORAGE_PATH, the callers first. */
export const databaseNames = ['reporting', 'payments', 'sessions'] as const;
export const reportsFolder = 'reports';
/** In the storage: when it was last backed up, for whoever watches over it. */
export const markerName = 'newest-backup.json';

const backupName = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/;
const unfinishedName = /^unfinished-(\d+)$/;
/** A process id means nothing on another machine, or after a restart; no backup takes this long. */
const unfinishedLimitMs = 6 * 3_600_000;
/** On top of what is copied. */
const spareBytes = 64 * 1024 * 1024;

/** The backup cannot be made; the message says why. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

export type Backup = { folder: string; manifest: Manifest; bytes: number; linkedFiles: number; durationMs: number };

/** Fails with a BackupError, or with a DamagedDatabaseError where a copy is not what its source was. */
export async function makeBackup({ storagePath, backupPath, backupKeysPath, now = Date.now }: {
  storagePath: string; backupPath: string; backupKeysPath: string; now?: () => number;
}): Promise<Backup> {
  const startedAt = performance.now();
  const names = databaseNames.filter((name) => existsSync(join(storagePath, `${name}.sqlite`)));
  if (names.length === 0) throw new BackupError(`${storagePath} holds no database: set STORAGE_PATH to the services' own`);
  mkdirSync(backupPath, { recursive: true, mode: 0o700 });
  removeUnfinished(backupPath, now());
  await refuseFullDisk({ storagePath, backupPath, names });
  const [newest] = listBackups(backupPath);
  const folder = join(backupPath, `unfinished-${process.pid}`);
  // Personal data: nobody else reads it.
  mkdirSync(folder, { mode: 0o700 });
  try {
    const databases: Manifest['databases'] = {};
    for (const name of names) databases[name] = await copyOne({ name, storagePath, folder, now });
    const { files, linkedFiles } = await copyFiles({ storagePath, folder, last: newest });
    const keys = await copyKeys({ storagePath, backupKeysPath });
    const takenAt = Object.values(databases).map((database) => database.takenAt).toSorted()[0]!;
    const manifest: Manifest = { format: 1, takenAt, databases, files, keys };
    writeFileSync(join(folder, manifestName), JSON.stringify(manifest, undefined, 1), { mode: 0o600 });
    await syncTree(folder);
    const whole = join(backupPath, takenAt.replaceAll(':', '-'));
    await rename(folder, whole);
    await sync(backupPath);
    const bytes = [...Object.values(databases), ...Object.values(files)].reduce((sum, file) => sum + file.bytes, 0);
    writeFileSync(join(storagePath, markerName), JSON.stringify({ takenAt, folder: whole, bytes }));
    return { folder: whole, manifest, bytes, linkedFiles, durationMs: Math.round(performance.now() - startedAt) };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The whole backups, newest first. */
export function listBackups(backupPath: string): string[] {
  if (!existsSync(backupPath)) return [];
  return readdirSync(backupPath).filter((name) => backupName.test(name)).toSorted().toReversed().map((name) => join(backupPath, name));
}

/** Removes backups that are older than the limit, and never the newest. Answers those that it removed. */
export function rotate({ backupPath, retentionMs, now }: { backupPath: string; retentionMs: number; now: number }): string[] {
  const [, ...older] = listBackups(backupPath);
  const outdated = older.filter((folder) => takenAtOf(folder) < now - retentionMs);
  for (const folder of outdated) rmSync(folder, { recursive: true, force: true });
  return outdated;
}

/** Epoch ms, from a backup's name. */
export function takenAtOf(folder: string): number {
  const name = folder.slice(dirname(folder).length + 1);
  return Date.parse(name.replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:'));
}

async function copyOne({ name, storagePath, folder, now }: { name: string; storagePath: string; folder: string; now: () => number }): Promise<Manifest['databases'][string]> {
  const file = `${name}.sqlite`;
  const to = join(folder, file);
  const takenAt = new Date(now()).toISOString();
  const { rows, migrations } = await copyDatabase({ from: join(storagePath, file), to });
  chmodSync(to, 0o600);
  return { file, bytes: statSync(to).size, sha256: await hashOf(to), takenAt, rows, migrations };
}

async function copyFiles({ storagePath, folder, last }: { storagePath: string; folder: string; last: string | undefined }) {
  const before = last === undefined ? {} : filesOf(last);
  const files: Manifest['files'] = {};
  let linkedFiles = 0;
  for (const path of await reportFilesIn(storagePath)) {
    const from = join(storagePath, path);
    const to = join(folder, path);
    const found = await stat(from).catch(() => undefined);
    // Erased since the folder was listed.
    if (found === undefined) continue;
    const known = before[path];
    await mkdir(dirname(to), { recursive: true });
    if (known?.bytes === found.size && known.changedAtMs === found.mtimeMs && await linked(join(last!, path), to)) {
      files[path] = known;
      linkedFiles++;
      continue;
    }
    try {
      await copyInto(from, to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    files[path] = { bytes: (await stat(to)).size, sha256: await hashOf(to), changedAtMs: found.mtimeMs };
  }
  return { files, linkedFiles };
}

/** What the last backup's manifest says of its files. A backup that cannot be read is no reason not to make a new one. */
function filesOf(folder: string): Manifest['files'] {
  try {
    return readManifest(folder).files;
  } catch (error) {
    if (error instanceof BadBackupError) return {};
    throw error;
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(() => true, () => false);
}

/** Not those that are being written. */
async function reportFilesIn(storagePath: string): Promise<string[]> {
  const folder = join(storagePath, reportsFolder);
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name.endsWith('.pdf'))
    .map((entry) => join(entry.parentPath, entry.name).slice(storagePath.length + 1)).toSorted();
}

/** Each key is kept once, under its name and hash: a key that was replaced is still there for the backups of its time. */
async function copyKeys({ storagePath, backupKeysPath }: { storagePath: string; backupKeysPath: string }): Promise<Manifest['keys']> {
  const keys: Manifest['keys'] = {};
  for (const name of readdirSync(storagePath).filter((entry) => /^[\w-]+\.key$/.test(entry))) {
    const from = join(storagePath, name);
    keys[name] = await hashOf(from);
    mkdirSync(backupKeysPath, { recursive: true, mode: 0o700 });
    const to = keptKey({ backupKeysPath, name, sha256: keys[name] });
    if (existsSync(to)) continue;
    await copyInto(from, `${to}.part`);
    chmodSync(`${to}.part`, 0o600);
    await sync(`${to}.part`);
    await rename(`${to}.part`, to);
    await sync(backupKeysPath);
  }
  return keys;
}

/** Where the copy of a key lies. */
export function keptKey({ backupKeysPath, name, sha256 }: { backupKeysPath: string; name: string; sha256: string }): string {
  return join(backupKeysPath, `${name.slice(0, -'.key'.length)}-${sha256.slice(0, 16)}.key`);
}

/** Removes what a killed backup left. Fails with a BackupError while another one is at work. */
function removeUnfinished(backupPath: string, now: number): void {
  for (const name of readdirSync(backupPath)) {
    const pid = unfinishedName.exec(name)?.[1];
    if (pid === undefined) continue;
    const path = join(backupPath, name);
    if (Number(pid) !== process.pid && isAlive(Number(pid)) && statSync(path).mtimeMs > now - unfinishedLimitMs) {
      throw new BackupError(`another backup is at work (process ${pid}): wait for it, or remove ${path} if there is none`);
    }
    rmSync(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function refuseFullDisk({ storagePath, backupPath, names }: { storagePath: string; backupPath: string; names: readonly string[] }): Promise<void> {
  const needed = names.flatMap((name) => [`${name}.sqlite`, `${name}.sqlite-wal`])
    .reduce((sum, file) => sum + (statSync(join(storagePath, file), { throwIfNoEntry: false })?.size ?? 0), spareBytes);
  const { bavail, bsize } = await statfs(backupPath);
  if (bavail * bsize < needed) {
    const mib = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);
    throw new BackupError(`${backupPath} has ${mib(bavail * bsize)} MiB free and the databases alone need ${mib(needed)}: make room, shorten BACKUP_RETENTION_MS, or set BACKUP_PATH to another disk`);
  }
}
