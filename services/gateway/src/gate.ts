/**
 * Refuses on the socket, before the bytes are parsed as HTTP (G4). Node needs several times as long to make a request and a response object as to write a
 * refusal, and at ten times the capacity nine of ten requests are refused: what they cost is taken from those that are served.
 *
 * Only what is one whole plain request in one piece, on a connection where nothing is under way, is looked at here. Everything else is Node's parser's, which
 * then has the connection for good: two readers who disagree on where a request ends are how requests are smuggled. The first request of a connection is
 * always the parser's, because it counts the time to that.
 */
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Turns } from './turns.ts';

export type PlainRequest = { method: string; url: string; headers: IncomingHttpHeaders };

/** Gives the whole answer as latin1, or undefined where the request is let in. */
export type Refuse = (request: PlainRequest) => string | undefined;

/** Who does not read its answers gets no more of them. */
const mostUnreadBytes = 64 * 1024;

/**
 * `busy` is asked for every request and `refuse` only while it holds; what is let in begins when `turns` say so. To be called before the server listens.
 */
export function guard(server: Server, { event, busy, refuse, turns }: {
  event: 'connection' | 'secureConnection'; busy: () => boolean; refuse: Refuse; turns: Turns;
}): void {
  const connections = new WeakMap<Socket, { underWay: number }>();
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(socket)!;
    connection.underWay++;
    response.once('close', () => connection.underWay--);
  });
  server.on(event, (socket: Socket) => {
    const [parse, ...others] = socket.listeners('data') as ((chunk: Buffer) => void)[];
    if (!parse || others.length > 0) throw new Error('this version of Node reads connections in another way');
    const connection = { underWay: 0 };
    connections.set(socket, connection);
    let first = true;
    let waiting: Buffer | undefined;

    function read(chunk: Buffer): void {
      if (waiting) {
        // Whoever sends ahead of the answers is the parser's, with all that came before.
        const before = waiting;
        waiting = undefined;
        parse!(before);
      }
      const head = plainHeadOf(chunk);
      const between = !first && connection.underWay === 0;
      first = false;
      if (head && between) {
        if (isRefused(head)) return;
        waiting = chunk;
        turns.take(() => begin(chunk, head));
        return;
      }
      if (!head) socket.off('data', read).on('data', parse!);
      parse!(chunk);
    }

    function begin(chunk: Buffer, head: PlainHead): void {
      if (waiting !== chunk) return;
      waiting = undefined;
      if (!socket.destroyed && !isRefused(head)) parse!(chunk);
    }

    function isRefused(head: PlainHead): boolean {
      const answer = busy() ? refuse(requestOf(head)) : undefined;
      if (answer === undefined) return false;
      if (socket.writableLength > mostUnreadBytes) socket.destroy();
      else socket.write(answer, 'latin1');
      return true;
    }

    socket.off('data', parse).on('data', read);
  });
}

type PlainHead = { method: string; url: string; /** Each ends with CRLF. */ headerLines: string };

const headEnd = Buffer.from('\r\n\r\n');
const wholeHead = /^(GET|HEAD|POST|PATCH|DELETE) (\/[\x21-\x7e]*) HTTP\/1\.1\r\n((?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+)\r\n$/;
/** These say where a request ends or what becomes of its connection. */
const framing = /(?:^|\n)(host|content-length|connection|transfer-encoding|upgrade|expect|trailer|te):[\t ]*([^\r]*)/gi;

/** Asked of every request, so it looks at no more than where the request ends: two expressions, and no object for each header. */
function plainHeadOf(bytes: Buffer): PlainHead | undefined {
  const headLength = bytes.indexOf(headEnd) + headEnd.length;
  if (headLength < headEnd.length) return undefined;
  const [, method, url, headerLines] = wholeHead.exec(bytes.toString('latin1', 0, headLength)) ?? [];
  if (method === undefined || url === undefined || headerLines === undefined) return undefined;
  let host: string | undefined;
  let connection: string | undefined;
  let length: string | undefined;
  framing.lastIndex = 0;
  for (let found = framing.exec(headerLines); found; found = framing.exec(headerLines)) {
    const value = found[2]!;
    const name = found[1]!.toLowerCase();
    if (name === 'host' && host === undefined) host = value;
    else if (name === 'content-length' && length === undefined) length = value;
    else if (name === 'connection' && connection === undefined && /^keep-alive[\t ]*$/i.test(value)) connection = value;
    else return undefined;
  }
  if (host === undefined || (length !== undefined && !/^\d{1,9}[\t ]*$/.test(length))) return undefined;
  return bytes.length === headLength + Number(length ?? 0) ? { method, url, headerLines } : undefined;
}

/** Headers of one name are joined, as Node does. */
function requestOf({ method, url, headerLines }: PlainHead): PlainRequest {
  const headers: Record<string, string> = Object.create(null);
  for (const line of headerLines.split('\r\n').slice(0, -1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).replaceAll(/^[\t ]+|[\t ]+$/g, '');
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { method, url, headers };
}

/** The request that these bytes are, all of it and nothing else; undefined where there is any doubt. */
export function plainRequestOf(bytes: Buffer): PlainRequest | undefined {
  const head = plainHeadOf(bytes);
  return head && requestOf(head);
}
