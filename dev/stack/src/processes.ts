/** The services as real processes under the real supervisor, for tests that kill them. */
import { untilFound } from './found.ts';
import { prepare, type PrepareOptions } from './ground.ts';
import type { ServiceName } from './services.ts';
import { supervise } from './supervisor.ts';

export interface Processes extends AsyncDisposable {
  /** The gateway. */
  readonly url: string;
  readonly storagePath: string;
  /** Where each of them listens, by setting. */
  readonly ports: Readonly<Record<string, number>>;
  /** What an operator's command needs to find this system. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Every line so far, the service's name in front. */
  readonly lines: readonly string[];
  pid(name: ServiceName): number | undefined;
  /** Sends a signal that ends the process, and resolves when it is gone; the supervisor starts it again. */
  kill(name: ServiceName, signal: NodeJS.Signals): Promise<void>;
  /** Resolves when the service is up: at once, or when it has been started again. */
  up(name: ServiceName): Promise<void>;
}

/** Resolves when a call through the gateway comes to every service. */
export async function startProcesses(options: PrepareOptions & {
  /** Besides the settings: what else is in the environment of each process. */
  env?: Readonly<Record<string, string>>;
  /** All services in one process. */
  oneProcess?: boolean;
} = {}): Promise<Processes> {
  await using starting = new AsyncDisposableStack();
  const ground = starting.use(await prepare(options));
  const lines: string[] = [];
  const env = { PATH: process.env['PATH'], ...ground.env, CONFIG_FILE: ground.settingsFile, ...options.env };
  const supervisor = starting.use(supervise({
    env,
    oneProcess: options.oneProcess,
    onLine: (who, line) => lines.push(`${who} | ${line}`),
  }));
  await supervisor.ready.catch((error: unknown) => {
    throw new Error(lines.join('\n'), { cause: error });
  });
  const [, key] = /^[^:]*:([^,]*)/.exec(options.settings?.['OPERATOR_API_KEYS'] ?? '') ?? [];
  await untilFound(ground.url, { key });
  const running = starting.move();
  return {
    url: ground.url,
    storagePath: ground.storagePath,
    ports: ground.ports,
    env,
    lines,
    pid: (name) => supervisor.child(name).pid,
    kill: (name, signal) => supervisor.child(name).kill(signal),
    up: (name) => supervisor.child(name).up(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
