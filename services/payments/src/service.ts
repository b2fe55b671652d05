/** The wiring: builds everything, in the order in which it is needed, and stops it in reverse. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { SessionsService, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { openDatabase } from '@kiosk/database';
import { Fault } from '@kiosk/fault';
import { connect, startServer, type Inside } from '@kiosk/rpc';
import { Changes, createLog, createMetrics, observeCalls, observeStorage, readErasedSessions, startHealth, startJob, startTracing, type Log, type Running } from '@kiosk/service';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { watchBackups } from './backup-watch.ts';
import type { PaymentsConfig } from './config.ts';
import { ErasureStore } from './erasure-store.ts';
import { createErasure } from './erasure.ts';
import { createEvents } from './events.ts';
import { erasuresOf, paymentsOverGrpc, sessionsOf, type SessionsPeer } from './grpc.ts';
import { askingRestMs, createJanitor } from './janitor.ts';
import { createInbox } from './inbox.ts';
import { createPayments } from './payments.ts';
import { createDevPsp } from './psp-dev.ts';
import { createYooKassa } from './psp-yookassa.ts';
import type { Psp } from './psp.ts';
import { createReconciliation } from './reconciliation.ts';
import { RefundStore } from './refund-store.ts';
import { createRefunds } from './refunds.ts';
import { createServiceWatch } from './service-watch.ts';
import { createSettlement } from './settlement.ts';
import { stepwisePsp, stepwiseRows, type Around } from './steps.ts';
import { Store } from './store.ts';
import type { Origin, Tables } from './tables.ts';
import { UnfinishedStore } from './unfinished-store.ts';
import { measureUnfinished } from './unfinished.ts';

export { paymentsSettings } from './config.ts';

export interface PaymentsService extends Running {
  readonly grpcPort: number;
  readonly metricsPort: number;
  /** Does what is due now; the job does so every PAYMENT_POLL_INTERVAL_MS. */
  work(): Promise<void>;
  /** Takes up erasures that this service has not heard of, and finishes those under way; a job does so every minute. */
  eraseAsked(): Promise<void>;
  /** Erases what has been kept for long enough; a job does so every hour. */
  forget(): Promise<void>;
}

export type PaymentsOptions = {
  config: PaymentsConfig;
  now?: () => number;
  log?: Log & AsyncDisposable;
  /** Where the other services are in this process too. */
  inside?: Inside;
  /** Stands in for the sessions service. */
  sessions?: SessionsPeer;
  /** Stands in for the PSP that the settings name. */
  psp?: Psp;
  /** See steps.ts. */
  around?: Around;
};

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** A kiosk repeats a request within minutes; a week is generous. */
const keyRetentionMs = 7 * 24 * hourMs;
/** Of the ten seconds that a process has to stop. */
const stopPatienceMs = 3000;
const janitorOrigin: Origin = { requestId: 'janitor', caller: { role: 'service', name: 'payments' } };

