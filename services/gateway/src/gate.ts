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

export type PlainRequest = { method: string; url: string; headers: IncomingHttpHeaders };

/** Gives the whole answer as latin1, or undefined where the request is let in. */
export type Refuse = (request: PlainRequest) => string | undefined;

/** Who does not read its answers gets no more of them. */
const mostUnreadBytes = 64 * 1024;

/** `busy` is asked for every request and `refuse` only while it holds. To be called before the server listens. */
export function guard(server: Server, { event, busy, refuse }: { event: 'connection' | 'secureConnection'; busy: () => boolean; refuse: Refuse }): void {
  const underWay = new WeakMap<Socket, number>();
  const count = (socket: Socket, by: 1 | -1): void => void underWay.set(socket, (underWay.get(socket) ?? 0) + by);
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    count(socket, 1);
    response.once('close', () => count(socket, -1));
  });
  server.on(event, (socket: Socket) => {
    const [parse, ...others] = socket.listeners('data') as ((chunk: Buffer) => void)[];
    if (!parse || others.length > 0) throw new Error('this version of Node reads connections in another way');
    let first = true;
    function read(chunk: Buffer): void {
      const request = plainRequestOf(chunk);
      const between = !first && underWay.get(socket) === 0;
      first = false;
      const answer = request && between && busy() ? refuse(request) : undefined;
      if (answer !== undefined) {
        if (socket.writableLength > mostUnreadBytes) socket.destroy();
        else socket.write(answer, 'latin1');
        return;
      }
      if (!request) socket.off('data', read).on('data', parse!);
      parse!(chunk);
    }
    socket.off('data', parse).on('data', read);
  });
}

const headEnd = Buffer.from('\r\n\r\n');
const requestLine = /^(GET|HEAD|POST|PATCH|DELETE) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const headerLine = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
/** These change where a request ends or what becomes of its connection. */
const notPlain = new Set(['transfer-encoding', 'upgrade', 'expect', 'trailer', 'te']);

/** The request that these bytes are, all of it and nothing else; undefined where there is any doubt. */
export function plainRequestOf(bytes: Buffer): PlainRequest | undefined {
  const headLength = bytes.indexOf(headEnd);
  if (headLength < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, headLength).split('\r\n');
  const [, method, url] = requestLine.exec(first) ?? [];
  if (method === undefined || url === undefined) return undefined;
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const [, name, value] = headerLine.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    if (key in headers || notPlain.has(key) || (key === 'connection' && value.trim().toLowerCase() !== 'keep-alive')) return undefined;
    headers[key] = value.trimEnd();
  }
  const length = headers['content-length'] ?? '0';
  if (!/^\d{1,9}$/.test(length) || !('host' in headers)) return undefined;
  return bytes.length === headLength + headEnd.length + Number(length) ? { method, url, headers } : undefined;
}
