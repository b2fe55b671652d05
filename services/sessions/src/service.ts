/** The wiring: builds everything, in the order in which it is needed, and stops it in reverse. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { openDatabase } from '@kiosk/database';
import { startServer, type Inside } from '@kiosk/rpc';
import { Changes, createLog, createMetrics, observeCalls, observeStorage, readErasedSessions, startHealth, startJob, startTracing, type Log, type Running } from '@kiosk/service';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionsConfig } from './config.ts';
import { ErasureStore } from './erasure-store.ts';
import { createErasure } from './erasure.ts';
import { createEvents } from './events.ts';
import { sessionsOverGrpc } from './grpc.ts';
import { createSessions } from './sessions.ts';
import { Store, type Origin, type Tables } from './store.ts';

export interface SessionsService extends Running {
  readonly grpcPort: number;
  readonly metricsPort: number;
  /** Records overdue sessions as expired now; the job does so every SESSION_SWEEP_INTERVAL_MS. */
  sweep(): Promise<void>;
  /** Deletes what is past its retention now; the job does so hourly. */
  retain(): Promise<void>;
}

export type SessionsOptions = { config: SessionsConfig; now?: () => number; log?: Log & AsyncDisposable; inside?: Inside };

const retentionIntervalMs = 3_600_000;
const erasureIntervalMs = 60_000;
/** A kiosk repeats a request within minutes; a week is generous. */
const keyRetentionMs = 7 * 24 * 3_600_000;
const sweeper: Origin = { requestId: 'sweep', caller: { role: 'service', name: 'sessions' } };

export async function startSessions({ config, now = Date.now, log = createLog({ service: 'sessions', level: config.logLevel, format: config.logFormat }), inside }: SessionsOptions): Promise<SessionsService> {
  await using starting = new AsyncDisposableStack();
  const metrics = createMetrics({ service: 'sessions' });
  const tracing = starting.use(await startTracing({ service: 'sessions', endpoint: config.otlpEndpoint, protocol: config.otlpProtocol }));
  mkdirSync(config.storagePath, { recursive: true, mode: 0o700 });
  observeStorage(metrics, config.storagePath);
  const database = starting.use(await openDatabase<Tables>({
    path: join(config.storagePath, 'sessions.sqlite'),
    migrations: new URL('../migrations/', import.meta.url),
    now,
    onFatal: (error) => {
      log.error({ error }, 'the database failed; the process stops');
      // Not an exit: what waits for an answer gets "unknown" first.
      process.kill(process.pid, 'SIGTERM');
    },
  }));
  const changes = new Changes();
  const events = createEvents({ log, metrics, changes, now, countActive: () => store.countActive(now()) });
  const store: Store = new Store({ database, events });
  const sessions = createSessions({ store, changes, now, defaultTtlMs: config.ttlMs, consentRequired: config.consentRequired });
  const erasure = createErasure({
    store: new ErasureStore({ rows: database, events }), scrub: (options) => database.scrub(options), contactRetentionMs: config.contactRetentionMs, log, now,
  });

  const sweep = async (): Promise<void> => {
    await store.expireDue(now(), sweeper);
  };
  const retain = async (): Promise<void> => {
    const at = now();
    const count = await store.deleteOld({
      unfinishedBefore: at - config.retentionMs, completedBefore: at - config.completedRetentionMs,
      keysBefore: at - keyRetentionMs, auditBefore: at - config.auditRetentionMs, now: at,
    });
    if (count > 0) log.info({ job: 'retention', count }, 'old sessions deleted');
    await erasure.eraseOld({ deleted: count });
  };
  await erasure.eraseRestored(readErasedSessions(config.storagePath));
  starting.use(startJob({ name: 'sweep', intervalMs: config.sweepIntervalMs, run: sweep, log }));
  starting.use(startJob({ name: 'erasures', intervalMs: erasureIntervalMs, run: () => erasure.resume(), log }));
  starting.use(startJob({ name: 'retention', intervalMs: retentionIntervalMs, run: retain, log }));

  const server = starting.use(await startServer({
    inside,
    host: config.grpcHost, port: config.grpcPort, tls: config.serverTls, services: [sessionsOverGrpc({ sessions, erasure, store })], descriptors,
    tracer: tracing.tracer,
    observe: observeCalls(metrics, log),
    onError: (error, { method, requestId }) => log.error({ error, method, requestId }, 'a call failed'),
  }));
  const health = starting.use(await startHealth({ host: config.metricsHost, port: config.metricsPort, metrics, ready: () => ({ database: 'ok' }) }));

  const running = starting.move();
  return {
    ready: `sessions ready: gRPC ${config.grpcHost}:${server.port}, metrics ${config.metricsHost}:${health.port}`,
    log,
    grpcPort: server.port,
    metricsPort: health.port,
    sweep,
    retain,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
