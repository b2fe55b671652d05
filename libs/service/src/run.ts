// The life of a process: start, say that it is ready, wait, stop in order, exit with an honest code.
import { writeSync } from 'node:fs';
import type { Log } from './log.ts';
import { giveBackMemory } from './memory.ts';
import { SettingsError } from './settings.ts';
import { stopWithin } from './stop.ts';

export { stopWithin };

const stopLimitMs = 10_000;
/** After this nothing is loaded any more. */
const settledMs = 2000;

/** A started service: a sentence that says so, and the way to stop it. */
export interface Running extends AsyncDisposable {
  readonly ready: string;
  /** Where the process's own events go. Without one they are plain lines. */
  readonly log?: Log & AsyncDisposable;
}

/**
 * Runs a service as this process. Never returns: exits 0 after SIGTERM, SIGINT or the end of the supervisor (its IPC channel);
 * 1 when the start fails, the stop fails or takes more than 10 s, a second signal comes, or an error escapes.
 * Sends `{ready}` over the IPC channel if there is one.
 */
export async function run(start: () => Promise<Running>): Promise<never> {
  // What a service writes holds personal data: nobody else on the machine reads it.
  process.umask(0o077);
  let log: Running['log'];
  let ending = false;
  const end = async (code: number): Promise<never> => {
    // The last lines are worth a second, and no more: standard output may be a pipe that nobody reads.
    if (log) await stopWithin(1000, log).catch(() => {});
    return process.exit(code);
  };
  const crash = (what: string) => (error: unknown) => {
    // The first error is the cause; what follows it while the process ends is noise.
    if (ending) return;
    ending = true;
    if (log) log.error({ error }, what);
    else say(`${what}: ${explain(error)}`);
    void end(1);
  };
  process.on('uncaughtException', crash('stopping: an error that nobody caught'));
  process.on('unhandledRejection', crash('stopping: a rejected promise that nobody caught'));
  // When the supervisor dies, so does the other end of these pipes: that must not turn an orderly stop into a crash.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});

  // Waiting alone does not keep a process alive; a service between two timers must not just end.
  setInterval(() => {}, 60_000);
  const stopRequest = requestToStop();
  let running: Running;
  try {
    running = await start();
  } catch (error) {
    say(`could not start: ${explain(error)}`);
    return process.exit(1);
  }
  log = running.log;
  if (log) log.info({}, running.ready);
  else say(running.ready, 1);
  // A channel that closes meanwhile is noticed by its disconnect event.
  if (process.connected) process.send?.({ ready: running.ready }, undefined, undefined, () => {});
  // Not before: whoever waits for the service would wait for this.
  setTimeout(giveBackMemory, settledMs).unref();

  const why = await stopRequest;
  if (log) log.info({ signal: why }, 'stopping');
  else say(`stopping: ${why}`, 1);
  try {
    await stopWithin(stopLimitMs, running);
  } catch (error) {
    if (log) log.error({ error }, 'could not stop in order');
    else say(`could not stop in order: ${explain(error)}`);
    return await end(1);
  }
  ending = true;
  return await end(0);
}

/** Resolves with the first reason to stop. The second signal ends the process at once. */
function requestToStop(): Promise<string> {
  return new Promise((resolve) => {
    let requested = false;
    const request = (why: string) => {
      if (requested) return;
      requested = true;
      // Also covers a start that hangs, which nothing else could end in an orderly way.
      setTimeout(() => process.exit(1), stopLimitMs + 1000);
      resolve(why);
    };
    const signalled = (signal: string) => (requested ? process.exit(1) : request(signal));
    process.on('SIGTERM', signalled);
    process.on('SIGINT', signalled);
    process.on('disconnect', () => request('disconnect'));
  });
}

/** One line for what an operator can put right (bad settings, a Fault), the stack for everything else. */
function explain(error: unknown): string {
  if (error instanceof SettingsError) return error.message;
  if (!(error instanceof Error)) return String(error);
  return 'kind' in error && 'reason' in error ? `${error.message} (${String(error.reason)})` : (error.stack ?? error.message);
}

/** Written synchronously, so that it is out before the process exits. */
function say(line: string, fileDescriptor: 1 | 2 = 2) {
  try {
    writeSync(fileDescriptor, `${line}\n`);
  } catch {
    // Nobody reads any more.
  }
}
