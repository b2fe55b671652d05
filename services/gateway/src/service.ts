/** The wiring: builds everything, in the order in which it is needed, and stops it in reverse. */
import { descriptors } from '@kiosk/contracts/descriptors';
import { PaymentsService, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { ReportingService, type ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import { SessionsService, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { connect, type Inside } from '@kiosk/rpc';
import { createLog, createMetrics, createTurns, observeCalls, startTracing, type Log, type Running } from '@kiosk/service';
import { readFileSync } from 'node:fs';
import { knowBy } from './access.ts';
import { createApp } from './app.ts';
import { loopback, within } from './addresses.ts';
import { readCertificate, watchCertificate } from './certificate.ts';
import type { GatewayConfig } from './config.ts';
import { Connections } from './connections.ts';
import { corsFor } from './cors.ts';
import { frontDoor } from './front-door.ts';
import { Held } from './held.ts';
import { messagesOf } from './messages.ts';
import { createRoom, measureEventLoop } from './overload.ts';
import { longestCallMs } from './route.ts';
import { startHttp } from './server.ts';
import { routeTable, type Clients } from './table.ts';
import { createThrottle } from './throttle.ts';

/** Written by openapi-file.ts. */
const documentFile = new URL('../openapi.json', import.meta.url);

export type { GatewayConfig } from './config.ts';

export interface GatewayService extends Running {
  readonly port: number;
}

/** A test passes stand-ins for the services. */
export type GatewayOptions = { config: GatewayConfig; log?: Log & AsyncDisposable; clients?: Clients; inside?: Inside; now?: () => number; certificateCheckMs?: number };

/** Enough for one commit to serve many, few enough for the next to be on their way while it runs: measured with 64 connections, see docs/decisions/0015. */
const requestsPerTurn = 16;

export async function startGateway({
  config, log = createLog({ service: 'gateway', level: config.logLevel, format: config.logFormat }), clients, inside, now = Date.now, certificateCheckMs,
}: GatewayOptions): Promise<GatewayService> {
  await using starting = new AsyncDisposableStack();
  const metrics = createMetrics({ service: 'gateway' });
  const { tracer } = starting.use(await startTracing({ service: 'gateway', endpoint: config.otlpEndpoint, protocol: config.otlpProtocol }));
  const options = { inside, tls: config.tls, descriptors, tracer, observe: observeCalls(metrics, log), timeoutMs: longestCallMs };
  const { peers } = config;
  const { sessions, payments, reporting }: Clients = clients ?? {
    sessions: starting.use(connect<SessionsServer>({ ...options, definition: SessionsService, address: peers.sessions.grpcAddress, peer: 'sessions' })),
    payments: starting.use(connect<PaymentsServer>({ ...options, definition: PaymentsService, address: peers.payments.grpcAddress, peer: 'payments' })),
    reporting: starting.use(connect<ReportingServer>({ ...options, definition: ReportingService, address: peers.reporting.grpcAddress, peer: 'reporting' })),
  };
  const eventLoop = starting.use(measureEventLoop());
  const held = new Held({ most: config.mostStreams, mostPerCaller: config.mostStreamsPerCaller, metrics });
  const routes = routeTable({ sessions, payments, reporting, held, peers, metrics, document: readFileSync(documentFile, 'utf8') });
  const turns = createTurns({ perTurn: requestsPerTurn });
  const room = createRoom({ places: config.places, toleratedDelayMs: config.toleratedDelayMs, eventLoopDelayMs: eventLoop.delayMs, turns });
  const cors = corsFor(config.corsOrigins);
  const app = createApp({
    routes,
    keys: config.keys,
    throttle: createThrottle({ limits: config.ratesPerMinute, now }),
    room,
    cors,
    trustedProxies: config.trustedProxies,
    tracer,
    metrics,
    log,
  });
  const door = frontDoor({ routes, room, cors, metrics, isKnown: knowBy(config.keys), listener: app });
  const { certificateFiles: files } = config;
  const certificate = files && readCertificate(files);
  const connections = new Connections({ most: config.mostConnections, mostPerAddress: config.mostConnectionsPerAddress, isProxy: within([...loopback, ...config.trustedProxies]) });
  const server = starting.use(await startHttp({ host: config.host, port: config.port, door, turns, messages: messagesOf(app), connections, certificate }));
  // Ends before the server stops, which waits for whatever is open.
  starting.use(held);
  if (files) {
    starting.use(watchCertificate(files, {
      onChange: (changed) => {
        server.useCertificate(changed);
        log.info({}, 'the certificate was read again');
      },
      onBad: (error) => log.error({ error }, 'the changed certificate cannot be used; the one before stays'),
      everyMs: certificateCheckMs,
    }));
  }

  const running = starting.move();
  return {
    ready: `gateway ready: ${certificate ? 'https' : 'http'}://${config.host}:${server.port} (${config.env})`,
    log,
    port: server.port,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
