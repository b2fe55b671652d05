/** What is measured over HTTP: the kiosk's services, the same with one thing changed, and the peers they are compared with. */
import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../dev/stack/src/ports.ts';
import type { CallName } from './calls.ts';
import { kioskKey } from './http-connection.ts';
import { startReceiver, type Receiver } from './otlp-receiver.ts';
import { start, type Program, type Running } from './processes.ts';

export interface Subject extends AsyncDisposable {
  readonly name: string;
  /** Where it answers HTTP, on 127.0.0.1. */
  readonly port: number;
  readonly pids: Readonly<Record<string, number>>;
  /** What it can be asked. */
  readonly calls: readonly CallName[];
}

export type KioskOptions = {
  storagePath: string;
  /** Of the subject, in tables, and of its folder. */
  name?: string;
  execArgv?: readonly string[];
  /** Whether it refuses what is too much, as it does where nobody measures it. */
  refuses?: boolean;
  /** Where every request is traced to; not at all without it. */
  otlpUrl?: string;
  /** Over those of all measurements. */
  settings?: Readonly<Record<string, string>>;
};

/** The name of the subject that all others are compared with. */
export const kiosk = 'kiosk';

const portNames = [
  'PORT', 'SESSIONS_GRPC_PORT', 'PAYMENTS_GRPC_PORT', 'REPORTING_GRPC_PORT',
  'SESSIONS_METRICS_PORT', 'PAYMENTS_METRICS_PORT', 'REPORTING_METRICS_PORT',
];
/** High enough for nobody to be refused, so that counting is what is measured. */
const unreachableRate = '1000000';
export const allCalls: readonly CallName[] = ['create session', 'get session', 'create intent', 'read status'];
const sessionCalls: readonly CallName[] = ['create session', 'get session'];

/** The four services as in production: keys, limits, log, metrics; pretend payments stay pending, so that intents are measured and not confirmations. */
export async function startKiosk({ storagePath, name = kiosk, execArgv, refuses = false, otlpUrl, settings = {} }: KioskOptions): Promise<Subject> {
  const ports = await freePorts(portNames.length);
  const env = {
    ...Object.fromEntries(portNames.map((port, index) => [port, String(ports[index])])),
    STORAGE_PATH: join(storagePath, name),
    LOG_LEVEL: 'info',
    DEV_MANUAL_MODE: 'true',
    KIOSK_API_KEYS: `kiosk-7:${kioskKey}`,
    RATE_LIMIT_REQUESTS_PER_MINUTE: unreachableRate,
    RATE_LIMIT_INTENTS_PER_MINUTE: unreachableRate,
    RATE_LIMIT_EVERYONE_PER_MINUTE: unreachableRate,
    // A closed loop of 64 is no overload; on a busy machine one would be seen, and its refusals end the run.
    ...(refuses ? {} : { OVERLOAD_DELAY_MS: '10000' }),
    RATE_LIMIT_REPORTS_PER_MINUTE: unreachableRate,
    RATE_LIMIT_SMS_PER_MINUTE: unreachableRate,
    // Ten thousand payments are left open within seconds, as by as many kiosks: asking about all of them is not what is measured.
    PAYMENT_POLL_INTERVAL_MS: '60000',
    ...(otlpUrl === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }),
    ...settings,
  };
  const service = (which: string): Program => ({
    file: new URL(`../../services/${which}/src/main.ts`, import.meta.url), env, execArgv, logFile: join(storagePath, `${name}-${which}.log`),
  });
  return subject(name, {
    port: ports[0] ?? 0, calls: allCalls,
    programs: { sessions: service('sessions'), payments: service('payments'), reporting: service('reporting'), gateway: service('gateway') },
  });
}

/** The kiosk with one thing changed by a module that its processes load first. It is asked for everything, as the kiosk is: with fewer calls behind it, it would be the colder of the two. */
export function startVariant(name: string, variant: 'normal' | 'raw', options: KioskOptions): Promise<Subject> {
  const module = new URL(`./variants/${variant}.ts`, import.meta.url).href;
  return startKiosk({ ...options, name, execArgv: ['--import', module] });
}

async function startMonolith(synchronous: 'NORMAL' | 'FULL', storagePath: string): Promise<Subject> {
  const [port = 0] = await freePorts(1);
  return subject(`monolith ${synchronous}`, {
    port, calls: allCalls, programs: { monolith: peer('monolith.mjs', [port, join(storagePath, `monolith-${synchronous}.sqlite`), synchronous]) },
  });
}

