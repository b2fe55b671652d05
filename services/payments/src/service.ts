/** The wiring: builds everything, in the order in which it is needed, and stops it in reverse. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { SessionsService, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { openDatabase } from '@kiosk/database';
import { Fault } from '@kiosk/fault';
import { connect, startServer, type Rpc } from '@kiosk/rpc';
import { createLog, createMetrics, observeCalls, startHealth, startJob, startTracing, type Log, type Running } from '@kiosk/service';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PaymentsConfig } from './config.ts';
import { createEvents } from './events.ts';
import { paymentsOverGrpc, sessionsOf } from './grpc.ts';
import { createJanitor } from './janitor.ts';
import { createPayments } from './payments.ts';
import { createDevPsp } from './psp-dev.ts';
import type { Psp } from './psp.ts';
import { createSettlement } from './settlement.ts';
import { stepwiseDatabase, stepwisePsp, type Around } from './steps.ts';
import { Store, type Origin, type Tables } from './store.ts';

export { paymentsSettings } from './config.ts';

export interface PaymentsService extends Running {
  readonly grpcPort: number;
  readonly metricsPort: number;
  /** Does what is due now; the job does so every PAYMENT_POLL_INTERVAL_MS. */
  work(): Promise<void>;
}

export type PaymentsOptions = {
  config: PaymentsConfig;
  now?: () => number;
  log?: Log & AsyncDisposable;
  /** Stands in for the sessions service. */
  sessions?: Rpc<SessionsServer>;
  /** See steps.ts. */
  around?: Around;
};

const hourMs = 3_600_000;
/** A kiosk repeats a request within minutes; a week is generous. */
const keyRetentionMs = 7 * 24 * hourMs;
const janitorOrigin: Origin = { requestId: 'janitor', caller: { role: 'service', name: 'payments' } };

export async function startPayments({
  config, now = Date.now, log = createLog({ service: 'payments', level: config.logLevel }), sessions, around = (_, run) => run(),
}: PaymentsOptions): Promise<PaymentsService> {
  await using starting = new AsyncDisposableStack();
  const metrics = createMetrics({ service: 'payments' });
  const observe = observeCalls(metrics);
  const { tracer } = starting.use(await startTracing({ service: 'payments', endpoint: config.otlpEndpoint, protocol: config.otlpProtocol }));
  mkdirSync(config.storagePath, { recursive: true });
  const database = starting.use(await openDatabase<Tables>({
    path: join(config.storagePath, 'payments.sqlite'),
    migrations: new URL('../migrations/', import.meta.url),
    now,
    onFatal: (error) => {
      log.error({ error }, 'the database failed; the process stops');
      // Not an exit: what waits for an answer gets "unknown" first.
      process.kill(process.pid, 'SIGTERM');
    },
  }));
  const rows = stepwiseDatabase(database, around);
  const store = new Store({ rows, events: createEvents({ log, metrics, now, env: config.env }) });
  const devPsp = createDevPsp({ rows, now, autoConfirmDelayMs: config.devAutoConfirmDelayMs });
  const psp = stepwisePsp<Psp>(devPsp, around);
  const getSession = sessionsOf(sessions ?? starting.use(connect<SessionsServer>({
    definition: SessionsService, address: config.sessionsAddress, peer: 'sessions', descriptors, tracer, observe, timeoutMs: 5000,
  })));
  const settlement = createSettlement({
    store, psp, log, now,
    isSessionActive: (sessionId) => getSession(sessionId, janitorOrigin).then(({ active }) => active, (error: unknown) => {
      // Deleted long ago is as gone as it gets.
      if (error instanceof Fault && error.kind === 'not_found') return false;
      throw error;
    }),
  });
  starting.defer(settlement.drain);
  const work = createJanitor({ store, settlement, now });
  const payments = createPayments({
    store, psp, devPsp, settlement, getSession, prices: config.prices, ttlMs: config.ttlMs, submitWaitMs: config.submitWaitMs, now,
  });

  await store.releaseClaims(now());
  starting.use(startJob({ name: 'janitor', intervalMs: config.pollIntervalMs, run: work, log }));
  starting.use(startJob({
    name: 'retention', intervalMs: hourMs, log,
    run: () => store.deleteOld({ auditBefore: now() - config.auditRetentionMs, keysBefore: now() - keyRetentionMs }),
  }));
  const server = starting.use(await startServer({
    host: config.grpcHost, port: config.grpcPort, services: [paymentsOverGrpc(payments)], descriptors, tracer, observe,
    onError: (error, { method, requestId }) => log.error({ error, method, requestId }, 'a call failed'),
  }));
  const health = starting.use(await startHealth({ host: config.metricsHost, port: config.metricsPort, metrics, ready: () => ({ database: 'ok' }) }));

  const running = starting.move();
  return {
    ready: `payments ready: gRPC ${config.grpcHost}:${server.port}, metrics ${config.metricsHost}:${health.port}, provider ${psp.name}`,
    log,
    grpcPort: server.port,
    metricsPort: health.port,
    work,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
