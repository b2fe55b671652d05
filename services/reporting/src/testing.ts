/** For the tests: the service, whole, on a temporary folder, with its real client, time by hand, and stand-ins for the other services and the providers. */
import { descriptors } from '@kiosk/contracts/descriptors';
import {
  DtcStatus, ReportingService, Severity, VehicleType,
  type CreateDiagnosticsReportRequest, type CreateThicknessReportRequest, type Diagnostics, type Report, type ReportingServer, type Thickness,
} from '@kiosk/contracts/reporting/v1/reporting';
import { SessionStatus, SessionType, type Session } from '@kiosk/contracts/sessions/v1/sessions';
import { newId } from '@kiosk/database';
import { Fault, notFound } from '@kiosk/fault';
import { connect, type Call, type Client } from '@kiosk/rpc';
import { createLog, startTracing } from '@kiosk/service';
import { createHash } from 'node:crypto';
import { mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { readConfig } from './config.ts';
import type { Email, EmailMessage } from './email.ts';
import type { PaymentsPeer, SessionsPeer } from './grpc.ts';
import type { Pdf } from './rendering.ts';
import { startReporting, type ReportingOptions, type ReportingService as Running } from './service.ts';
import type { Sms, SmsMessage } from './sms.ts';

export const migrations = new URL('../migrations/', import.meta.url);
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

export type Clock = { now: () => number; advance: (ms: number) => void };

/** Time stands still until it is moved. */
export function startClock(at = Date.UTC(2026, 10, 20, 9)): Clock {
  let now = at;
  return {
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}

export function temporaryFolder() {
  return mkdtempDisposableSync(join(tmpdir(), 'reporting-'));
}

export type Visits = {
  sessions: SessionsPeer;
  payments: PaymentsPeer;
  open(session?: Partial<Session>): string;
  set(id: string, change: Partial<Session>): void;
  /** The operator has the customer erased, and the sessions service remembers it. */
  askErasure(id: string): void;
  pay(id: string): void;
  refund(id: string): void;
  /** Each call to either service fails so; undefined: they answer again. */
  fail(fault: Fault | undefined): void;
  /** The calls to sessions, as they came with each request. */
  readonly calls: Partial<Call>[];
  /** Session → report, as payments was told. */
  readonly recorded: Map<string, string>;
};

/** Answers as sessions and payments do: a kiosk sees its own sessions only. */
export function standInVisits(clock: Clock): Visits {
  const sessions = new Map<string, Session>();
  const paid = new Set<string>();
  const calls: Partial<Call>[] = [];
  const recorded = new Map<string, string>();
  const erased: string[] = [];
  const erasureId = (index: number) => `era_${String(index).padStart(26, '0')}`;
  let failing: Fault | undefined;
  return {
    calls, recorded,
    sessions: {
      async getSession({ sessionId }, call) {
        calls.push(call ?? {});
        if (failing) throw failing;
        const session = sessions.get(sessionId);
        if (!session || (call?.caller?.role === 'kiosk' && session.kioskId !== call.caller.name)) throw notFound('session_not_found', 'There is no such session.');
        return { session };
      },
      async listErasures({ after }) {
        if (failing) throw failing;
        return { erasures: erased.flatMap((sessionId, index) => (erasureId(index) > after ? [{ id: erasureId(index), sessionId }] : [])) };
      },
    },
    payments: {
      async checkSessionPaid({ sessionId }) {
        if (failing) throw failing;
        return paid.has(sessionId) ? { paid: true, intentId: `pay_of_${sessionId}` } : { paid: false };
      },
      async recordService({ sessionId, reportId }) {
        if (failing) throw failing;
        recorded.set(sessionId, reportId);
        return {};
      },
    },
    open(session = {}) {
      const at = new Date(clock.now());
      const id = newId('ses', clock.now());
      sessions.set(id, {
        id, type: SessionType.SESSION_TYPE_DIAGNOSTICS, status: SessionStatus.SESSION_STATUS_ACTIVE, contact: { email: 'ivan.petrov@example.com', phone: '+79123456789' },
        metadataJson: '{}', createdAt: at, updatedAt: at, expiresAt: new Date(clock.now() + hourMs), ...session,
      });
      return id;
    },
    set: (id, change) => void sessions.set(id, { ...sessions.get(id)!, ...change }),
    askErasure: (id) => void erased.push(id),
    pay: (id) => void paid.add(id),
    refund: (id) => void paid.delete(id),
    fail: (fault) => {
      failing = fault;
    },
  };
}

/** Fails, or does anything else, instead of sending; undefined: sends. */
export type Obstacle<Message> = (message: Message, signal: AbortSignal) => Promise<void> | undefined;
export type StandInEmail = Email & { sent: EmailMessage[]; obstacle: Obstacle<EmailMessage> };
export type StandInSms = Sms & { sent: SmsMessage[]; obstacle: Obstacle<SmsMessage> };

/** Keeps what it was given once nothing stood in the way. */
export function standInEmail(): StandInEmail {
  return {
    sent: [],
    obstacle: () => undefined,
    async send(message, { signal }) {
      await this.obstacle(message, signal);
      this.sent.push(message);
      return { providerId: `email-${this.sent.length}` };
    },
  };
}

export function standInSms(): StandInSms {
  return {
    sent: [],
    obstacle: () => undefined,
    async send(message, { signal }) {
      await this.obstacle(message, signal);
      this.sent.push(message);
      return { providerId: `sms-${this.sent.length}` };
    },
  };
}

/** Bytes that depend on the document alone, at once. */
export const standInPdf: Pdf = {
  async render(document) {
    const bytes = Buffer.from(`%PDF-1.7 ${JSON.stringify(document)}`);
    return { bytes, pages: 2, sha256: createHash('sha256').update(bytes).digest('hex') };
  },
};

export type TestReporting = AsyncDisposable & {
  client: Client<ReportingServer>;
  service: Running;
  clock: Clock;
  visits: Visits;
  email: StandInEmail;
  sms: StandInSms;
  folder: string;
  /** Runs SQL on a connection of its own, beside the service. */
  sql: (text: string, ...values: SQLInputValue[]) => Record<string, SQLInputValue>[];
  /** Every line that was logged. */
  logged: Record<string, unknown>[];
  /** The value of a metric with at least these labels; 0 where there is none. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
};

export type TestOptions = {
  /** Kept at the end; without one there is a new one, which is removed. */
  folder?: string;
  clock?: Clock;
  visits?: Visits;
  email?: StandInEmail;
  sms?: StandInSms;
  /** Over the defaults, by their names in the environment. */
  settings?: Record<string, string>;
  /** The development outboxes instead of the stand-ins. */
  devOutbox?: boolean;
  /** The worker threads instead of the stand-in. */
  realPdf?: boolean;
} & Pick<ReportingOptions, 'pdf' | 'random' | 'around'>;

export async function startTestReporting({
  folder, clock = startClock(), visits = standInVisits(clock), email = standInEmail(), sms = standInSms(), settings = {}, devOutbox = false, realPdf = false,
  pdf = standInPdf, random = () => 1, around,
}: TestOptions = {}): Promise<TestReporting> {
  await using starting = new AsyncDisposableStack();
  const storagePath = folder ?? starting.use(temporaryFolder()).path;
  const logged: Record<string, unknown>[] = [];
  const log = createLog({ service: 'reporting', level: 'info', destination: { write: (line) => logged.push(JSON.parse(line) as Record<string, unknown>) } });
  // Closed after the service: a second SQLite in one process, thinking itself the last, would take the write-ahead log away under the first.
  let database: DatabaseSync | undefined;
  starting.defer(() => database?.close());
  const service = starting.use(await startReporting({
    // Jobs look once at the start and when they are woken, and then leave the work to the test.
    config: readConfig({ STORAGE_PATH: storagePath, REPORTING_GRPC_PORT: '0', REPORTING_METRICS_PORT: '0', DELIVERY_POLL_INTERVAL_MS: '60000', ...settings }),
    now: clock.now, log, random, around, sessions: visits.sessions, payments: visits.payments, ...(realPdf ? {} : { pdf }), ...(devOutbox ? {} : { email, sms }),
  }));
  const { tracer } = starting.use(await startTracing({ service: 'test', protocol: 'http/protobuf' }));
  const client = starting.use(connect<ReportingServer>({
    definition: ReportingService, address: `127.0.0.1:${service.grpcPort}`, peer: 'reporting', descriptors, tracer, observe: () => {},
  }));
  const running = starting.move();
  return {
    client, service, clock, visits, email, sms, folder: storagePath, logged,
    sql(text, ...values) {
      database ??= new DatabaseSync(join(storagePath, 'reporting.sqlite'));
      return database.prepare(text).all(...values) as Record<string, SQLInputValue>[];
    },
    metric: (name, labels) => readMetric(service.metricsPort, name, labels),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

type Sample = { value: number; metricName?: string; labels: Record<string, string | number> };

async function readMetric(port: number, name: string, labels: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: 'application/json' } });
  const samples = (await response.json() as { name: string; values: Sample[] }[]).flatMap((metric) => metric.values.map((value) => ({ metricName: metric.name, ...value })));
  return samples
    .filter((sample) => sample.metricName === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

export const granta: Diagnostics = {
  vehicleMake: 'LADA', vehicleModel: 'Granta 1.6', year: 2019, vin: 'XTA219170K0321654', mileageKm: 84_210,
  dtcCodes: [
    { code: 'P0301', severity: Severity.SEVERITY_HIGH, status: DtcStatus.DTC_STATUS_STORED },
    { code: 'P0420', severity: Severity.SEVERITY_MEDIUM, status: DtcStatus.DTC_STATUS_UNSPECIFIED },
  ],
  milOn: true, monitors: [{ name: 'misfire', ready: true }], parameters: [{ name: 'coolant_temperature', value: 92, unit: '°C' }],
  timestamp: new Date('2026-11-20T09:41:12Z'), durationMs: 48_200, cleared: false,
};

export const solaris: Thickness = {
  vehicleType: VehicleType.VEHICLE_TYPE_SEDAN, vehicleMake: 'Hyundai', vehicleModel: 'Solaris', timestamp: new Date('2026-11-20T09:41:12Z'),
  measurements: [117, 121, 117, 116, 113, 117, 124, 120].map((valueUm, index) => ({ zone: 'hood', valueUm, point: index + 1, status: 'MEASUREMENT_STATUS_UNSPECIFIED' })),
};

/** A request for the Granta's report; each one has a key of its own unless it says otherwise. */
export function request(over: Partial<CreateDiagnosticsReportRequest> & { sessionId: string }): CreateDiagnosticsReportRequest {
  return { idempotencyKey: crypto.randomUUID(), data: granta, ...over };
}

export async function create({ client }: Pick<TestReporting, 'client'>, over: Parameters<typeof request>[0], call?: Partial<Call>): Promise<Report> {
  const { report } = await client.createDiagnosticsReport(request(over), call);
  return report!;
}

export async function createThickness({ client }: Pick<TestReporting, 'client'>, over: Partial<CreateThicknessReportRequest> & { sessionId: string }): Promise<Report> {
  const { report } = await client.createThicknessReport({ idempotencyKey: crypto.randomUUID(), data: solaris, ...over });
  return report!;
}

export async function read({ client }: Pick<TestReporting, 'client'>, reportId: string): Promise<Report> {
  const { report } = await client.getReport({ reportId });
  return report!;
}

export function kiosk(name: string): Partial<Call> {
  return { caller: { role: 'kiosk', name } };
}

/** What a call fails with, in the words for programs. */
export async function failure(promise: Promise<unknown>): Promise<{ kind: string; reason: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Fault) return { kind: error.kind, reason: error.reason };
    throw error;
  }
  throw new Error('the call was expected to fail');
}
