/** An event loop with nothing to do, on a thread of its own: where it stands still, the machine had no time for anybody. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';

const histogram = monitorEventLoopDelay({ resolution: 10 });
histogram.enable();
parentPort?.on('message', () => {
  parentPort?.postMessage(histogram.max / 1e6);
  histogram.reset();
});
