/** What a durable commit costs here at least. */
import { randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './statistics.ts';

const tries = 100;
const page = randomBytes(4096);

/** The median time that appending 4 KiB and syncing it takes in a folder, in µs. */
export function syncUs(folder: string): number {
  const file = join(folder, 'sync-probe');
  const descriptor = openSync(file, 'w');
  const took = Array.from({ length: tries }, () => {
    const startedAt = performance.now();
    writeSync(descriptor, page);
    fdatasyncSync(descriptor);
    return (performance.now() - startedAt) * 1000;
  });
  closeSync(descriptor);
  rmSync(file);
  return median(took);
}