export async function startPayments({
  config, now = Date.now, log = createLog({ service: 'payments', level: config.logLevel, format: config.logFormat }), inside, sessions, psp: otherPsp, around = (_, run) => run(),
}: PaymentsOptions): Promise<PaymentsService> {
  await using starting = new AsyncDisposableStack();
  const metrics = createMetrics({ service: 'payments' });
  const observe = observeCalls(metrics, log);
  const { tracer } = starting.use(await startTracing({ service: 'payments', endpoint: config.otlpEndpoint, protocol: config.otlpProtocol }));
  mkdirSync(config.storagePath, { recursive: true, mode: 0o700 });
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
  const rows = stepwiseRows(database, around);
  const changes = new Changes();
  const events = createEvents({ log, metrics, changes, now, env: config.env });
  observeStorage(metrics, config.storagePath);
  const stopping = new AbortController();
  const devPsp = !otherPsp && config.provider === 'dev' ? createDevPsp({ rows, now, autoConfirmDelayMs: config.devAutoConfirmDelayMs }) : undefined;
  const psp = stepwisePsp<Psp>(otherPsp ?? devPsp ?? createYooKassa({ ...config.yookassa, tracer, stopping: stopping.signal }), around);
  measureUnfinished({ store: new UnfinishedStore({ rows }), metrics, now, env: config.env, provider: psp.name });
  const refundStore = new RefundStore({ rows, events, psp });
  const store = new Store({ rows, events, refunds: refundStore, serveCheckDelayMs: config.refundUnservedAfterMs });
  const sessionsPeer = sessions ?? starting.use(connect<SessionsServer>({
    inside, definition: SessionsService, address: config.sessionsAddress, peer: 'sessions', tls: config.tls, descriptors, tracer, observe, timeoutMs: 5000,
  }));
  const getSession = sessionsOf(sessionsPeer);
  const settlement = createSettlement({
    store, psp, log, now,
    isSessionActive: (sessionId) => getSession(sessionId, janitorOrigin).then(({ ended }) => ended === undefined, (error: unknown) => {
      // Deleted long ago is as gone as it gets.
      if (error instanceof Fault && error.kind === 'not_found') return false;
      throw error;
    }),
  });
  starting.defer(() => settlement.drain());
  const refunds = createRefunds({ store: refundStore, psp, log, now, submitWaitMs: config.submitWaitMs, misconfigured: settlement.misconfigured });
  starting.defer(() => refunds.drain());
  const payments = createPayments({
    store, refundStore, changes, psp, devPsp, settlement, getSession, prices: config.prices, priceList: config.priceList, ttlMs: config.ttlMs, submitWaitMs: config.submitWaitMs, now,
  });
  const inbox = createInbox({
    rows, store, refundStore, psp, settlement, refunds, events, now, allowedAddresses: config.allowedAddresses,
    wake: () => {
      janitorJob.wake();
      inboxJob.wake();
    },
  });
  const erasure = createErasure({
    store: new ErasureStore({ rows, events, store }), listErasures: erasuresOf(sessionsPeer), scrub: (options) => database.scrub(options),
    customerRetentionMs: config.customerRetentionMs, log, now,
  });
  const serviceWatch = createServiceWatch({ rows, refunds: refundStore, events, getSession, now, graceMs: config.refundUnservedAfterMs ?? 0 });
  const reconciliation = createReconciliation({ rows, store, refundStore, psp, settlement, events, now });
  const janitor = createJanitor({ store, refundStore, settlement, refunds, log, now, again: () => janitorJob.wake() });
  starting.defer(() => janitor.settled().then(() => {}));
  const work = async (): Promise<void> => {
    await janitor.work();
    await inbox.meetStrangers();
    await serviceWatch.check();
  };

  const forget = async (): Promise<void> => {
    const at = now();
    await store.deleteOld({ auditBefore: at - config.auditRetentionMs, keysBefore: at - keyRetentionMs, now: at });
    await inbox.deleteOld(at - config.notificationRetentionMs);
    await erasure.eraseOld();
  };

  await store.releaseClaims(now());
  await refundStore.releaseClaims(now());
  await erasure.eraseRestored(readErasedSessions(config.storagePath));
  const every = (name: string, intervalMs: number, run: () => Promise<void>, restMs = 0) => starting.use(startJob({ name, intervalMs, restMs, run, log }));
  const janitorJob = every('janitor', config.pollIntervalMs, () => janitor.begin().then(() => {}), askingRestMs);
  const inboxJob = every('inbox', config.pollIntervalMs, () => inbox.meetStrangers(), askingRestMs);
  every('service-watch', minuteMs, () => serviceWatch.check());
  every('reconciliation', 10 * minuteMs, () => reconciliation.reconcileDaily());
  every('erasures', minuteMs, () => erasure.resume());
  every('retention', hourMs, forget);
  if (config.backupAgeLimitMs > 0) starting.use(watchBackups({ storagePath: config.storagePath, limitMs: config.backupAgeLimitMs, metrics, log, now }));
  const server = starting.use(await startServer({
    inside,
    host: config.grpcHost, port: config.grpcPort, tls: config.serverTls, services: [paymentsOverGrpc({ payments, erasure, refunds, inbox, recordService: (service) => serviceWatch.record(service), reconcile: reconciliation.reconcile, store })], descriptors, tracer, observe,
    onError: (error, { method, requestId }) => log.error({ error, method, requestId }, 'a call failed'),
  }));
  const health = starting.use(await startHealth({ host: config.metricsHost, port: config.metricsPort, metrics, ready: () => ({ database: 'ok' }) }));

  // The first to happen at a stop: what the PSP still has to say is waited for a little, and is unknown then; it is asked for after the next start.
  starting.defer(() => void setTimeout(() => stopping.abort(), stopPatienceMs).unref());

  const running = starting.move();
  return {
    ready: `payments ready: gRPC ${config.grpcHost}:${server.port}, metrics ${config.metricsHost}:${health.port}, provider ${psp.name}`,
    log,
    grpcPort: server.port,
    metricsPort: health.port,
    work,
    eraseAsked: () => erasure.resume(),
    forget,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
