/** For the tests: the service, whole, on a temporary folder, with its real client, time by hand, and stand-ins for the sessions service and the PSP. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { PaymentsService, type CreateIntentRequest, type Intent as WireIntent, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { SessionStatus, SessionType, type Session } from '@kiosk/contracts/sessions/v1/sessions';
import { newId, openDatabase, type Database } from '@kiosk/database';
import { Fault, notFound } from '@kiosk/fault';
import { connect, type Call, type Client } from '@kiosk/rpc';
import { createLog, startTracing } from '@kiosk/service';
import { mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from './config.ts';
import type { SessionsPeer } from './grpc.ts';
import { startPayments, type PaymentsOptions } from './service.ts';
import type { Tables } from './tables.ts';

export const migrations = new URL('../migrations/', import.meta.url);

/** Time stands still until it is moved. */
export type Clock = { now: () => number; advance: (ms: number) => void };

export function startClock(at = Date.UTC(2026, 0, 15, 9)): Clock {
  let now = at;
  return {
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}

export function temporaryFolder() {
  return mkdtempDisposableSync(join(tmpdir(), 'payments-'));
}

export type StandInSessions = {
  rpc: SessionsPeer;
  open: (session?: { id?: string; type?: 'thickness' | 'diagnostics'; kioskId?: string }) => string;
  complete: (id: string) => void;
  /** It is deleted, as retention does. */
  erase: (id: string) => void;
  /** The operator has the customer erased: what the sessions service does then, and remembers. */
  askErasure: (id: string) => void;
  /** Each call fails so; undefined: answers again. */
  fail: (fault: Fault | undefined) => void;
  /** How often it was asked. */
  readonly asked: number;
};

/** Answers as the sessions service does: a kiosk sees its own sessions only. */
export function standInSessions(clock: Clock): StandInSessions {
  const sessions = new Map<string, Session>();
  const erased: string[] = [];
  const erasureId = (index: number) => `era_${String(index).padStart(26, '0')}`;
  let failing: Fault | undefined;
  let asked = 0;
  return {
    rpc: {
      async getSession({ sessionId }, call) {
        asked += 1;
        if (failing) throw failing;
        const session = sessions.get(sessionId);
        const foreign = call?.caller?.role === 'kiosk' && session?.kioskId !== call.caller.name;
        if (!session || foreign) throw notFound('session_not_found', 'There is no such session.');
        return { session };
      },
      async listErasures({ after }) {
        if (failing) throw failing;
        return { erasures: erased.flatMap((sessionId, index) => (erasureId(index) > after ? [{ id: erasureId(index), sessionId }] : [])) };
      },
    },
    open({ id = newId('ses', clock.now()), type = 'diagnostics', kioskId } = {}) {
      const at = new Date(clock.now());
      sessions.set(id, {
        id, kioskId, type: type === 'thickness' ? SessionType.SESSION_TYPE_THICKNESS : SessionType.SESSION_TYPE_DIAGNOSTICS,
        status: SessionStatus.SESSION_STATUS_ACTIVE, contact: { email: 'customer@example.com', phone: '+79161234567' }, metadataJson: '{}',
        createdAt: at, updatedAt: at, expiresAt: new Date(clock.now() + 3_600_000),
      });
      return id;
    },
    complete: (id) => {
      sessions.get(id)!.status = SessionStatus.SESSION_STATUS_COMPLETED;
    },
    erase: (id) => {
      sessions.delete(id);
    },
    askErasure: (id) => {
      const session = sessions.get(id);
      if (session) Object.assign(session, { status: SessionStatus.SESSION_STATUS_EXPIRED, contact: {}, metadataJson: '{}', erasedAt: new Date(clock.now()) });
      erased.push(id);
    },
    fail: (fault) => {
      failing = fault;
    },
    get asked() {
      return asked;
    },
  };
}

export type TestPayments = AsyncDisposable & {
  client: Client<PaymentsServer>;
  clock: Clock;
  sessions: StandInSessions;
  folder: string;
  /** Does what is due now. */
  work: () => Promise<void>;
  /** Erases what the sessions service remembers to have been asked for, as far as that can be. */
  eraseAsked: () => Promise<void>;
  /** Erases and deletes what is past its retention. */
  forget: () => Promise<void>;
  /** The database as it is on disk, for looking only. */
  rows: Database<Tables>['read'];
  /** Every line that was logged. */
  logged: Record<string, unknown>[];
  /** The lines of errors that are nobody's intention. */
  mishaps: () => Record<string, unknown>[];
  /** The value of a metric with at least these labels; 0 where there is none. */
  metric: (name: string, labels?: Record<string, string>) => Promise<number>;
};

export async function startTestPayments({ folder, clock = startClock(), sessions = standInSessions(clock), settings = {}, ...options }: {
  /** Kept at the end; without one there is a new one, which is removed. */
  folder?: string;
  clock?: Clock;
  sessions?: StandInSessions;
  /** Over the defaults, by their names in the environment. */
  settings?: Record<string, string>;
} & Omit<PaymentsOptions, 'config' | 'now' | 'log' | 'sessions'> = {}): Promise<TestPayments> {
  await using starting = new AsyncDisposableStack();
  const storagePath = folder ?? starting.use(temporaryFolder()).path;
  const logged: Record<string, unknown>[] = [];
  const log = createLog({ service: 'payments', level: 'info', destination: { write: (line) => logged.push(JSON.parse(line) as Record<string, unknown>) } });
  const service = starting.use(await startPayments({
    // The job looks once at the start and then leaves the work to the test.
    config: readConfig({
      STORAGE_PATH: storagePath, PAYMENTS_GRPC_PORT: '0', PAYMENTS_METRICS_PORT: '0', PAYMENT_POLL_INTERVAL_MS: '60000', PAYMENT_SUBMIT_WAIT_MS: '8000',
      PRICES: '[]', ...settings,
    }),
    now: clock.now, log, sessions: sessions.rpc, ...options,
  }));
  const { tracer } = starting.use(await startTracing({ service: 'test', protocol: 'http/protobuf' }));
  const client = starting.use(connect<PaymentsServer>({
    definition: PaymentsService, address: `127.0.0.1:${service.grpcPort}`, peer: 'payments', descriptors, tracer, observe: () => {},
  }));
  const database = starting.use(await openDatabase<Tables>({ path: join(storagePath, 'payments.sqlite'), migrations, onFatal: () => {} }));
  const running = starting.move();
  return {
    client, clock, sessions, folder: storagePath, logged,
    work: () => service.work(),
    eraseAsked: () => service.eraseAsked(),
    forget: () => service.forget(),
    rows: database.read,
    mishaps: () => logged.filter(({ level, event }) => level === 'error' && event !== 'anomaly'),
    metric: (name, labels) => readMetric(service.metricsPort, name, labels),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

type Sample = { value: number; metricName?: string; labels: Record<string, string | number> };

async function readMetric(port: number, name: string, labels: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: 'application/json' } });
  const samples = (await response.json() as { name: string; values: Sample[] }[]).flatMap((metric) => metric.values.map((value) => ({ metricName: metric.name, ...value })));
  return samples
    .filter((sample) => sample.metricName === name && Object.entries(labels).every(([label, value]) => String(sample.labels[label]) === value))
    .reduce((sum, { value }) => sum + value, 0);
}

