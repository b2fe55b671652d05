/** The wiring: builds everything, in the order in which it is needed, and stops it in reverse. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { PaymentsService, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { SessionsService, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { openDatabase } from '@kiosk/database';
import { connect, startServer } from '@kiosk/rpc';
import { createLog, createMetrics, observeCalls, startHealth, startJob, startTracing, type Job, type Log, type Running } from '@kiosk/service';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportingConfig } from './config.ts';
import { createDeliveries, lanesPerChannel } from './deliveries.ts';
import { channels } from './delivery.ts';
import { DeliveryStore } from './delivery-store.ts';
import { lookUpDtc } from './dictionary.ts';
import { createDevEmail } from './email-dev.ts';
import type { Email } from './email.ts';
import { createEvents } from './events.ts';
import { ReportFiles } from './files.ts';
import { createGate } from './gate.ts';
import { paymentsOf, reportingOverGrpc, visitsOf, type PaymentsPeer, type SessionsPeer } from './grpc.ts';
import { PdfPool } from './pdf/pool.ts';
import { templateVersion } from './pdf/render.ts';
import { Rendering, type Pdf } from './rendering.ts';
import { createReports } from './reports.ts';
import { createServiceRecord } from './service-record.ts';
import { createDevSms } from './sms-dev.ts';
import type { Sms } from './sms.ts';
import { stepwiseFiles, stepwisePdf, stepwiseRows, stepwiseSender, type Around } from './steps.ts';
import { Store } from './store.ts';
import type { Tables } from './tables.ts';

export { reportingSettings } from './config.ts';

export interface ReportingService extends Running {
  readonly grpcPort: number;
  readonly metricsPort: number;
  /** Sends what is due now and waits for what is under way; jobs do so every DELIVERY_POLL_INTERVAL_MS and whenever something becomes due. */
  deliverDue(): Promise<void>;
  /** Renders what was left unfinished; a job does so every few seconds. */
  resumeRendering(): Promise<void>;
  /** Tells payments of visits that have their report; a job does so every few seconds. */
  recordServices(): Promise<void>;
}

export type ReportingOptions = {
  config: ReportingConfig;
  now?: () => number;
  log?: Log & AsyncDisposable;
  /** Stand in for the providers that the settings name. */
  email?: Email;
  sms?: Sms;
  /** Stand in for the other services. */
  sessions?: SessionsPeer;
  payments?: PaymentsPeer;
  /** Stands in for the worker threads. */
  pdf?: Pdf;
  /** From 0 to 1: how long a delivery waits within the longest pause. */
  random?: () => number;
  /** See steps.ts. */
  around?: Around;
};

const resumeIntervalMs = 10_000;
const leaseIntervalMs = 15_000;
const hourMs = 3_600_000;
/** A kiosk repeats a request within minutes; a week is generous. */
const keyRetentionMs = 7 * 24 * hourMs;

