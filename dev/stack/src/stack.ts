/** Every service, for tests: in this process with `startStack`, or as real processes with `startProcesses`. */
import { prepare, type PrepareOptions } from './ground.ts';
import { serviceNames, type ServiceName } from './services.ts';
import { startService, type Services } from './start-service.ts';

export { makeCertificates } from './certificates.ts';
export { freePorts } from './ports.ts';
export { startProcesses, type Processes } from './processes.ts';
export { serviceNames, type ServiceName } from './services.ts';

export type StackOptions = PrepareOptions & {
  /** Epoch milliseconds, for every service. */
  now?: () => number;
};

export interface Stack extends AsyncDisposable {
  /** The gateway. */
  readonly url: string;
  readonly storagePath: string;
  /** Those that run. */
  readonly services: Readonly<Partial<Services>>;
  /** Stops one service in order; the others live on. */
  stop(name: ServiceName): Promise<void>;
  /** Starts one that was stopped, at its old address. */
  start(name: ServiceName): Promise<void>;
  restart(name: ServiceName): Promise<void>;
}

export async function startStack({ now = Date.now, ...options }: StackOptions = {}): Promise<Stack> {
  await using starting = new AsyncDisposableStack();
  const ground = starting.use(await prepare(options));
  const services: Partial<Services> = {};
  // The callers go before those they call.
  starting.defer(async () => {
    for (const name of serviceNames.toReversed()) await stop(name);
  });

  async function start<Name extends ServiceName>(name: Name): Promise<void> {
    services[name] = await startService<Name>(name, ground, { now });
  }

  async function stop(name: ServiceName): Promise<void> {
    const service = services[name];
    delete services[name];
    await service?.[Symbol.asyncDispose]();
  }

  for (const name of serviceNames) await start(name);
  const running = starting.move();
  return {
    url: ground.url,
    storagePath: ground.storagePath,
    services,
    stop,
    start,
    restart: async (name) => {
      await stop(name);
      await start(name);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
