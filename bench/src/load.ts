/**
 * The load generator, a process of its own: `load.ts <port>`. It takes slices over IPC and answers with what it saw. In a slice each
 * connection sends its next request as soon as the last one is answered.
 */
import { Visits, type CallName } from './calls.ts';
import { cpuUs } from './cpu.ts';
import { HttpConnection } from './http-connection.ts';
import { percentile } from './statistics.ts';

export type Slice = {
  call: CallName;
  concurrency: number;
  warmUpMs: number;
  measureMs: number;
  /** Whose CPU is counted, by name. */
  pids: Record<string, number>;
};

export type SliceResult = {
  requests: number;
  /** All that this generator has sent so far, warm-ups too. */
  sentSoFar: number;
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** µs of CPU for each request, user and system, all processes together and each alone. */
  cpuUs: number;
  cpuUsOf: Record<string, number>;
  /** When it was measured, in µs of CLOCK_MONOTONIC. */
  fromUs: number;
  toUs: number;
};

const port = Number(process.argv[2]);
const visits = new Visits();
/** The most sessions that were ever made in one slice: no slice of intents needs twice as many. */
let mostMade = 0;
let sentSoFar = 0;

async function runSlice({ call, concurrency, warmUpMs, measureMs, pids }: Slice): Promise<SliceResult> {
  // New ones for each slice: between two, a server may close what is idle.
  using stack = new DisposableStack();
  const connections = await Promise.all(Array.from({ length: concurrency }, () => HttpConnection.open(port)));
  for (const connection of connections) stack.defer(() => connection.close());
  while (call === 'create intent' && visits.unpaid < 2 * mostMade) await drive({ call: 'create session', connections, forMs: 50 });
  const before = visits.unpaid;
  await drive({ call, connections, forMs: warmUpMs });
  const cpuBefore = mapValues(pids, cpuUs);
  const fromUs = monotonicUs();
  const latenciesMs = await drive({ call, connections, forMs: measureMs });
  const toUs = monotonicUs();
  const cpuUsOf = mapValues(pids, (pid, name) => (cpuUs(pid) - (cpuBefore[name] ?? 0)) / latenciesMs.length);
  mostMade = Math.max(mostMade, visits.unpaid - before);
  latenciesMs.sort((a, b) => a - b);
  return {
    requests: latenciesMs.length,
    sentSoFar,
    requestsPerSecond: latenciesMs.length / ((toUs - fromUs) / 1e6),
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    cpuUs: Object.values(cpuUsOf).reduce((sum, us) => sum + us, 0),
    cpuUsOf,
    fromUs,
    toUs,
  };
}

/** Gives the latency of each request in ms, once the last is answered. */
async function drive({ call, connections, forMs }: { call: CallName; connections: HttpConnection[]; forMs: number }): Promise<number[]> {
  const latenciesMs: number[] = [];
  const until = performance.now() + forMs;
  await Promise.all(connections.map(async (connection) => {
    do {
      const next = visits.next(call);
      sentSoFar += 1;
      const sentAt = performance.now();
      const answer = await connection.send(next.request);
      latenciesMs.push(performance.now() - sentAt);
      next.check(answer);
    } while (performance.now() < until);
  }));
  return latenciesMs;
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function mapValues(record: Record<string, number>, map: (value: number, name: string) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}

process.on('message', (slice: Slice) => void runSlice(slice).then((result) => process.send?.(result)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
