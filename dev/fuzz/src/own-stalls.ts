/**
 * Loaded into each service before its own code: adds to OWN_STALLS/<pid> how long the event loop stood still, in ms, whenever that is worth telling. What it waited
 * for a core is not in it.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { watchStalls } from '../../../bench/src/stalls.ts';

const everyMs = 50;
const worthTellingMs = 10;

if (isMainThread) {
  const file = join(process.env['OWN_STALLS']!, String(process.pid));
  const watch = watchStalls();
  setInterval(() => {
    const { longestOwnMs } = watch.take();
    if (longestOwnMs >= worthTellingMs) appendFileSync(file, `${longestOwnMs}\n`);
  }, everyMs).unref();
}
