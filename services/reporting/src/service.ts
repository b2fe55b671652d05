/** The wiring: builds everything, in the order in which it is needed, and stops it in reverse. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { PaymentsService, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { SessionsService, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { openDatabase } from '@kiosk/database';
import { connect, startServer, type Inside } from '@kiosk/rpc';
import { Changes, createLog, createMetrics, observeCalls, observeStorage, readErasedSessions, startHealth, startJob, startTracing, type Job, type Log, type Running } from '@kiosk/service';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportingConfig } from './config.ts';
import { createDeliveries, lanesPerChannel } from './deliveries.ts';
import { channels } from './delivery.ts';
import { createDeliveryList } from './delivery-list-store.ts';
import { DeliveryStore } from './delivery-store.ts';
import { lookUpDtc } from './dictionary.ts';
import type { Email } from './email.ts';
import { ErasureStore } from './erasure-store.ts';
import { createErasure } from './erasure.ts';
import { createEvents } from './events.ts';
import { ReportFiles } from './files.ts';
import { createGate } from './gate.ts';
import { erasuresOf, paymentsOf, reportingOverGrpc, visitsOf, type PaymentsPeer, type SessionsPeer } from './grpc.ts';
import { LinkStore } from './link-store.ts';
import { createLinks, readLinkKey } from './links.ts';
import { OutcomeStore } from './outcome-store.ts';
import { createOutcomes } from './outcomes.ts';
import { PdfPool } from './pdf/pool.ts';
import { templateVersion } from './pdf/report-document.ts';
import { openEmail, openSms, type Named } from './providers.ts';
import { Rendering, type Pdf } from './rendering.ts';
import { createReportLinks } from './report-links.ts';
import { createReports } from './reports.ts';
import { RerouteStore } from './reroute-store.ts';
import { createReroute } from './reroute.ts';
import { createServiceRecord } from './service-record.ts';
import type { Asked, Sms } from './sms.ts';
import { stepwiseFiles, stepwisePdf, stepwiseRows, stepwiseSender, type Around } from './steps.ts';
import { Store } from './store.ts';
import { createSweep } from './sweep.ts';
import type { Tables } from './tables.ts';
import { UnfinishedStore } from './unfinished-store.ts';
import { measureUnfinished } from './unfinished.ts';

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
  /** Tries the other channel for what one refused; a job does so when that happens, and every few seconds. */
  rerouteRefused(): Promise<void>;
  /** Asks providers what became of messages; a job does so every few seconds. */
  askProviders(): Promise<void>;
  /** Erases what has been kept for long enough; a job does so every hour. */
  forget(): Promise<void>;
  /** Takes up erasures that this service has not heard of, and finishes those under way; a job does so every minute. */
  eraseAsked(): Promise<void>;
  /** Mends files and rows that disagree, all of them; a job does so every few hours, some each minute. */
  sweep(): Promise<void>;
}

