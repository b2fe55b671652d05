/** What is measured: the kiosk's services, and the peers they are compared with. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../dev/stack/src/ports.ts';
import { start, type Program, type Running } from './processes.ts';

export interface Subject extends AsyncDisposable {
  readonly name: string;
  /** Where it answers HTTP, on 127.0.0.1. */
  readonly port: number;
  readonly pids: Readonly<Record<string, number>>;
}

export type SubjectOptions = { storagePath: string; execArgv?: readonly string[] };

const portNames = [
  'PORT', 'SESSIONS_GRPC_PORT', 'PAYMENTS_GRPC_PORT', 'REPORTING_GRPC_PORT',
  'SESSIONS_METRICS_PORT', 'PAYMENTS_METRICS_PORT', 'REPORTING_METRICS_PORT',
];

/** The four services as in production, log included; pretend payments stay pending, so that intents are measured and not confirmations. */
export async function startKiosk({ storagePath, execArgv }: SubjectOptions): Promise<Subject> {
  const ports = await freePorts(portNames.length);
  const env = {
    ...Object.fromEntries(portNames.map((name, index) => [name, String(ports[index])])),
    STORAGE_PATH: join(storagePath, 'kiosk'),
    LOG_LEVEL: 'info',
    DEV_MANUAL_MODE: 'true',
  };
  const service = (name: string): Program => ({
    file: new URL(`../../services/${name}/src/main.ts`, import.meta.url), env, execArgv, logFile: join(storagePath, `${name}.log`),
  });
  return subject('kiosk', {
    port: ports[0] ?? 0,
    programs: { sessions: service('sessions'), payments: service('payments'), reporting: service('reporting'), gateway: service('gateway') },
  });
}

export async function startMonolith(synchronous: 'NORMAL' | 'FULL', { storagePath }: SubjectOptions): Promise<Subject> {
  const [port = 0] = await freePorts(1);
  const file = join(storagePath, `monolith-${synchronous}.sqlite`);
  return subject(`monolith ${synchronous}`, {
    port, programs: { monolith: { file: peer('monolith'), args: [String(port), file, synchronous] } },
  });
}

export async function startEcho(): Promise<Subject> {
  const [port = 0, grpcPort = 0] = await freePorts(2);
  return subject('Express→gRPC echo', {
    port,
    programs: {
      server: { file: peer('echo-server'), args: [String(grpcPort)] },
      front: { file: peer('echo-front'), args: [String(port), String(grpcPort)] },
    },
  });
}

/** Every subject of the comparison, the kiosk first. */
export async function startSubjects(options: SubjectOptions): Promise<AsyncDisposable & { subjects: readonly Subject[] }> {
  await mkdir(options.storagePath, { recursive: true });
  await using starting = new AsyncDisposableStack();
  const subjects: Subject[] = [];
  for (const begin of [startKiosk, startMonolith.bind(null, 'NORMAL'), startMonolith.bind(null, 'FULL'), startEcho]) {
    subjects.push(starting.use(await begin(options)));
  }
  const running = starting.move();
  return { subjects, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function peer(name: string): URL {
  return new URL(`./peers/${name}.ts`, import.meta.url);
}

async function subject(name: string, { port, programs }: { port: number; programs: Record<string, Program> }): Promise<Subject> {
  await using starting = new AsyncDisposableStack();
  const processes: [string, Running][] = [];
  for (const [process, program] of Object.entries(programs)) processes.push([process, starting.use(await start(program))]);
  const running = starting.move();
  return {
    name, port, pids: Object.fromEntries(processes.map(([process, { pid }]) => [process, pid])), [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
