/** For the tests: the service as a process of its own, which a step can kill with SIGKILL. Both sides are here: run as a program it is the child. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descriptors } from '@kiosk/contracts/descriptors';
import { PaymentsService, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { connect, type Client } from '@kiosk/rpc';
import { createLog } from '@kiosk/service';
import { ProxyTracerProvider } from '@opentelemetry/api';
import { readConfig } from '../config.ts';
import { startPayments } from '../service.ts';
import { standInSessions } from '../testing.ts';
import { watchSteps, type When } from './steps.fixture.ts';

export type ChildOptions = {
  settings: Record<string, string>;
  now: number;
  /** The sessions that are active. */
  sessionIds: string[];
  /** By the step's number since the child was ready, or by its label. */
  kill?: { when: When; index?: number; label?: string };
};

export type Child = AsyncDisposable & {
  client: Client<PaymentsServer>;
  /** How it ended; undefined while it lives. */
  signal(): NodeJS.Signals | null | undefined;
  /** Whether it is dead already, or will be at once. */
  died(): Promise<boolean>;
};

/** `under`: a program and its arguments that run the child, as strace does; it is ended by being left alone then. */
export async function startChild(options: ChildOptions, { under = [] }: { under?: readonly string[] } = {}): Promise<Child> {
  const [execPath, ...execArgv] = [...under, process.execPath, '--conditions=@kiosk/source'];
  const child = fork(import.meta.filename, {
    execPath, execArgv,
    env: { ...process.env, CHILD: JSON.stringify(options), NODE_COMPILE_CACHE: join(tmpdir(), 'kiosk-compile-cache') },
  });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const [{ port }] = await Promise.race([
    once(child, 'message') as Promise<[{ port: number }]>,
    ended.then(([code, signal]) => {
      throw new Error(`the child ended before it was ready: ${signal ?? code}`);
    }),
  ]);
  const client = connect<PaymentsServer>({
    definition: PaymentsService, address: `127.0.0.1:${port}`, peer: 'payments', descriptors, tracer: new ProxyTracerProvider().getTracer('test'), observe: () => {},
  });
  return {
    client,
    signal: () => (child.exitCode === null && child.signalCode === null ? undefined : child.signalCode),
    async died() {
      const died = child.signalCode !== null || await Promise.race([ended.then(() => true), answers(child).then(() => false)]);
      return died;
    },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      if (under.length === 0) child.kill('SIGKILL');
      else if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** It lives if it answers: what it was asked to do before is done then. */
async function answers(child: ReturnType<typeof fork>): Promise<void> {
  const answer = once(child, 'message');
  child.send('quiet', () => {});
  await answer;
}

async function runChild({ settings, now, sessionIds, kill }: ChildOptions): Promise<void> {
  const steps = watchSteps({ onDeath: () => process.kill(process.pid, 'SIGKILL') });
  const sessions = standInSessions({ now: () => now, advance: () => {} });
  const { session } = await sessions.rpc.getSession({ sessionId: sessions.open() });
  const service = await startPayments({
    config: readConfig({ PAYMENTS_GRPC_PORT: '0', PAYMENTS_METRICS_PORT: '0', PAYMENT_POLL_INTERVAL_MS: '60000', PAYMENT_SUBMIT_WAIT_MS: '8000', ...settings }),
    now: () => now,
    log: createLog({ service: 'payments', level: 'fatal' }),
    around: steps.around,
    sessions: {
      ...sessions.rpc,
      getSession: ({ sessionId }, call) =>
        (sessionIds.includes(sessionId) ? Promise.resolve({ session: { ...session!, id: sessionId } }) : sessions.rpc.getSession({ sessionId }, call)),
    },
  });
  await steps.quiet();
  steps.arm(kill && { when: kill.when, at: ({ index, label }) => index === kill.index || label === kill.label });
  process.on('message', () => void steps.quiet().then(() => process.send!('quiet')));
  process.on('disconnect', () => process.exit(0));
  process.send!({ port: service.grpcPort });
}

if (process.argv[1] === import.meta.filename) await runChild(JSON.parse(process.env['CHILD']!) as ChildOptions);
