/** Backups on a timer, under the supervisor: the same command as by hand, in a process of its own. What is due is read from the storage, so a restart makes none too many. */
import { startJob, type Job, type Log } from '@kiosk/service';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { programOf } from './services.ts';

const lookIntervalMs = 60_000;

export function scheduleBackups({ everyMs, storagePath, env, built, onLine }: {
  everyMs: number; storagePath: string; env: NodeJS.ProcessEnv; built: boolean; onLine: (line: string) => void;
}): Job {
  const say = (_: unknown, message: string): void => onLine(message);
  const log: Log = { error: say, warn: say, info: say, debug: say, child: () => log };
  return startJob({
    name: 'backup', intervalMs: Math.min(everyMs, lookIntervalMs), log,
    run: async (signal) => {
      if (Date.now() - lastTakenAt(storagePath) < everyMs) return;
      const child = spawn(process.execPath, [...(built ? [] : ['--conditions=@kiosk/source']), programOf('backup', { built })], { env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
      for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', onLine);
      await once(child, 'close');
    },
  });
}

/** Epoch ms; 0: never. */
function lastTakenAt(storagePath: string): number {
  try {
    return Date.parse((JSON.parse(readFileSync(join(storagePath, 'newest-backup.json'), 'utf8')) as { takenAt: string }).takenAt);
  } catch {
    return 0;
  }
}
