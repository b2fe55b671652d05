/** Measures reports as a kiosk asks for them: over HTTP, 20 at once, until the file is synced; and how long the threads of the services stood still. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { cpuUs } from './cpu.ts';
import { HttpConnection, requestText } from './http-connection.ts';
import { readSamples, type Sample } from './samples.ts';
import { median, percentile } from './statistics.ts';
import { startKiosk } from './subjects.ts';

export type ReportRow = {
  reportsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** ms of CPU for each report, all services together. */
  cpuMs: number;
  /** The longest that a service's own thread could do nothing else, in ms, by service; in any round. */
  longestStallMs: Record<string, number>;
  /** Requests that the gateway refused as too many at once, and were sent again. */
  refused: number;
  rounds: Round[];
};
type Round = Omit<ReportRow, 'rounds'>;

const concurrency = 20;
const reportsPerRound = 200;
const retryAfterMs = 50;
/** What prom-client samples the event loop with: a thread that never stands still shows this much. */
const stallResolutionMs = 10;

/** Fails on any answer other than 201 with a ready report. */
export async function measureReports({ storagePath, rounds, progress }: {
  storagePath: string; rounds: number; progress: (text: string) => void;
}): Promise<ReportRow> {
  mkdirSync(storagePath, { recursive: true });
  await using kiosk = await startKiosk({ storagePath });
  using stack = new DisposableStack();
  const connections = await Promise.all(Array.from({ length: concurrency }, () => HttpConnection.open(kiosk.port)));
  for (const connection of connections) stack.defer(() => connection.close());
  const samples = readSamples();

  const measured: Round[] = [];
  progress('warming up: reports over HTTP');
  await round();
  for (let index = 0; index < rounds; index += 1) {
    progress(`round ${index + 1} of ${rounds}: reports over HTTP`);
    measured.push(await round());
  }
  const names = Object.keys(kiosk.pids);
  return {
    reportsPerSecond: median(measured.map(({ reportsPerSecond }) => reportsPerSecond)),
    p50Ms: median(measured.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(measured.map(({ p99Ms }) => p99Ms)),
    cpuMs: median(measured.map(({ cpuMs }) => cpuMs)),
    longestStallMs: Object.fromEntries(names.map((name) => [name, Math.max(...measured.map(({ longestStallMs }) => longestStallMs[name] ?? 0))])),
    refused: median(measured.map(({ refused }) => refused)),
    rounds: measured,
  };

  async function round(): Promise<Round> {
    const requests: string[] = [];
    for (let index = 0; index < reportsPerRound; index += 1) requests.push(await requestFor(samples[index % samples.length]!));
    await stallsMs();
    const cpuBefore = usedUs();
    const startedAt = performance.now();
    const latenciesMs: number[] = [];
    let refused = 0;
    await Promise.all(connections.map(async (connection) => {
      for (let request = requests.pop(); request !== undefined; request = requests.pop()) {
        const sentAt = performance.now();
        let { status, body } = await connection.send(request);
        // A kiosk whose request is refused sends it again; the wait is part of its latency.
        for (; status === 503 && body.includes('"overloaded"'); refused += 1) {
          await setTimeout(retryAfterMs);
          ({ status, body } = await connection.send(request));
        }
        latenciesMs.push(performance.now() - sentAt);
        if (status !== 201 || !body.includes('"status":"ready"')) throw new Error(`expected a ready report, got ${status}: ${body}`);
      }
    }));
    const seconds = (performance.now() - startedAt) / 1000;
    const cpuMs = (usedUs() - cpuBefore) / 1000 / latenciesMs.length;
    const longestStallMs = await stallsMs();
    latenciesMs.sort((a, b) => a - b);
    return {
      reportsPerSecond: latenciesMs.length / seconds, p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99), cpuMs, longestStallMs, refused,
    };
  }

  /** Each report is for a visit of its own. */
  async function requestFor({ type, data }: Sample): Promise<string> {
    const session = requestText({ method: 'POST', path: '/api/sessions', body: { type, contact: { email: 'visitor@example.com' } } });
    const { status, body } = await connections[0]!.send(session);
    const id = /"id":"(ses_[^"]+)"/.exec(body)?.[1];
    if (status !== 201 || id === undefined) throw new Error(`expected a session, got ${status}: ${body}`);
    return requestText({
      method: 'POST', path: `/api/reports/${type}`, headers: { 'idempotency-key': randomUUID() }, body: { data: { ...data, sessionId: id } },
    });
  }

  function usedUs(): number {
    return Object.values(kiosk.pids).reduce((sum, pid) => sum + cpuUs(pid), 0);
  }

  /** Since the last call: each reading of the metrics begins anew. */
  async function stallsMs(): Promise<Record<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${kiosk.port}/metrics`)).text();
    return Object.fromEntries(Array.from(text.matchAll(/^nodejs_eventloop_lag_max_seconds\{service="(\w+)"\} (\S+)/gm), ([, service, seconds]) => [
      service, Math.max(0, 1000 * Number(seconds) - stallResolutionMs),
    ]));
  }
}