/** A request for 480 ₽; each one has a key of its own unless it says otherwise. */
export function request(over: Partial<CreateIntentRequest> & { sessionId: string }): CreateIntentRequest {
  return { idempotencyKey: crypto.randomUUID(), amountMinor: 48_000, currency: 'RUB', metadataJson: '', ...over };
}

/** An intent with its status as a plain word. */
export type SeenIntent = Omit<WireIntent, 'status'> & { status: string };

function seen(intent: WireIntent | undefined): SeenIntent {
  return { ...intent!, status: intent!.status.replace('INTENT_STATUS_', '').toLowerCase() };
}

export async function create(client: Client<PaymentsServer>, over: Parameters<typeof request>[0], call?: Partial<Call>): Promise<SeenIntent & { created: boolean }> {
  const { intent, created } = await client.createIntent(request(over), call);
  return { ...seen(intent), created };
}

export async function read(client: Client<PaymentsServer>, intentId: string, call?: Partial<Call>): Promise<SeenIntent> {
  return seen((await client.getIntent({ intentId }, call)).intent);
}

export async function cancel(client: Client<PaymentsServer>, intentId: string, call?: Partial<Call>): Promise<SeenIntent> {
  return seen((await client.cancelIntent({ intentId }, call)).intent);
}

export async function confirm(client: Client<PaymentsServer>, intentId: string, call?: Partial<Call>): Promise<SeenIntent> {
  return seen((await client.confirmIntent({ intentId }, call)).intent);
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