export async function startReporting({
  config, now = Date.now, log = createLog({ service: 'reporting', level: config.logLevel }), random = Math.random, around = (_, run) => run(),
  ...standIns
}: ReportingOptions): Promise<ReportingService> {
  await using starting = new AsyncDisposableStack();
  const metrics = createMetrics({ service: 'reporting' });
  const observe = observeCalls(metrics);
  const { tracer } = starting.use(await startTracing({ service: 'reporting', endpoint: config.otlpEndpoint, protocol: config.otlpProtocol }));
  mkdirSync(config.storagePath, { recursive: true });
  const database = starting.use(await openDatabase<Tables>({
    path: join(config.storagePath, 'reporting.sqlite'),
    migrations: new URL('../migrations/', import.meta.url),
    now,
    onFatal: (error) => {
      log.error({ error }, 'the database failed; the process stops');
      // Not an exit: what waits for an answer gets "unknown" first.
      process.kill(process.pid, 'SIGTERM');
    },
  }));
  // Read now, so that the first report does not wait for the dictionary.
  lookUpDtc('P0000');
  const events = createEvents({ log, metrics, now });
  const rows = stepwiseRows(database, around);
  const store = new Store({ rows, events });
  const deliveryStore = new DeliveryStore({ rows, events });
  const peer = { descriptors, tracer, observe, timeoutMs: 5000 };
  const sessions = standIns.sessions ?? starting.use(connect<SessionsServer>({ ...peer, definition: SessionsService, address: config.sessionsAddress, peer: 'sessions' }));
  const payments = standIns.payments ?? starting.use(connect<PaymentsServer>({ ...peer, definition: PaymentsService, address: config.paymentsAddress, peer: 'payments' }));
  const getPayment = paymentsOf(payments);
  const gate = createGate({ required: config.requirePayment, getPayment, store });
  const files = stepwiseFiles(new ReportFiles({ folder: join(config.storagePath, 'reports') }), around);
  const outbox = join(config.storagePath, 'outbox');

  const dueJobs: Job[] = [];
  const onDue = (): void => {
    for (const job of dueJobs) job.wake();
  };
  const rendering = starting.use(new Rendering({
    store, files, now, log, limit: config.pdfQueueLimit, onReady: onDue,
    pdf: stepwisePdf(standIns.pdf ?? starting.use(new PdfPool({ workers: config.pdfWorkers, queueLimit: config.pdfQueueLimit })), around),
  }));
  const deliveries = createDeliveries({
    deliveries: deliveryStore, store, files, gate, from: config.emailFrom, now, random, log, tracer,
    email: stepwiseSender(standIns.email ?? createDevEmail({ folder: outbox }), around),
    sms: stepwiseSender(standIns.sms ?? createDevSms({ folder: outbox }), around),
  });
  const recordServices = createServiceRecord({ store, recordService: (service, origin) => payments.recordService(service, origin), now });
  const reports = createReports({
    store, files, rendering, gate, getVisit: visitsOf(sessions), getPayment, lookUpDtc, brand: config.brand, publicUrl: config.publicUrl,
    thicknessLimits: config.thicknessLimits, mailDomain: config.emailFrom.address.split('@')[1]!.toLowerCase(), onDue, log, now,
  });

  // Nobody else works on this database, so whatever is being sent was left by a process that is gone (D7).
  await deliveryStore.takeUpInterrupted({ now: now() });
  await store.reopenFailed(templateVersion);
  const every = (name: string, intervalMs: number, run: (signal: AbortSignal) => Promise<void>): Job => starting.use(startJob({ name, intervalMs, run, log }));
  every('rendering', resumeIntervalMs, (signal) => rendering.resume(signal));
  for (const channel of channels) {
    for (let lane = 0; lane < lanesPerChannel; lane += 1) {
      dueJobs.push(every(`deliveries-${channel}`, config.deliveryPollIntervalMs, (signal) => deliveries.work(channel, signal)));
    }
  }
  dueJobs.push(every('service-record', resumeIntervalMs, recordServices));
  every('leases', leaseIntervalMs, async () => {
    if (await deliveryStore.takeUpInterrupted({ leaseEndedBy: now(), now: now() }) > 0) onDue();
  });
  every('retention', hourMs, () => store.deleteOld({ auditBefore: now() - config.auditRetentionMs, keysBefore: now() - keyRetentionMs }));

  const server = starting.use(await startServer({
    host: config.grpcHost, port: config.grpcPort, services: [reportingOverGrpc(reports)], descriptors, tracer, observe,
    onError: (error, { method, requestId }) => log.error({ error, method, requestId }, 'a call failed'),
  }));
  const health = starting.use(await startHealth({ host: config.metricsHost, port: config.metricsPort, metrics, ready: () => ({ database: 'ok' }) }));

  const running = starting.move();
  return {
    ready: `reporting ready: gRPC ${config.grpcHost}:${server.port}, metrics ${config.metricsHost}:${health.port}, e-mail ${config.emailProvider}, SMS ${config.smsProvider}`,
    log,
    grpcPort: server.port,
    metricsPort: health.port,
    deliverDue: () => deliveries.deliverDue(),
    resumeRendering: () => rendering.resume(),
    recordServices,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
