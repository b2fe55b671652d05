/**
 * Removes from the file what is no longer in the database. Deleting or overwriting a row is not enough: `secure_delete` overwrites what is freed with zeros,
 * but when SQLite moves rows to another page the copies on the old one are left in its unused part (15 of 2 000 contacts, in a test of it), and the
 * write-ahead log keeps what was. So the file is written anew (VACUUM) and the log emptied.
 *
 * That takes about two seconds for 100 MB, so it happens on a thread of its own: the event loop goes on, reads go on, and transactions wait. A large file's turn is
 * therefore at night, unless somebody asks for an erasure.
 */
import type Sqlite from 'better-sqlite3';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export type ScrubJob = { path: string; scrubbedAtHours: number };

const hourMs = 3_600_000;
/** Transactions wait for a second. */
const largeBytes = 50 * 1024 * 1024;
/** By this machine's clock: nobody stands at a kiosk, and the day's reconciliation is over. */
const quietHours = [3, 4];
/** A machine that is off at night does it by day in the end. */
const longestWaitMs = 7 * 24 * hourMs;
const worker = new URL(`./scrub-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Fails where another process holds the database for longer than 5 s; then it is to be done again. */
export async function scrubFile({ path, now }: { path: string; now: number }): Promise<void> {
  await once(new Worker(worker, { workerData: { path, scrubbedAtHours: Math.floor(now / hourMs) } satisfies ScrubJob }), 'exit');
}

/** Whether a scrub that nobody asked for, the last one having been so long ago, is not due yet. */
export function isToWait({ bytes, ageMs, now, unlessWithinMs }: { bytes: number; ageMs: number; now: number; unlessWithinMs: number }): boolean {
  if (ageMs < unlessWithinMs) return true;
  return bytes > largeBytes && ageMs < longestWaitMs && !quietHours.includes(new Date(now).getHours());
}

/** Epoch ms, to the hour; 0: never. The file's own user_version holds it, in hours. */
export function scrubbedAt(sqlite: Sqlite.Database): number {
  return Number(sqlite.pragma('user_version', { simple: true })) * hourMs;
}
