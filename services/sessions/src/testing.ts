/** The service whole, on a temporary database and free ports, driven through its real client, with a clock that a test moves. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { SessionsService, type Session, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { openDatabase } from '@kiosk/database';
import { connect, type Call, type Caller, type Client } from '@kiosk/rpc';
import { createLog } from '@kiosk/service';
import { trace } from '@opentelemetry/api';
import { CompiledQuery } from 'kysely';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from './config.ts';
import { startSessions, type SessionsService as RunningSessions } from './service.ts';
import type { Tables } from './store.ts';

export const startOfTest = Date.UTC(2026, 6, 1, 9);
export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
export const migrations = new URL('../migrations/', import.meta.url);

export type Fixture = AsyncDisposable & {
  client: Client<SessionsServer>;
  clock: { now: number };
  log: string[];
  databasePath: string;
  /** The service as it runs now. */
  service: () => RunningSessions;
  stop: () => Promise<void>;
  start: () => Promise<void>;
  /** Runs SQL on a connection of its own, beside the service. */
  sql: (text: string, ...values: (string | number)[]) => Promise<Record<string, unknown>[]>;
  /** The value of one line of /metrics, 0 without one. */
  metric: (series: string) => Promise<number>;
  open: (request?: Partial<Parameters<Client<SessionsServer>['createSession']>[0]>, call?: Partial<Call>) => Promise<Session>;
};

export function kiosk(name: string): Partial<Call> & { caller: Caller } {
  return { caller: { role: 'kiosk', name } };
}

export async function startFixture(settings: Record<string, string> = {}): Promise<Fixture> {
  const storagePath = mkdtempSync(join(tmpdir(), 'kiosk-sessions-'));
  const config = readConfig({
    STORAGE_PATH: storagePath, SESSIONS_GRPC_PORT: '0', SESSIONS_METRICS_PORT: '0', LOG_LEVEL: 'info',
    // Tests sweep by hand.
    SESSION_SWEEP_INTERVAL_MS: String(hourMs),
    ...settings,
  });
  const clock = { now: startOfTest };
  const lines: string[] = [];
  const log = createLog({ service: 'sessions', level: 'info', destination: { write: (line) => lines.push(line) } });
  let port = 0;
  let service: RunningSessions | undefined;
  const start = async (): Promise<void> => {
    service = await startSessions({ config: { ...config, grpcPort: port }, now: () => clock.now, log });
    port = service.grpcPort;
  };
  const stop = async (): Promise<void> => {
    await service?.[Symbol.asyncDispose]();
    service = undefined;
  };
  await start();
  const beside = await openDatabase<Tables>({ path: join(storagePath, 'sessions.sqlite'), migrations, onFatal: (error) => { throw error; } });
  const client = connect<SessionsServer>({
    definition: SessionsService, address: `127.0.0.1:${port}`, peer: 'sessions', descriptors, tracer: trace.getTracer('off'), observe: () => {},
  });
  return {
    client, clock, stop, start,
    log: lines,
    databasePath: join(storagePath, 'sessions.sqlite'),
    service: () => service!,
    async sql(text, ...values) {
      const query = CompiledQuery.raw(text, values);
      const run = /^SELECT/.test(text) ? beside.read.executeQuery<Record<string, unknown>>(query) : beside.transaction((tx) => tx.db.executeQuery<Record<string, unknown>>(query));
      return (await run).rows;
    },
    async metric(series) {
      const text = await (await fetch(`http://127.0.0.1:${service!.metricsPort}/metrics`)).text();
      const [name, labels = ''] = series.split(/[{}]/) as [string, string?];
      const line = text.split('\n').find((one) => one.startsWith(`${name}{`) && labels.split(',').every((label) => one.includes(label)));
      return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
    },
    async open(request, call) {
      const { session } = await client.createSession({ type: 'SESSION_TYPE_THICKNESS', idempotencyKey: '', metadataJson: '', ...request }, call);
      return session!;
    },
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await stop();
      await beside[Symbol.asyncDispose]();
      rmSync(storagePath, { recursive: true, force: true });
    },
  };
}

/** What a call fails with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the call was expected to fail');
}
