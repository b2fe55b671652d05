/** The HTTP server under Express: its limits, its answer to what is not HTTP, and its stop. */
import { Fault } from '@kiosk/fault';
import { stopWithin } from '@kiosk/service';
import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { problemOf } from './problem.ts';

/**
 * keepAliveTimeout is longer than a proxy's usual minute, so that the proxy is the one that closes. Node looks for late requests only every
 * connectionsCheckingInterval. All in ms but the size.
 */
const usualLimits = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 1000, keepAliveTimeout: 65_000, maxHeaderSize: 16_384 };
/** Within the ten seconds that a stopping process has. */
const drainMs = 8000;

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

/** Port 0 takes a free one. Disposing takes no new connections, lets what is under way finish for up to 8 s and closes the rest. */
export async function startHttp({ host, port, listener, mostConnections, limits = {} }: {
  host: string; port: number; listener: RequestListener; mostConnections: number; limits?: Partial<typeof usualLimits>;
}): Promise<HttpServer> {
  const server = createServer({ ...usualLimits, ...limits }, listener);
  // What comes beyond is closed at once.
  server.maxConnections = mostConnections;
  let stopping = false;
  server.on('request', (_request, response) => {
    if (stopping) response.shouldKeepAlive = false;
    // A connection kept alive for a request that will not be taken holds up the stop.
    response.once('close', () => stopping && setImmediate(() => server.closeIdleConnections()));
  });
  server.on('clientError', refuse);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await stopWithin(drainMs, { [Symbol.asyncDispose]: () => closed }).catch(() => server.closeAllConnections());
      await closed;
    },
  };
}

const refusals: Readonly<Record<string, [status: string, reason: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'headers_too_large', 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'request_timeout', 'The request did not arrive in time.'],
};

/** What cannot be parsed never reaches Express, and still gets a problem document. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, reason, message] = refusals[error.code ?? ''] ?? ['400 Bad Request', 'malformed_request', 'The request cannot be read.'];
  const requestId = randomUUID();
  const body = JSON.stringify({
    ...problemOf(new Fault({ kind: 'invalid', reason, message }), requestId), status: Number(status.slice(0, 3)), title: status.slice(4),
  });
  socket.end(`HTTP/1.1 ${status}\r\ncontent-type: application/problem+json\r\nx-request-id: ${requestId}\r\n`
    + `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}