export type ReportingOptions = {
  config: ReportingConfig;
  now?: () => number;
  log?: Log & AsyncDisposable;
  /** Where the other services are in this process too. */
  inside?: Inside;
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
const askIntervalMs = 15_000;
const erasureIntervalMs = 60_000;
const hourMs = 3_600_000;
const sweepIntervalMs = 60_000;
/** A kiosk repeats a request within minutes; a week is generous. */
const keyRetentionMs = 7 * 24 * hourMs;

export async function startReporting({
  config, now = Date.now, log = createLog({ service: 'reporting', level: config.logLevel, format: config.logFormat }), inside, random = Math.random, around = (_, run) => run(),
  ...standIns
}: ReportingOptions): Promise<ReportingService> {
  await using starting = new AsyncDisposableStack();
  const metrics = createMetrics({ service: 'reporting' });
  const observe = observeCalls(metrics, log);
  const { tracer } = starting.use(await startTracing({ service: 'reporting', endpoint: config.otlpEndpoint, protocol: config.otlpProtocol }));
  mkdirSync(config.storagePath, { recursive: true, mode: 0o700 });
  observeStorage(metrics, config.storagePath);
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
  const changes = new Changes();
  const events = createEvents({ log, metrics, changes, now });
  const rows = stepwiseRows(database, around);
  const store = new Store({ rows, events });
  measureUnfinished({ store: new UnfinishedStore({ rows }), metrics, now });
  const links = createLinks({ key: readLinkKey(join(config.storagePath, 'report-links.key')), publicUrl: config.publicUrl, ttlMs: config.linkTtlMs });
  const deliveryStore = new DeliveryStore({ rows, events, links });
  const peer = { inside, tls: config.tls, descriptors, tracer, observe, timeoutMs: 5000 };
  const sessions = standIns.sessions ?? starting.use(connect<SessionsServer>({ ...peer, definition: SessionsService, address: config.sessionsAddress, peer: 'sessions' }));
  const payments = standIns.payments ?? starting.use(connect<PaymentsServer>({ ...peer, definition: PaymentsService, address: config.paymentsAddress, peer: 'payments' }));
  const getPayment = paymentsOf(payments);
  const gate = createGate({ required: config.requirePayment, getPayment, store });
  const wholeFiles = new ReportFiles({ folder: join(config.storagePath, 'reports') });
  const files = stepwiseFiles(wholeFiles, around);
  const outbox = join(config.storagePath, 'outbox');

  const email: Named<Email>[] = standIns.email
    ? [{ name: 'stand-in', sender: standIns.email }]
    : config.emailProviders.map((provider) => openEmail(provider, { outbox }));
  for (const { sender } of email) if (Symbol.asyncDispose in sender) starting.use(sender as Email & AsyncDisposable);
  const sms: Named<Sms & Partial<Asked>>[] = standIns.sms
    ? [{ name: 'stand-in', sender: standIns.sms }]
    : await Promise.all(config.smsProviders.map(async (provider) => openSms(provider, { outbox })));

  const dueJobs: Job[] = [];
  const onDue = (): void => {
    for (const job of dueJobs) job.wake();
  };
  const pdf = stepwisePdf(standIns.pdf ?? starting.use(new PdfPool({ workers: config.pdfWorkers, queueLimit: config.pdfQueueLimit })), around);
  const rendering = starting.use(new Rendering({ store, files, pdf, now, log, limit: config.pdfQueueLimit, onReady: onDue }));
  const getVisit = visitsOf(sessions);
  const mailDomain = config.emailFrom.address.split('@')[1]!.toLowerCase();
  const rerouteRefused = createReroute({ store: new RerouteStore({ rows, events }), getVisit, mailDomain, onDue, log, now });
  const deadJobs: Job[] = [];
  const onDead = (): void => {
    for (const job of deadJobs) job.wake();
  };
  const outcomes = createOutcomes({
    store: new OutcomeStore({ rows, events }), callbacks: config.callbacks, onDead, log, now,
    asked: new Map(sms.flatMap(({ name, sender: { report } }) => (report ? [[name, { report }]] : []))),
  });
  const deliveries = createDeliveries({
    deliveries: deliveryStore, store, files, gate, links, from: config.emailFrom, smsDailyLimitPerPhone: config.smsDailyLimitPerPhone, now, random, log, tracer,
    email: email.map(({ name, sender }) => ({ name, sender: stepwiseSender(sender, around) })),
    sms: sms.map(({ name, sender }) => ({ name, sender: stepwiseSender(sender, around), isAskedLater: sender.report !== undefined })),
    onDead,
  });
  const recordServices = createServiceRecord({ store, recordService: (service, origin) => payments.recordService(service, origin), now });
  const reports = createReports({
    store, changes, files, rendering, gate, getVisit, getPayment, lookUpDtc, brand: config.brand, publicUrl: config.publicUrl,
    thicknessLimits: config.thicknessLimits, mailDomain, consentRequired: config.consentRequired, onDue, log, now,
  });
  const reportLinks = createReportLinks({ links: new LinkStore({ rows, events }), store, reports, now });
  const erasureStore = new ErasureStore({ rows, events });
  const erasure = createErasure({
    store: erasureStore, files: wholeFiles, listErasures: erasuresOf(sessions), scrub: (options) => database.scrub(options),
    reportRetentionMs: config.reportRetentionMs, contactRetentionMs: config.contactRetentionMs, log, now,
  });
  const sweep = createSweep({ rows: erasureStore, store, files: wholeFiles, pdf, events, log, now });
  const forget = async (signal?: AbortSignal): Promise<void> => {
    await store.deleteOld({ auditBefore: now() - config.auditRetentionMs, keysBefore: now() - keyRetentionMs, now: now(), signal });
    await erasure.eraseOld(signal);
  };

  // Nobody else works on this database, so whatever is being sent was left by a process that is gone (D7).
  await deliveryStore.takeUpInterrupted({ now: now() });
  await store.reopenFailed(templateVersion);
  await erasure.eraseRestored(readErasedSessions(config.storagePath));
  const jobs: Job[] = [];
  // All at the same time: each may need some of the ten seconds for what is under way.
  const stopJobs = async (): Promise<void> => void await Promise.all(jobs.map((job) => job[Symbol.asyncDispose]()));
  starting.defer(stopJobs);
  const every = (name: string, intervalMs: number, run: (signal: AbortSignal) => Promise<void>): Job => {
    const job = startJob({ name, intervalMs, run, log });
    jobs.push(job);
    return job;
  };
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
  deadJobs.push(every('reroute', resumeIntervalMs, rerouteRefused));
  every('outcomes', askIntervalMs, (signal) => outcomes.askDue(signal));
  every('erasures', erasureIntervalMs, (signal) => erasure.resume(signal));
  every('retention', hourMs, forget);
  every('sweep', sweepIntervalMs, (signal) => sweep.some(signal));

  const server = starting.use(await startServer({
    inside,
    host: config.grpcHost, port: config.grpcPort, tls: config.serverTls, services: [reportingOverGrpc({
      reports, links: reportLinks, listDeliveries: createDeliveryList({ rows }), outcomes, erasure, store, issuer: config.brand.name,
    })], descriptors, tracer, observe,
    onError: (error, { method, requestId }) => log.error({ error, method, requestId }, 'a call failed'),
  }));
  const health = starting.use(await startHealth({ host: config.metricsHost, port: config.metricsPort, metrics, ready: () => ({ database: 'ok' }) }));

  // The first to happen at a stop: the jobs begin nothing more while calls are still answered.
  starting.defer(() => void stopJobs());

  const running = starting.move();
  return {
    ready: `reporting ready: gRPC ${config.grpcHost}:${server.port}, metrics ${config.metricsHost}:${health.port}, e-mail ${namesOf(config.emailProviders)}, SMS ${namesOf(config.smsProviders)}`,
    log,
    grpcPort: server.port,
    metricsPort: health.port,
    deliverDue: () => deliveries.deliverDue(),
    resumeRendering: () => rendering.resume(),
    recordServices: () => recordServices(),
    rerouteRefused: () => rerouteRefused(),
    askProviders: () => outcomes.askDue(),
    forget: () => forget(),
    eraseAsked: () => erasure.resume(),
    sweep: () => sweep.all(new AbortController().signal),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function namesOf(providers: readonly { name: string }[]): string {
  return providers.map(({ name }) => name).join(', then ');
}
