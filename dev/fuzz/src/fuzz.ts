/**
 * Random requests to the gateway and random calls to each service, against all of them as processes: nothing may answer 5xx, end, log an error, or keep an event
 * loop from turning for 100 ms. Each case follows from the seed and its number alone, so it can be sent again.
 */
import { startProcesses, untilFound, type ServiceName } from '@kiosk/stack';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { grpcCase } from './grpc-cases.ts';
import { grpcTarget } from './grpc-target.ts';
import { httpCase, rawHttpCase } from './http-cases.ts';
import { httpTarget } from './http-target.ts';
import { Random } from './random.ts';

export type Failure = { case: number; what: string };
export type Result = { cases: number; http: number; raw: number; grpc: number; failures: Failure[]; /** The longest that an event loop stood still and did so again, in ms. */ longestStallMs: number };

const batchSize = 500;
const atOnce = 32;
const stallLimitMs = 100;
/** A stall that the machine made does not come again and again with the same cases. */
const repetitions = 5;
const mostFailures = 20;
const services = ['sessions', 'payments', 'reporting', 'gateway'] as const satisfies readonly ServiceName[];

export async function fuzz({ cases, seed, first = 0, progress = () => {} }: { cases: number; seed: number; first?: number; progress?: (result: Result) => void }): Promise<Result> {
  await using processes = await startProcesses({ settings: { LOG_LEVEL: 'error', DEV_MANUAL_MODE: 'true' } });
  using stack = new DisposableStack();
  const http = stack.use(httpTarget(processes.url));
  const grpc = {
    sessions: stack.use(grpcTarget(processes.ports['SESSIONS_GRPC_PORT']!)), payments: stack.use(grpcTarget(processes.ports['PAYMENTS_GRPC_PORT']!)),
    reporting: stack.use(grpcTarget(processes.ports['REPORTING_GRPC_PORT']!)),
  };
  const result: Result = { cases: 0, http: 0, raw: 0, grpc: 0, failures: [], longestStallMs: 0 };

  async function run(number: number): Promise<'http' | 'raw' | 'grpc'> {
    const random = new Random(seed ^ Math.imul(number + 1, 0x27d4eb2d));
    const share = random.below(100);
    const kind = share < 4 ? 'raw' : share < 55 ? 'http' : 'grpc';
    const { service, ...call } = grpcCase(random);
    const what = await (kind === 'raw' ? http.sendRaw(rawHttpCase(random)) : kind === 'http' ? http.send(httpCase(random)) : grpc[service].send(call));
    if (what !== undefined) result.failures.push({ case: number, what });
    return kind;
  }

  async function batch(from: number, to: number, { count = true } = {}): Promise<void> {
    let next = from;
    await Promise.all(Array.from({ length: atOnce }, async () => {
      while (next < to) {
        const kind = await run(next++);
        if (count) {
          result[kind]++;
          result.cases++;
        }
      }
    }));
  }

  const quietLoop = new Worker(new URL('./quiet-loop.ts', import.meta.url));
  stack.defer(() => void quietLoop.terminate());

  /** How much longer than an idle thread each service's event loop stood still since this was last asked, in ms. Its metrics begin anew when they are read. */
  async function stalls(): Promise<Record<string, number>> {
    const page = await (await fetch(`${processes.url}/metrics`)).text();
    quietLoop.postMessage('');
    const [idleMs] = (await once(quietLoop, 'message')) as [number];
    return Object.fromEntries([...page.matchAll(/^nodejs_eventloop_lag_max_seconds\{service="(\w+)"\} (\S+)$/gm)].map(([, service, seconds]) => [service!, Math.max(0, 1000 * Number(seconds) - idleMs)]));
  }

  const pids = () => services.map((name) => processes.pid(name)).join(' ');
  await untilFound(processes.url);
  // Code that runs for the first time is compiled, which is nobody's case.
  await batch(first, first + batchSize, { count: false });
  await stalls();
  for (let from = first; from < first + cases && result.failures.length < mostFailures; from += batchSize) {
    const before = { pids: pids(), lines: processes.lines.length };
    const to = Math.min(first + cases, from + batchSize);
    await batch(from, to);
    let stalled = await stalls();
    for (let again = 0; again < repetitions && worst(stalled) > stallLimitMs; again++) {
      await batch(from, to, { count: false });
      // What stands still in every repetition is the cases' doing.
      const repeated = await stalls();
      stalled = Object.fromEntries(Object.entries(stalled).map(([name, ms]) => [name, Math.min(ms, repeated[name] ?? 0)]));
    }
    result.longestStallMs = Math.max(result.longestStallMs, worst(stalled));
    if (worst(stalled) > stallLimitMs) result.failures.push({ case: from, what: `an event loop stood still for ${Math.round(worst(stalled))} ms in this batch: ${JSON.stringify(stalled)}` });
    if (pids() !== before.pids) result.failures.push({ case: from, what: 'a process ended in this batch' });
    for (const line of processes.lines.slice(before.lines)) result.failures.push({ case: from, what: `logged in this batch: ${line}` });
    progress(result);
  }
  return result;
}

function worst(stalls: Readonly<Record<string, number>>): number {
  return Math.max(0, ...Object.values(stalls));
}
