/** The thread of scrub.ts. What it throws reaches the one who waits for it. */
import Sqlite from 'better-sqlite3';
import { workerData } from 'node:worker_threads';
import type { ScrubJob } from './scrub.ts';

/** How long a reader in another process, a backup for example, may hold up the end. */
const busyTimeoutMs = 5000;

const { path, scrubbedAtHours } = workerData as ScrubJob;
const sqlite = new Sqlite(path, { timeout: busyTimeoutMs, fileMustExist: true });
try {
  sqlite.pragma('synchronous = FULL');
  sqlite.pragma('secure_delete = ON');
  sqlite.exec('VACUUM');
  sqlite.pragma(`user_version = ${scrubbedAtHours}`);
  const [log] = sqlite.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
  if (log.busy !== 0) throw new Error('another process reads the database: it cannot be scrubbed now');
} finally {
  sqlite.close();
}
