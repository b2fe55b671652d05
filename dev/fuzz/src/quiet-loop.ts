/** An event loop with nothing to do, on a thread of its own: where it stands still, the machine had no time for anybody. */
import { parentPort } from 'node:worker_threads';
import { watchStalls } from '../../../bench/src/stalls.ts';

const watch = watchStalls();
parentPort?.on('message', () => parentPort?.postMessage(watch.take().longestOwnMs));
