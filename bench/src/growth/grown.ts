/** A kiosk over a history: its four processes, and what they can be asked to do. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { PaymentsService, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { connect } from '@kiosk/rpc';
import { startTracing } from '@kiosk/service';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../../dev/stack/src/ports.ts';
import { kioskKey } from '../http-connection.ts';
import { start, type Running } from '../processes.ts';
import { spanMs, type History } from './fill.ts';
import type { Samples } from './histories.ts';
import type { Job, JobResult } from './service.ts';

export const operatorKey = 'bench-operator-0123456789abcdef';
/** Whose key the bench has as a kiosk. */
export const ownKiosk = 'kiosk-7';
export const storeNames = ['sessions', 'payments', 'reporting'] as const;
export type StoreName = (typeof storeNames)[number];

const portNames = ['PORT', 'SESSIONS_GRPC_PORT', 'PAYMENTS_GRPC_PORT', 'REPORTING_GRPC_PORT', 'SESSIONS_METRICS_PORT', 'PAYMENTS_METRICS_PORT', 'REPORTING_METRICS_PORT'] as const;
const unreachableRate = '1000000';

export interface Grown extends AsyncDisposable {
  readonly history: History;
  readonly samples: Samples;
  /** Of the gateway. */
  readonly port: number;
  readonly metricsPorts: Readonly<Record<StoreName, number>>;
  readonly payments: Pick<ReturnType<typeof connect<PaymentsServer>>, 'listAnomalies' | 'reconcile'>;
  /** From the process's beginning until it is ready, with what its jobs do first. */
  readonly startMs: Readonly<Record<StoreName, number>>;
  /** Of the process, in MB. */
  residentMb(store: StoreName): number;
  run(store: StoreName, job: Job): Promise<JobResult>;
}

/** The jobs that come round by themselves are out of the way: they are asked for. */
export async function startGrown({ history, samples }: { history: History; samples: Samples }): Promise<Grown> {
  await using starting = new AsyncDisposableStack();
  const ports = await freePorts(portNames.length);
  const port = (name: (typeof portNames)[number]): number => ports[portNames.indexOf(name)]!;
  const env = {
    ...Object.fromEntries(portNames.map((name) => [name, String(port(name))])),
    STORAGE_PATH: history.folder, LOG_LEVEL: 'info', DEV_MANUAL_MODE: 'true',
    KIOSK_API_KEYS: `${ownKiosk}:${kioskKey}`, OPERATOR_API_KEYS: `bench:${operatorKey}`,
    RATE_LIMIT_REQUESTS_PER_MINUTE: unreachableRate, RATE_LIMIT_INTENTS_PER_MINUTE: unreachableRate, RATE_LIMIT_REPORTS_PER_MINUTE: unreachableRate, RATE_LIMIT_SMS_PER_MINUTE: unreachableRate, RATE_LIMIT_EVERYONE_PER_MINUTE: unreachableRate, OVERLOAD_DELAY_MS: '10000',
    SESSION_SWEEP_INTERVAL_MS: '3600000', PAYMENT_POLL_INTERVAL_MS: '60000',
  };
  const processes = new Map<StoreName, Running>();
  const startMs: Partial<Record<StoreName, number>> = {};
  for (const store of storeNames) {
    const startedAt = performance.now();
    processes.set(store, starting.use(await start({
      file: new URL('./service.ts', import.meta.url), args: [store, String(history.now), String(spanMs(history))], env, logFile: join(history.folder, `${store}.log`),
    })));
    startMs[store] = performance.now() - startedAt;
  }
  starting.use(await start({ file: new URL('../../../services/gateway/src/main.ts', import.meta.url), env, logFile: join(history.folder, 'gateway.log') }));
  const { tracer } = starting.use(await startTracing({ service: 'bench', protocol: 'http/protobuf' }));
  const payments = starting.use(connect<PaymentsServer>({
    definition: PaymentsService, address: `127.0.0.1:${port('PAYMENTS_GRPC_PORT')}`, peer: 'payments', descriptors, tracer, observe: () => {}, timeoutMs: 60_000,
  }));
  const running = starting.move();
  return {
    history, samples, payments, port: port('PORT'), startMs: startMs as Record<StoreName, number>,
    metricsPorts: { sessions: port('SESSIONS_METRICS_PORT'), payments: port('PAYMENTS_METRICS_PORT'), reporting: port('REPORTING_METRICS_PORT') },
    residentMb: (store) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${processes.get(store)!.pid}/status`, 'latin1'))?.[1]) / 1024,
    run: async (store, job) => await processes.get(store)!.ask(job) as JobResult,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
