/** Programs under measurement run as processes of their own, so that each one's CPU can be told from the others'. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const startLimitMs = 30_000;
/** A service drains within 10 s by itself. */
const stopLimitMs = 12_000;

export type Program = {
  file: URL;
  args?: readonly string[];
  /** Besides PATH, all that the process finds in its environment. */
  env?: Readonly<Record<string, string>>;
  /** Node's own flags, besides the one that finds the packages' sources. */
  execArgv?: readonly string[];
  /** Where standard output goes; nowhere without one. Standard error is always ours. */
  logFile?: string;
};

export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** Sends a job and gives the answer. Fails when the process ends first. */
  ask(job: unknown): Promise<unknown>;
}

/** Resolves when the process has sent its first message. Fails when it ends before, or says nothing for 30 s. */
export async function start({ file, args = [], env = {}, execArgv = [], logFile }: Program): Promise<Running> {
  const output = logFile === undefined ? 'ignore' as const : openSync(logFile, 'a');
  const child = fork(fileURLToPath(file), args, {
    execArgv: ['--conditions=@kiosk/source', '--disable-warning=ExperimentalWarning', ...execArgv],
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', output, 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  if (output !== 'ignore') closeSync(output);
  const exited = once(child, 'exit');
  const nextMessage = async (): Promise<unknown> => {
    const waiting = new AbortController();
    const ended = exited.then(([code, signal]) => {
      throw new Error(`${file.pathname} ended with ${String(signal ?? code)}`);
    });
    try {
      const [message] = await Promise.race([once(child, 'message', { signal: waiting.signal }), ended]);
      return message;
    } finally {
      waiting.abort();
    }
  };
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const limit = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(limit);
  };

  const slow = setTimeout(() => child.kill('SIGKILL'), startLimitMs);
  await nextMessage().finally(() => clearTimeout(slow));
  return {
    pid: child.pid ?? 0,
    ask: (job) => {
      child.send(job as object);
      return nextMessage();
    },
    [Symbol.asyncDispose]: stop,
  };
}
