/** The HTTP or HTTPS server under Express: its limits, its answer to what is not HTTP, and its stop. */
import { Fault } from '@kiosk/fault';
import { http, stopWithin, type Turns } from '@kiosk/service';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Certificate } from './certificate.ts';
import type { Connections } from './connections.ts';
import type { FrontDoor } from './front-door.ts';
import { guard } from './gate.ts';
import type { Messages } from './messages.ts';
import { OpenAnswers } from './open-answers.ts';
import { refusalOf, textOf } from './refusal.ts';

/**
 * A request has headersTimeout for its headers and requestTimeout for all of it, which is 9 KiB a second for the largest body; a client has takeTimeout to take
 * the rest of an answer after its end. What is under way when the server stops has drainTimeout, within the ten seconds that a stopping process has.
 * keepAliveTimeout is longer than a proxy's usual minute, so that the proxy is the one that closes. Node looks for who is late only every
 * connectionsCheckingInterval. All in ms but the size.
 */
const usualLimits = {
  headersTimeout: 10_000, requestTimeout: 30_000, takeTimeout: 30_000, drainTimeout: 8000, connectionsCheckingInterval: 1000, keepAliveTimeout: 65_000, maxHeaderSize: 16_384,
};
/** Connections that the system keeps until they are accepted. One that finds no room there tries again only after a second. */
const backlog = 4096;
/**
 * Sockets that listen on the port. Node accepts one connection of each in a turn of its event loop (libuv since 1.46), and with many to refuse in each turn that
 * would be some tens a second: newcomers, a notification of the PSP among them, would wait in a queue that nobody limits. Elsewhere than on Linux it is one.
 */
const listeners = process.platform === 'linux' ? 16 : 1;
/** RFC 8996: what is older is broken. */
const tlsLimits = { minVersion: 'TLSv1.2', handshakeTimeout: 10_000 } as const;

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
  /** For the connections that come from now on. Only where it was started with one. */
  useCertificate(certificate: Certificate): void;
}

/**
 * HTTPS with a certificate, otherwise HTTP. Port 0 takes a free one. Disposing takes no new connections, lets what is under way finish for up to 8 s and
 * closes the rest.
 */
export async function startHttp({ host, port, door, turns, messages, connections, certificate, limits = {} }: {
  host: string; port: number; door: FrontDoor; turns: Turns; messages?: Messages; connections: Connections; certificate?: Certificate; limits?: Partial<typeof usualLimits>;
}): Promise<HttpServer> {
  const { takeTimeout, drainTimeout, ...nodes } = { ...usualLimits, ...limits, ...messages };
  const server = certificate ? createHttpsServer({ ...nodes, ...tlsLimits, ...certificate }, door.listener) : http.createServer(nodes, door.listener);
  server.on('connection', (socket: Socket) => connections.add(socket));
  guard(server, { event: certificate ? 'secureConnection' : 'connection', busy: door.busy, refuse: door.refuse, turns });
  const open = new OpenAnswers();
  const slowReaders = setInterval(() => open.closeSlow({ takeTimeout, now: performance.now() }), nodes.connectionsCheckingInterval).unref();
  let stopping = false;
  server.on('request', (_request, response) => {
    const place = open.add(response);
    if (stopping) response.shouldKeepAlive = false;
    response.on('close', () => {
      open.remove(place);
      // A connection kept alive for a request that will not be taken holds up the stop.
      if (stopping) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.on('clientError', refuse);
  const all = await listenTogether(server, { host, port, allowHalfOpen: !certificate });
  return {
    port: (server.address() as AddressInfo).port,
    useCertificate: (changed) => (server as HttpsServer).setSecureContext({ ...changed, minVersion: tlsLimits.minVersion }),
    async [Symbol.asyncDispose]() {
      using _watch = slowReaders;
      stopping = true;
      const closed = Promise.all(all.map((each) => once(each.close(), 'close')));
      await stopWithin(drainTimeout, { [Symbol.asyncDispose]: async () => void await closed }).catch(() => connections.closeAll());
      await closed;
    },
  };
}

/** Has the server listen, and others beside it on the same port that give it what they accept. Resolves with all of them. Fails where somebody else has the port. */
async function listenTogether(server: Server, { host, port, allowHalfOpen }: { host: string; port: number; allowHalfOpen: boolean }): Promise<Server[]> {
  const reusePort = listeners > 1;
  // With `reusePort` a second gateway would quietly get half of what comes.
  if (reusePort && port !== 0) {
    const probe = createServer();
    await once(probe.listen({ host, port }), 'listening');
    await once(probe.close(), 'close');
  }
  await once(server.listen({ host, port, backlog, reusePort }), 'listening');
  const { port: taken } = server.address() as AddressInfo;
  const others = Array.from({ length: listeners - 1 }, () => createServer({ allowHalfOpen, noDelay: true }, (socket) => void server.emit('connection', socket)));
  await Promise.all(others.map((other) => once(other.listen({ host, port: taken, backlog, reusePort }), 'listening')));
  return [server, ...others];
}

const refusals: Readonly<Record<string, { reason: string; message: string }>> = {
  HPE_HEADER_OVERFLOW: { reason: 'headers_too_large', message: 'The headers are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { reason: 'request_timeout', message: 'The request did not arrive in time.' },
};
const malformed = { reason: 'malformed_request', message: 'The request cannot be read.' };

/** What cannot be parsed never reaches Express, and still gets a problem document. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  const { code = '' } = error;
  // Without a handshake there is nothing to write through.
  if (code === 'ECONNRESET' || /^ERR_(SSL|TLS)_/.test(code) || !socket.writable) return void socket.destroy();
  const fault = new Fault({ kind: 'invalid', ...refusals[code] ?? malformed });
  socket.end(textOf(refusalOf(fault, randomUUID(), { connection: 'close' })), 'latin1');
}
