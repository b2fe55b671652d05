/**
 * Refuses on the socket, before the bytes are parsed as HTTP (G4). Node needs several times as long to make a request and a response object as to write a
 * refusal, and at ten times the capacity nine of ten requests are refused: what they cost is taken from those that are served.
 *
 * Only what is one whole plain request in one piece, on a connection where nothing is under way, is refused here. Everything else is Node's parser's, and a
 * connection whose bytes did not end where the parser saw its request end is the parser's for good: two readers who disagree on where a request ends are how
 * requests are smuggled. The first request of a connection is always the parser's, because it counts the time to that.
 */
import type { Turns } from '@kiosk/service';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { plainRequestOf, type PlainRequest } from './plain-request.ts';
import { answerUnderStreams } from './under-streams.ts';

/** Gives the whole answer as latin1, or undefined where the request is let in. */
export type Refuse = (request: PlainRequest) => string | undefined;

/** Who does not read its answers gets no more of them. */
const mostUnreadBytes = 64 * 1024;

type Exchange = { request: IncomingMessage; response: ServerResponse };
type Connection = { underWay: number; /** What the parser has found in the bytes that it was given last. */ found: Exchange | 'several' | undefined };

/**
 * `busy` is asked for every request and `refuse` only while it holds; what is let in begins when `turns` say so. To be called before the server listens.
 */
export function guard(server: Server, { event, busy, refuse, turns }: {
  event: 'connection' | 'secureConnection'; busy: () => boolean; refuse: Refuse; turns: Pick<Turns, 'take'>;
}): void {
  const connections = new WeakMap<Socket, Connection>();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(request.socket);
    if (!connection) return;
    connection.underWay++;
    connection.found = connection.found ? 'several' : { request, response };
    response.on('close', () => connection.underWay--);
  });
  server.on(event, (socket: Socket) => {
    const [parse, ...others] = socket.listeners('data') as ((chunk: Buffer) => void)[];
    if (!parse || others.length > 0) throw new Error('this version of Node reads connections in another way');
    const connection: Connection = { underWay: 0, found: undefined };
    connections.set(socket, connection);
    let isFirst = true;
    let isParsers = false;
    let waiting: Buffer | undefined;

    function read(chunk: Buffer): void {
      // Whoever sends ahead of the answers is begun at once, so that nothing is passed.
      if (waiting) parseNow(waiting);
      const isFree = isBetween();
      isFirst = false;
      if (!isFree) return parseNow(chunk);
      if (isRefused(chunk)) return;
      if (!chunk.includes(headEnd)) return parseNow(chunk);
      waiting = chunk;
      turns.take(() => {
        if (waiting !== chunk) return false;
        waiting = undefined;
        if (socket.destroyed || isRefused(chunk)) return false;
        parseNow(chunk);
        return true;
      });
    }

    function parseNow(chunk: Buffer): void {
      waiting = undefined;
      parse!(chunk);
      const { found } = connection;
      connection.found = undefined;
      if (isParsers || isWhole(found, chunk)) return;
      isParsers = true;
      connections.delete(socket);
      socket.off('data', read).on('data', parse!);
    }

    /** Whether the next bytes begin a request that may be refused here. */
    function isBetween(): boolean {
      return !isFirst && !isParsers && !waiting && connection.underWay === 0;
    }

    function refusalOf(chunk: Buffer): string | undefined {
      const request = busy() ? plainRequestOf(chunk) : undefined;
      return request && refuse(request);
    }

    function isRefused(chunk: Buffer): boolean {
      const answer = refusalOf(chunk);
      if (answer === undefined) return false;
      if (socket.writableLength > mostUnreadBytes) socket.destroy();
      else socket.write(answer, 'latin1');
      return true;
    }

    socket.off('data', parse).on('data', read);
    // What is encrypted is read and written elsewhere.
    if (event === 'connection') answerUnderStreams(socket, (chunk) => (isBetween() ? refusalOf(chunk) : undefined));
  });
}

/** Whether what the parser has found in these bytes is one request, all of it and nothing else, and more may follow. */
function isWhole(found: Connection['found'], bytes: Buffer): boolean {
  if (!found || found === 'several' || !found.request.complete || !found.response.shouldKeepAlive) return false;
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = found.request.headers;
  return encoding === undefined && bytes.length === bytes.indexOf(headEnd) + headEnd.length + Number(length);
}

const headEnd = Buffer.from('\r\n\r\n');
