/** The thread of checkpoints.ts: copies what is in the log when it is told to, and says when it has. */
import Sqlite from 'better-sqlite3';
import { parentPort, workerData } from 'node:worker_threads';
import type { CheckpointJob } from './checkpoints.ts';

const { path } = workerData as CheckpointJob;
const sqlite = new Sqlite(path, { fileMustExist: true });
sqlite.pragma('synchronous = FULL');
parentPort!.on('message', (word: 'copy' | 'leave') => {
  if (word === 'leave') {
    sqlite.close();
    parentPort!.close();
    return;
  }
  // What a reader or another checkpoint holds up is copied the next time.
  sqlite.pragma('wal_checkpoint(PASSIVE)');
  parentPort!.postMessage('copied');
});