async function startEchoOf(name: string, files: { front: string; sessions: string }, storagePath: string, options: Partial<Program> = {}): Promise<Subject> {
  const [port = 0, innerPort = 0] = await freePorts(2);
  return subject(name, {
    port, calls: sessionCalls,
    programs: {
      sessions: { ...peer(files.sessions, [innerPort, join(storagePath, `${files.sessions}.sqlite`)]), ...options },
      front: { ...peer(files.front, [port, innerPort]), ...options },
    },
  });
}

/** Its two processes look for each other, so they start together. */
async function startMoleculer(storagePath: string): Promise<Subject> {
  const [port = 0, frontPort = 0, sessionsPort = 0] = await freePorts(3);
  return subject('Moleculer', {
    port, calls: sessionCalls, together: true,
    programs: {
      sessions: peer('moleculer-sessions.mjs', [frontPort, sessionsPort, join(storagePath, 'moleculer.sqlite')]),
      front: peer('moleculer-front.mjs', [port, frontPort, sessionsPort]),
    },
  });
}

/** Everything that the kiosk does, as each library's guide shows it, and traced to the same receiver. */
function startNaive(storagePath: string, otlpUrl: string): Promise<Subject> {
  return startEchoOf('naive build', { front: 'naive-front.cjs', sessions: 'naive-sessions.cjs' }, storagePath, {
    execArgv: ['--require', `${fileURLToPath(peers)}node_modules/@opentelemetry/auto-instrumentations-node/dist/register.cjs`],
    logFile: join(storagePath, 'naive.log'),
    env: {
      OTEL_SERVICE_NAME: 'naive', OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none', OTEL_NODE_RESOURCE_DETECTORS: 'env',
    },
  });
}

/** Every subject of the comparison, the kiosk first. */
export async function startSubjects({ storagePath }: { storagePath: string }): Promise<AsyncDisposable & { subjects: readonly Subject[]; receiver: Receiver }> {
  installPeers();
  await mkdir(storagePath, { recursive: true });
  await using starting = new AsyncDisposableStack();
  const receiver = starting.use(await startReceiver());
  const traced = (name: string): KioskOptions => ({ storagePath, otlpUrl: receiver.urlFor(name) });
  const subjects: Subject[] = [];
  for (const begin of [
    () => startKiosk(traced(kiosk)),
    () => startKiosk({ storagePath, name: 'kiosk untraced' }),
    () => startVariant('kiosk NORMAL', 'normal', traced('kiosk NORMAL')),
    () => startVariant('kiosk raw SQL', 'raw', traced('kiosk raw SQL')),
    () => startNaive(storagePath, receiver.urlFor('naive build')),
    () => startMonolith('NORMAL', storagePath),
    () => startMonolith('FULL', storagePath),
    () => startEchoOf('Express→gRPC', { front: 'grpc-front.mjs', sessions: 'grpc-sessions.mjs' }, storagePath),
    () => startEchoOf('NestJS gRPC', { front: 'nest-front.mjs', sessions: 'nest-sessions.mjs' }, storagePath),
    () => startMoleculer(storagePath),
  ]) subjects.push(starting.use(await begin()));
  const running = starting.move();
  return { subjects, receiver, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

const peers = new URL('../peers/', import.meta.url);

/** The peers' own packages, which nothing but the bench needs. */
function installPeers(): void {
  const { status } = spawnSync(process.execPath, ['../../tools/bootstrap.mjs'], { cwd: fileURLToPath(peers), stdio: 'inherit' });
  if (status !== 0) throw new Error('the peers could not be installed (npm ci in bench/peers)');
}

function peer(name: string, args: readonly (string | number)[]): Program {
  return { file: new URL(name, peers), args: args.map(String) };
}

async function subject(name: string, { port, calls, programs, together = false }: {
  port: number; calls: readonly CallName[]; programs: Record<string, Program>; together?: boolean;
}): Promise<Subject> {
  await using starting = new AsyncDisposableStack();
  const processes: [string, Running][] = [];
  const begin = async ([process, program]: [string, Program]): Promise<void> => {
    processes.push([process, starting.use(await start(program))]);
  };
  if (together) await Promise.all(Object.entries(programs).map(begin));
  else for (const each of Object.entries(programs)) await begin(each);
  const running = starting.move();
  return {
    name, port, calls, pids: Object.fromEntries(processes.map(([process, { pid }]) => [process, pid])), [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
