/**
 * One supervised process: started, started again when it dies, stopped. It counts as up when it has sent `{ready}` over IPC, and is asked
 * to stop by closing that channel: a signal would be the second one after Ctrl-C in a terminal, which makes a service quit without draining.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const shortestPauseMs = 200;
const longestPauseMs = 5000;
/** Who was up this long has earned the shortest pause again. */
const goodLifeMs = 10_000;
/** A service drains within 10 s by itself. */
const stopLimitMs = 10_000;

export type ChildOptions = {
  /** Its file. */
  program: string;
  /** Node's own flags. */
  execArgv: string[];
  env: NodeJS.ProcessEnv;
  /** One line that it wrote to its standard output or error. */
  onLine: (line: string) => void;
  /** It is up, with its own sentence about that. */
  onUp: (ready: string) => void;
  /** It died. `again` says in how many ms it is started again; undefined when its very first start failed (code 1), which a restart would not help. */
  onDown: (how: string, again: number | undefined) => void;
};

export class Child {
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  #everUp = false;
  #upAt: number | undefined;
  #deaths = 0;
  #pause: NodeJS.Timeout | undefined;
  #stopping = false;
  #waiting: (() => void)[] = [];

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves when the process is up; at once if it is. */
  up(): Promise<void> {
    return this.#upAt === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  /** Resolves when the process that gets the signal is gone, or is as it was if there is none. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (!child) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** Asks it to stop, kills it after 10 s, and resolves when it is gone. It is not started again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#pause);
    const child = this.#process;
    if (!child) return;
    // Not 'close', which does not come after a disconnect from this side.
    const gone = Promise.all([once(child, 'exit'), ...outputsOf(child).filter(({ closed }) => !closed).map((stream) => once(stream, 'close'))]);
    if (child.connected) child.disconnect();
    const limit = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    await gone;
    clearTimeout(limit);
  }

  #start(): void {
    const { program, execArgv, env, onLine } = this.#options;
    const child = fork(program, { execArgv, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#process = child;
    for (const input of outputsOf(child)) createInterface({ input, crlfDelay: Infinity }).on('line', onLine);
    child.on('message', (message) => this.#heard(message));
    child.once('error', (error) => {
      onLine(`cannot be started: ${error.message}`);
      if (child.pid === undefined) this.#died(1, null);
    });
    child.once('exit', (code, signal) => this.#died(code, signal));
  }

  #heard(message: unknown): void {
    if (typeof message !== 'object' || message === null || !('ready' in message)) return;
    this.#everUp = true;
    this.#upAt = performance.now();
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.#options.onUp(String(message.ready));
  }

  #died(code: number | null, signal: NodeJS.Signals | null): void {
    const livedMs = this.#upAt === undefined ? 0 : performance.now() - this.#upAt;
    this.#process = undefined;
    this.#upAt = undefined;
    if (this.#stopping) return;
    const how = signal ? `was killed by ${signal}` : `exited with code ${code}`;
    if (!this.#everUp && code === 1) return this.#options.onDown(how, undefined);
    if (livedMs >= goodLifeMs) this.#deaths = 0;
    const pauseMs = Math.min(longestPauseMs, shortestPauseMs * 2 ** this.#deaths++);
    this.#pause = setTimeout(() => this.#start(), pauseMs);
    this.#options.onDown(how, pauseMs);
  }
}

function outputsOf(child: ChildProcess): Readable[] {
  return [child.stdout, child.stderr].filter((stream) => stream !== null);
}
