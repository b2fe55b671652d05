/** Whether the system runs, which a restore must not meet. */
import { isInUse } from '@kiosk/database';
import { whyNotFree } from '@kiosk/stack/ports';
import type { Listener } from '@kiosk/stack/settings';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { databaseNames } from './backup.ts';

const lookEveryMs = 200;

/** What a service that runs keeps open, in words; undefined: nothing. What a stopped one left is nobody's. */
export function openDatabases(storagePath: string): string | undefined {
  const open = databaseNames.filter((name) => isInUse(join(storagePath, `${name}.sqlite`)));
  return open.length === 0 ? undefined : `${open.join(', ')} ${open.length === 1 ? 'has its' : 'have their'} database open`;
}

/** By what the system is seen to run, in words; undefined: it does not. A service whose storage was deleted under it holds no file that could be seen to be open, but still its port. */
async function signOfLife({ storagePath, listeners }: { storagePath: string; listeners: readonly Listener[] }): Promise<string | undefined> {
  for (const { setting, host, port } of listeners) if (await whyNotFree({ host, port }) === 'EADDRINUSE') return `port ${port} (${setting}) is in use`;
  return openDatabases(storagePath);
}

/**
 * Waits for a system that was told to stop: npm returns from a signal before the services have, which take 10 s at most. Answers by what it is still seen to
 * run when the time is over; undefined: it has stopped.
 */
export async function untilStopped({ withinMs, onWait, ...system }: {
  storagePath: string; listeners: readonly Listener[]; withinMs: number;
  /** Called once, where there is something to wait for. */
  onWait: (why: string) => void;
}): Promise<string | undefined> {
  const giveUpAt = performance.now() + withinMs;
  let why = await signOfLife(system);
  if (why !== undefined && withinMs > 0) onWait(why);
  while (why !== undefined && performance.now() < giveUpAt) {
    await setTimeout(lookEveryMs);
    why = await signOfLife(system);
  }
  return why;
}
