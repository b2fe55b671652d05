/** What is on the disk: databases, backups, keys, certificates. */
import { DamagedDatabaseError, inspectDatabase, isInUse, standingOf } from '@kiosk/database';
import { migrationsOf } from '@kiosk/stack/services';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { databaseNames, keptKey, listBackups, takenAtOf } from '../backup.ts';
import type { OperatorConfig } from '../config.ts';
import { hashOf } from '../manifest.ts';
import { counted, lasted } from '../words.ts';
import { about, type Finding } from './finding.ts';
import type { Values } from './settings.ts';

const dayMs = 24 * 3_600_000;
const linkKey = 'report-links.key';
const linkKeyBytes = 32;
/** A certificate that ends sooner should have been renewed by itself. */
const certificateWarningDays = 20;

export function checkDatabases(storagePath: string): Finding[] {
  const { ok, warn, fail } = about('database');
  const present = databaseNames.filter((name) => existsSync(join(storagePath, `${name}.sqlite`)));
  if (present.length === 0) return [warn(`${storagePath} has none yet`, 'the first start makes them; if there should be some, set STORAGE_PATH, or npm run restore')];
  return databaseNames.map((name) => {
    const path = join(storagePath, `${name}.sqlite`);
    if (!present.includes(name)) return fail(`${name} has none, and others have`, 'restore: npm run restore -- newest; a start would make an empty one');
    try {
      const { strange, behind } = standingOf({ path, migrations: migrationsOf(name) });
      if (strange !== undefined) return fail(`${name}: ${strange}`, 'run the version that wrote it, or restore a backup of this one\'s time');
      const { rows } = inspectDatabase(path);
      const count = counted(Object.values(rows).reduce((a, b) => a + b, 0), 'row');
      if (behind.length > 0) return warn(`${name} is whole (${count}); ${counted(behind.length, 'migration')} to apply: ${behind.join(', ')}`, 'npm run backup, then start: they are applied by themselves');
      return ok(`${name} is whole (${count}), as this version wants it${isInUse(path) ? ', in use' : ''}`);
    } catch (error) {
      if (!(error instanceof DamagedDatabaseError)) throw error;
      return fail(`${name} is damaged: ${error.message}`, 'stop the services; npm run restore -- newest; npm run reconcile -- --since as it says (docs/troubleshooting.md)');
    }
  });
}

export function checkBackups({ backupPath, storagePath, backupAgeLimitMs }: Pick<OperatorConfig, 'backupPath' | 'storagePath' | 'backupAgeLimitMs'>, now = Date.now()): Finding {
  const { ok, warn, fail } = about('backup');
  const [newest] = listBackups(backupPath);
  const must = backupAgeLimitMs > 0;
  if (newest === undefined) {
    const todo = 'npm run backup; a timer, or npm start with BACKUP_INTERVAL_MS, makes them by themselves';
    return must ? fail(`${backupPath} has none`, todo) : warn(`${backupPath} has none`, todo);
  }
  const ageMs = now - takenAtOf(newest);
  if (must && ageMs > backupAgeLimitMs) return fail(`the newest, ${newest}, is ${lasted(ageMs)} old`, 'npm run backup says what is in the way; then see why the timer did not run (systemctl list-timers, or the lines of backup under npm start)');
  if (statSync(backupPath).dev === statSync(storagePath, { throwIfNoEntry: false })?.dev) {
    return (must ? warn : (says: string) => ok(says))(`the newest is ${lasted(ageMs)} old, on the same disk as the data`, 'set BACKUP_PATH to another disk, or copy it to another machine every day');
  }
  return ok(`the newest is ${lasted(ageMs)} old`);
}

export async function checkKeys({ storagePath, backupKeysPath }: Pick<OperatorConfig, 'storagePath' | 'backupKeysPath'>): Promise<Finding> {
  const { ok, warn, fail } = about('keys');
  const path = join(storagePath, linkKey);
  if (!existsSync(path)) return ok(`${linkKey} is made at the first start`);
  const { size, mode } = statSync(path);
  if (size !== linkKeyBytes) return fail(`${path} is damaged`, `restore it from ${backupKeysPath}, or delete it: a new one is made, and messages that are sent again then carry new links`);
  if ((mode & 0o077) !== 0) return fail(`${path} can be read by others: it opens every report`, `chmod 600 ${path}`);
  if (!existsSync(keptKey({ backupKeysPath, name: linkKey, sha256: await hashOf(path) }))) return warn(`${linkKey} has no copy in ${backupKeysPath}`, 'npm run backup makes one');
  return ok(`${linkKey} is readable by its owner only, and has a copy`);
}

/** `{service}` in a path stands for each service's name. */
export function checkCertificates(values: Values, now = Date.now()): Finding[] {
  const { ok, warn, fail } = about('certificates');
  return ['HTTPS_CERT', 'GRPC_TLS_CERT', 'GRPC_TLS_CA'].filter((setting) => values.isSet(setting)).flatMap((setting) => {
    const pattern = values.text(setting);
    const paths = pattern.includes('{service}') ? [...databaseNames, 'gateway'].map((name) => pattern.replace('{service}', name)) : [pattern];
    return paths.map((path) => {
      try {
        const certificate = new X509Certificate(readFileSync(path));
        const days = Math.floor((Date.parse(certificate.validTo) - now) / dayMs);
        if (days < 0) return fail(`${path} (${setting}) ended ${-days} days ago`, 'renew it; the services read it again by themselves or at the next start');
        if (days < certificateWarningDays) return warn(`${path} (${setting}) ends in ${days} days`, 'renew it, and see why that did not happen by itself');
        return ok(`${path} is good for ${days} days`);
      } catch {
        return fail(`${path} (${setting}) is no certificate that can be read`, `set ${setting} to a PEM file that this user may read`);
      }
    });
  });
}
