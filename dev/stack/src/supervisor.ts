/** Runs every service as a process of its own: one that dies is started again while the others live on, and all stop together. */
import { Child } from './child.ts';
import { compileCache, isBuilt, programOf, serviceNames, type PartyName, type ProgramName, type ServiceName } from './services.ts';

const preload = new URL(`./bundled-libraries${isBuilt ? '.js' : '.ts'}`, import.meta.url).href;

export type SupervisorOptions = {
  /** What every service finds in its environment. */
  env: NodeJS.ProcessEnv;
  /** Runs these pretend parties too, each with its environment. */
  parties?: readonly { party: PartyName; env: NodeJS.ProcessEnv }[];
  /** Runs the services in one process instead of one each. */
  oneProcess?: boolean;
  /** Runs what `npm run build` made instead of the sources. */
  built?: boolean;
  /** A line of a service, or of the supervisor itself. */
  onLine: (who: ProgramName | 'kiosk', line: string) => void;
};

export interface Supervisor extends AsyncDisposable {
  /** Resolves when every service is up for the first time; fails when one could not start, and all have then stopped. */
  readonly ready: Promise<void>;
  child(name: ServiceName): Child;
}

export class StartError extends Error {
  override readonly name = 'StartError';
}

export function supervise({ env, parties = [], oneProcess = false, built = isBuilt, onLine }: SupervisorOptions): Supervisor {
  const execArgv = [`--import=${preload}`, ...(built ? [] : ['--conditions=@kiosk/source']), '--disable-warning=ExperimentalWarning'];
  let fail: (error: StartError) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  let allUp = false;

  const names: ProgramName[] = [...(oneProcess ? ['one-process' as const] : serviceNames), ...parties.map(({ party }) => party)];
  const children = Object.fromEntries(names.map((name) => [name, new Child({
    program: programOf(name, { built }),
    execArgv,
    // One arena: a service's own thread is the only one that allocates much, and each further arena keeps what it once had.
    env: { NODE_COMPILE_CACHE: compileCache, MALLOC_ARENA_MAX: '1', ...(parties.find(({ party }) => party === name)?.env ?? env) },
    onLine: (line) => onLine(name, line),
    onUp: () => {
      if (allUp) onLine('kiosk', `${name} is up again`);
    },
    onDown: (how, again) => {
      onLine('kiosk', `${name} ${how}${again === undefined ? '' : `; starting it again in ${again} ms`}`);
      if (again === undefined) fail(new StartError(`${name} could not start; its own line above says why`));
    },
  })])) as Record<ProgramName, Child>;

  let stopped: Promise<unknown> | undefined;
  const stop = () => (stopped ??= Promise.all(Object.values(children).map((child) => child.stop())));
  const start = async (): Promise<void> => {
    try {
      await Promise.race([failed, Promise.all(Object.values(children).map((child) => child.up()))]);
      allUp = true;
    } catch (error) {
      await stop();
      throw error;
    }
  };
  return {
    ready: start(),
    child: (name) => children[oneProcess ? 'one-process' : name],
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}
