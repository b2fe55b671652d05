/** A storage as the services leave it, and a place for its backups, for the tests. */
import { openDatabase, type Database } from '@kiosk/database';
import { migrationsOf } from '@kiosk/stack/services';
import { sql } from 'kysely';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { databaseNames } from './backup.ts';

export type Ground = Disposable & { folder: string; storagePath: string; backupPath: string; backupKeysPath: string };

export const reportPath = (name: string): string => `reports/2026/11/rep_${name}.pdf`;

/** Three databases with the services' own schemas, sessions in one, three report files, and a key. */
export async function newGround(): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-operator-'));
  const storagePath = join(folder, 'storage');
  const ground = { folder, storagePath, backupPath: join(folder, 'backups'), backupKeysPath: join(folder, 'keys'), [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
  mkdirSync(storagePath);
  for (const name of databaseNames) await (await openOne(ground, name))[Symbol.asyncDispose]();
  await addSessions(ground, 3);
  for (const name of ['a', 'b', 'c']) writeReport(ground, name);
  writeFileSync(join(storagePath, 'report-links.key'), Buffer.alloc(32, 7), { mode: 0o600 });
  return ground;
}

export function openOne({ storagePath }: Pick<Ground, 'storagePath'>, name: (typeof databaseNames)[number]): Promise<Database<object>> {
  return openDatabase<object>({ path: join(storagePath, `${name}.sqlite`), migrations: migrationsOf(name), onFatal: (error) => { throw error; } });
}

export async function addSessions(ground: Pick<Ground, 'storagePath'>, count: number, open?: Database<object>): Promise<void> {
  const database = open ?? await openOne(ground, 'sessions');
  await database.transaction(async ({ db }) => {
    for (let i = 0; i < count; i++) {
      await sql`INSERT INTO sessions (id, type, status, metadata, created_at, updated_at, expires_at) VALUES (${`ses_${crypto.randomUUID()}`}, 'thickness', 'active', '{}', 1, 1, 2)`.execute(db);
    }
  });
  if (!open) await database[Symbol.asyncDispose]();
}

export async function countSessions(ground: Pick<Ground, 'storagePath'>): Promise<number> {
  await using database = await openOne(ground, 'sessions');
  const { rows: [row] } = await sql<{ n: number }>`SELECT count(*) AS n FROM sessions`.execute(database.read);
  return row!.n;
}

export function writeReport({ storagePath }: Pick<Ground, 'storagePath'>, name: string): void {
  const path = join(storagePath, reportPath(name));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `%PDF of ${name}`.padEnd(2000));
}
