/**
 * Refuses on the socket, before the bytes are parsed as HTTP (G4). Node needs several times as long to make a request and a response object as to write a
 * refusal, and at ten times the capacity nine of ten requests are refused: what they cost is taken from those that are served.
 *
 * Only what is one whole plain request in one piece, on a connection where nothing is under way, is refused here. Everything else is Node's parser's, and a
 * connection whose bytes did not end where the parser saw its request end is the parser's for good: two readers who disagree on where a request ends are how
 * requests are smuggled. The first request of a connection is always the parser's, because it counts the time to that.
 */
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Turns } from './turns.ts';

export type PlainRequest = { method: string; url: string; headers: IncomingHttpHeaders };

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
  event: 'connection' | 'secureConnection'; busy: () => boolean; refuse: Refuse; turns: Turns;
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
      const isBetween = !isFirst && !isParsers && connection.underWay === 0;
      isFirst = false;
      if (!isBetween || !chunk.includes(headEnd)) return parseNow(chunk);
      if (isRefused(chunk)) return;
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

    function isRefused(chunk: Buffer): boolean {
      const request = busy() ? plainRequestOf(chunk) : undefined;
      const answer = request && refuse(request);
      if (answer === undefined) return false;
      if (socket.writableLength > mostUnreadBytes) socket.destroy();
      else socket.write(answer, 'latin1');
      return true;
    }

    socket.off('data', parse).on('data', read);
  });
}

/** Whether what the parser has found in these bytes is one request, all of it and nothing else, and more may follow. */
function isWhole(found: Connection['found'], bytes: Buffer): boolean {
  if (!found || found === 'several' || !found.request.complete || !found.response.shouldKeepAlive) return false;
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = found.request.headers;
  return encoding === undefined && bytes.length === bytes.indexOf(headEnd) + headEnd.length + Number(length);
}

const headEnd = Buffer.from('\r\n\r\n');
const wholeHead = /^(GET|HEAD|POST|PATCH|DELETE) (\/[\x21-\x7e]*) HTTP\/1\.1\r\n((?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+)\r\n$/;
/** These say where a request ends or what becomes of its connection. */
const framing = /(?:^|\n)(host|content-length|connection|transfer-encoding|upgrade|expect|trailer|te):[\t ]*([^\r]*)/gi;

/** The request that these bytes are, all of it and nothing else; undefined where there is any doubt. */
export function plainRequestOf(bytes: Buffer): PlainRequest | undefined {
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
  return bytes.length === headLength + Number(length ?? 0) ? { method, url, headers: headersOf(headerLines) } : undefined;
}

/** Headers of one name are joined, as Node does. Each line ends with CRLF. */
function headersOf(headerLines: string): IncomingHttpHeaders {
  const headers: Record<string, string> = Object.create(null);
  for (let at = 0; at < headerLines.length;) {
    const end = headerLines.indexOf('\r\n', at);
    const colon = headerLines.indexOf(':', at);
    const name = headerLines.slice(at, colon).toLowerCase();
    let [first, last] = [colon + 1, end];
    while (first < last && isBlank(headerLines, first)) first++;
    while (first < last && isBlank(headerLines, last - 1)) last--;
    const value = headerLines.slice(first, last);
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    at = end + 2;
  }
  return headers;
}

/** HTTP's own white space, which is less than that of `trim`. */
function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}
