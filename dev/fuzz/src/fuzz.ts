/**
 * Random requests to the gateway and random calls to each service, against all of them as processes: nothing may answer 5xx, end, log an error, or keep an event
 * loop from turning for 100 ms. Each case follows from the seed and its number alone, so it can be sent again.
 */
import { startProcesses, type ServiceName } from '@kiosk/stack';
import { once } from 'node:events';
import { existsSync, mkdtempDisposableSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { grpcCase } from './grpc-cases.ts';
import { grpcTarget } from './grpc-target.ts';
import { httpCase, rawHttpCase } from './http-cases.ts';
import { httpTarget } from './http-target.ts';
import { Random } from './random.ts';

export type Failure = { case: number; what: string };
export type Result = { cases: number; http: number; raw: number; grpc: number; failures: Failure[]; /** The longest that an event loop stood still and did so again, in ms. */ longestStallMs: number };

/** Enough that the last of a batch, which the next one waits for, are few. */
const mostBatchSize = 10_000;
const warmUpSize = 500;
const atOnce = 16;
/** Who only waits for an end that may not come, such as that of half a request, is in nobody's way. */
const mostWaiting = 256;
const stallLimitMs = 100;
/** Within so long a service has told how long it stood still, see own-stalls.ts. */
const tellingMs = 200;
/** A stall that the machine made does not come again and again with the same cases. */
const repetitions = 5;
const mostFailures = 20;
const services = ['sessions', 'payments', 'reporting', 'gateway'] as const satisfies readonly ServiceName[];

export async function fuzz({ cases, seed, first = 0, progress = () => {} }: { cases: number; seed: number; first?: number; progress?: (result: Result) => void }): Promise<Result> {
  using told = mkdtempDisposableSync(join(tmpdir(), 'fuzz-'));
  await using processes = await startProcesses({
    settings: { LOG_LEVEL: 'error', DEV_MANUAL_MODE: 'true' },
    env: { NODE_OPTIONS: `--import=${new URL('./own-stalls.ts', import.meta.url).href}`, OWN_STALLS: told.path },
  });
  using stack = new DisposableStack();
  const http = stack.use(httpTarget(processes.url));
  const grpc = {
    sessions: stack.use(grpcTarget(processes.ports['SESSIONS_GRPC_PORT']!)), payments: stack.use(grpcTarget(processes.ports['PAYMENTS_GRPC_PORT']!)),
    reporting: stack.use(grpcTarget(processes.ports['REPORTING_GRPC_PORT']!)),
  };
  const result: Result = { cases: 0, http: 0, raw: 0, grpc: 0, failures: [], longestStallMs: 0 };

  /** Sends it; `waits`: its end may be long in coming. */
  function send(number: number): { kind: 'http' | 'raw' | 'grpc'; waits: boolean; answer: Promise<string | undefined> } {
    const random = new Random(seed ^ Math.imul(number + 1, 0x27d4eb2d));
    const share = random.below(100);
    if (share < 4) return { kind: 'raw', waits: true, answer: http.sendRaw(rawHttpCase(random)) };
    if (share < 55) return { kind: 'http', waits: false, answer: http.send(httpCase(random)) };
    const { service, ...call } = grpcCase(random);
    return { kind: 'grpc', waits: /\/Watch\w*$/.test(call.headers[':path']!), answer: grpc[service].send(call) };
  }

  async function batch(from: number, to: number, { count = true } = {}): Promise<void> {
    let next = from;
    const waiting = new Set<Promise<void>>();
    await Promise.all(Array.from({ length: atOnce }, async () => {
      while (next < to) {
        const number = next++;
        const { kind, waits, answer } = send(number);
        if (count) {
          result[kind]++;
          result.cases++;
        }
        const judged = answer.then((what) => {
          if (what !== undefined) result.failures.push({ case: number, what });
        });
        if (!waits || waiting.size >= mostWaiting) await judged;
        else {
          waiting.add(judged);
          void judged.finally(() => waiting.delete(judged));
        }
      }
    }));
    await Promise.all(waiting);
  }

  const quietLoop = new Worker(new URL('./quiet-loop.ts', import.meta.url));
  stack.defer(() => void quietLoop.terminate());

  /** How much longer than an idle thread each service's event loop stood still since this was last asked, in ms, but for what it waited for a core. */
  async function stalls(): Promise<Record<string, number>> {
    await sleep(tellingMs);
    quietLoop.postMessage('');
    const [idleMs] = (await once(quietLoop, 'message')) as [number];
    return Object.fromEntries(services.map((name) => {
      const file = join(told.path, String(processes.pid(name)));
      const ownMs = existsSync(file) ? readFileSync(file, 'utf8').split('\n').map(Number) : [];
      rmSync(file, { force: true });
      return [name, Math.max(0, Math.max(...ownMs) - idleMs)];
    }));
  }

  const pids = () => services.map((name) => processes.pid(name)).join(' ');
  // Code that runs for the first time is compiled, which is nobody's case.
  await batch(first, first + warmUpSize, { count: false });
  await stalls();
  const batchSize = Math.min(mostBatchSize, Math.max(1, Math.ceil(cases / 6)));
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
