/** Who was erased (X4), as far as the databases know: a backup that is older than an erasure must not bring the customer back. */
import { DamagedDatabaseError, readColumn } from '@kiosk/database';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { databaseNames } from './backup.ts';

const tables = { sessions: 'erasures', payments: 'erased_sessions', reporting: 'erased_sessions' } as const;

export type Erased = { sessionIds: Set<string>; unreadable: (typeof databaseNames)[number][] };

/** The sessions that the databases in this folder know to be erased, and the databases that could not be asked. Nobody may have them open. */
export function erasedIn(folder: string): Erased {
  const sessionIds = new Set<string>();
  const unreadable: Erased['unreadable'] = [];
  for (const name of databaseNames) {
    const path = join(folder, `${name}.sqlite`);
    try {
      if (!existsSync(path)) unreadable.push(name);
      else for (const id of readColumn({ path, table: tables[name], column: 'session_id' })) sessionIds.add(id);
    } catch (error) {
      if (!(error instanceof DamagedDatabaseError)) throw error;
      unreadable.push(name);
    }
  }
  return { sessionIds, unreadable };
}
