// Metrics: one registry per service, never the library's global one, because several services may live in one process.
import { statfs } from 'node:fs/promises';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Log } from './log.ts';

interface Described<L extends string> {
  name: string;
  help: string;
  /** Label names. Their values must come from fixed sets: each combination is a series for ever. */
  labels?: readonly L[];
}

export interface Metrics {
  readonly registry: Registry;
  counter<L extends string = never>(metric: Described<L> & { collect?: (this: Counter<L>) => void }): Counter<L>;
  gauge<L extends string = never>(metric: Described<L> & { collect?: (this: Gauge<L>) => void | Promise<void> }): Gauge<L>;
  /** `buckets` are upper bounds, in the unit that the name ends in. */
  histogram<L extends string = never>(metric: Described<L> & { buckets: readonly number[] }): Histogram<L>;
}

/** A registry whose series all carry the label `service`, with the process's own metrics (memory, CPU, event loop lag) in it. */
export function createMetrics({ service }: { service: string }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    counter: ({ name, help, labels = [], collect }) => new Counter({ name, help, labelNames: [...labels], registers, collect }),
    gauge: ({ name, help, labels = [], collect }) => new Gauge({ name, help, labelNames: [...labels], registers, collect }),
    histogram: ({ name, help, labels = [], buckets }) =>
      new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers }),
  };
}

/**
 * Feeds `rpc_duration_seconds` with each finished call between services, on either side; `code` is the gRPC status by name. At level debug
 * a service also writes a line for each call that it answered, so that a request can be followed from service to service by its id.
 */
export function observeCalls(metrics: Metrics, log: Log) {
  const duration = metrics.histogram({
    name: 'rpc_duration_seconds',
    help: 'Duration of calls between services.',
    labels: ['side', 'method', 'code'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  return ({ side, method, requestId, code, seconds }: { side: 'server' | 'client'; method: string; requestId: string; code: string; seconds: number }): void => {
    duration.observe({ side, method, code }, seconds);
    if (side === 'server') log.debug({ requestId, method, grpcStatus: code, durationMs: Math.round(seconds * 1000) }, 'call answered');
  };
}

/** Feeds `storage_free_bytes` and `storage_size_bytes`: how much room the disk behind the folder has, for whoever is not root. */
export function observeStorage(metrics: Metrics, folder: string): void {
  metrics.gauge({
    name: 'storage_free_bytes',
    help: 'What can still be written to the disk under STORAGE_PATH.',
    async collect() {
      const { bavail, bsize } = await statfs(folder);
      this.set(bavail * bsize);
    },
  });
  metrics.gauge({
    name: 'storage_size_bytes',
    help: 'The size of the disk under STORAGE_PATH.',
    async collect() {
      const { blocks, bsize } = await statfs(folder);
      this.set(blocks * bsize);
    },
  });
}
