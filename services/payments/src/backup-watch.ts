/**
 * Says how old the newest backup is, to Prometheus and, when it is too old, in the log: a backup that has stopped being made is noticed by nobody else. Whoever
 * makes one writes `newest-backup.json` into the storage; this service watches because the money is here.
 */
import type { Job, Log, Metrics } from '@kiosk/service';
import { startJob } from '@kiosk/service';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const lookIntervalMs = 3_600_000;

export function watchBackups({ storagePath, limitMs, metrics, log, now }: { storagePath: string; limitMs: number; metrics: Metrics; log: Log; now: () => number }): Job {
  const marker = join(storagePath, 'newest-backup.json');
  metrics.gauge({
    name: 'backup_newest_timestamp_seconds',
    help: 'When the newest backup of this storage was taken; 0: never.',
    collect() {
      this.set((takenAt(marker) ?? 0) / 1000);
    },
  });
  metrics.gauge({ name: 'backup_age_limit_seconds', help: 'How old the newest backup may be: BACKUP_AGE_LIMIT_MS.' }).set(limitMs / 1000);
  return startJob({
    name: 'backup-watch', intervalMs: lookIntervalMs, log,
    run: async () => {
      const at = takenAt(marker);
      if (at === undefined) log.error({ check: 'backup' }, 'there is no backup: npm run backup');
      else if (now() - at > limitMs) log.error({ check: 'backup', durationMs: now() - at }, 'the newest backup is too old: npm run backup, and see why none is made by itself');
    },
  });
}

/** Epoch ms; undefined where there is no backup, or a word of one that nobody understands. */
function takenAt(marker: string): number | undefined {
  try {
    const at = Date.parse((JSON.parse(readFileSync(marker, 'utf8')) as { takenAt?: string }).takenAt ?? '');
    return Number.isNaN(at) ? undefined : at;
  } catch {
    return undefined;
  }
}
