/** The wiring: builds everything, in the order in which it is needed, and stops it in reverse. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { PaymentsService, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { ReportingService, type ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import { SessionsService, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { connect, type Rpc } from '@kiosk/rpc';
import { createLog, createMetrics, observeCalls, startTracing, type Log, type Running } from '@kiosk/service';
import { createApp } from './app.ts';
import type { GatewayConfig } from './config.ts';
import { healthRoutes } from './health.ts';
import { metricsRoutes } from './metrics.ts';
import { paymentRoutes } from './payments.ts';
import { reportRoutes, reportTimeoutMs } from './reports.ts';
import { startHttp } from './server.ts';
import { sessionRoutes } from './sessions.ts';
import { unbuiltRoutes } from './unbuilt.ts';
import { webhookRoutes } from './webhooks.ts';

export type { GatewayConfig } from './config.ts';

export interface GatewayService extends Running {
  readonly port: number;
}

/** The services as the gateway sees them; a test passes stand-ins. */
export type Clients = { sessions: Rpc<SessionsServer>; payments: Rpc<PaymentsServer>; reporting: Rpc<ReportingServer> };

export type GatewayOptions = { config: GatewayConfig; log?: Log & AsyncDisposable; clients?: Clients };

export async function startGateway({ config, log = createLog({ service: 'gateway', level: config.logLevel }), clients }: GatewayOptions): Promise<GatewayService> {
  await using starting = new AsyncDisposableStack();
  const metrics = createMetrics({ service: 'gateway' });
  const { tracer } = starting.use(await startTracing({ service: 'gateway', endpoint: config.otlpEndpoint, protocol: config.otlpProtocol }));
  const options = { descriptors, tracer, observe: observeCalls(metrics) };
  const { peers } = config;
  const { sessions, payments, reporting }: Clients = clients ?? {
    sessions: starting.use(connect<SessionsServer>({ ...options, definition: SessionsService, address: peers.sessions.grpcAddress, peer: 'sessions' })),
    payments: starting.use(connect<PaymentsServer>({ ...options, definition: PaymentsService, address: peers.payments.grpcAddress, peer: 'payments' })),
    reporting: starting.use(connect<ReportingServer>({
      ...options, definition: ReportingService, address: peers.reporting.grpcAddress, peer: 'reporting', timeoutMs: reportTimeoutMs,
    })),
  };
  const app = createApp({
    routes: [
      ...sessionRoutes(sessions), ...paymentRoutes(payments), ...reportRoutes(reporting), ...webhookRoutes(payments),
      ...metricsRoutes({ peers, metrics }), ...healthRoutes({ peers }), ...unbuiltRoutes,
    ],
    trustedProxies: config.trustedProxies, tracer, metrics, log,
  });
  const server = starting.use(await startHttp({ host: config.host, port: config.port, listener: app }));

  const running = starting.move();
  return {
    ready: `gateway ready: http://${config.host}:${server.port} (${config.env})`,
    log,
    port: server.port,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
