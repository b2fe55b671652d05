/** Requests to the gateway, made from what its document describes and then spoilt. */
import { readFileSync } from 'node:fs';
import { mutate, texts, value } from './hostile.ts';
import type { Random } from './random.ts';

export type HttpCase = { method: string; path: string; headers: Record<string, string>; body: Buffer | undefined };

type Parameter = { name: string; in: 'path' | 'query' | 'header' };
type Operation = { parameters: Parameter[]; requestBody?: { content: Record<string, { examples?: Record<string, { value: unknown }> }> } };
type Described = { method: string; path: string; operation: Operation; example: unknown };

/** An erasure writes the databases' files anew, the metrics ask every service, the documents are long: each takes as long as many other requests, which find more. */
const costly = ['DELETE /api/sessions/{id}', 'GET /metrics', 'GET /openapi.json', 'GET /docs'];
export const costlyPercent = 3;

const document = JSON.parse(readFileSync(new URL('../../../services/gateway/openapi.json', import.meta.url), 'utf8')) as { paths: Record<string, Record<string, Operation>> };
/** A stream of events has no end to wait for. */
const described: readonly Described[] = Object.entries(document.paths).filter(([path]) => !path.endsWith('/events')).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const [content] = Object.values(operation.requestBody?.content ?? {});
    const [example] = Object.values(content?.examples ?? {});
    return { method: method.toUpperCase(), path, operation, example: example?.value };
  }));

const ids: Readonly<Record<string, string>> = { sessions: 'ses', payments: 'pay', reports: 'rep' };
const contentTypes = ['application/json; charset=utf-8', 'application/json; charset=utf-7', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'APPLICATION/JSON', '*/*', ';', ''];

const cheap = described.filter(({ method, path }) => !costly.includes(`${method} ${path}`));

export function httpCase(random: Random): HttpCase {
  const { method, path, operation, example } = random.pick(random.chance(costlyPercent) ? described : cheap);
  const headers: Record<string, string> = {};
  const query = operation.parameters.filter((parameter) => parameter.in === 'query');
  if (random.chance(30)) headers[random.pick(['idempotency-key', 'if-none-match', 'x-request-id', 'traceparent', 'authorization', 'x-api-key', 'last-event-id', 'x-forwarded-for', 'origin'])] = headerText(random);
  const body = method === 'GET' || (method === 'DELETE' && !random.chance(10)) ? undefined : bodyOf(example ?? {}, random);
  if (body) headers['content-type'] = random.chance(92) ? 'application/json' : random.pick(contentTypes);
  if (body && random.chance(2)) headers['content-encoding'] = random.pick(['gzip', 'deflate', 'br', 'identity', 'x']);
  return {
    method: random.chance(97) ? method : random.pick(['PUT', 'OPTIONS', 'HEAD', 'TRACE', 'DELETE', 'PATCH', 'POST']),
    path: addressOf(path, random) + queryOf(query, random),
    headers,
    body,
  };
}

/** An id that is one but is nobody's, mostly; what it may say in a path cannot be more than its characters. */
function addressOf(path: string, random: Random): string {
  const prefix = ids[/^\/api\/(\w+)/.exec(path)?.[1] ?? ''] ?? 'ses';
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (random.chance(80)
    ? `${name === 'sessionId' ? 'ses' : prefix}_0${random.below(10)}hv3abcdefghjkmnpqrstvwx`
    : encoded(random.pick(texts).slice(0, 300), random)));
}

function queryOf(query: readonly Parameter[], random: Random): string {
  if (query.length === 0 || random.chance(20)) return random.chance(5) ? `?${encoded(random.pick(texts).slice(0, 300), random)}` : '';
  const parts = Array.from({ length: 1 + random.below(4) }, () => {
    const name = random.chance(90) ? random.pick(query).name : encoded(random.pick(texts).slice(0, 50), random);
    return `${name}${random.pick(['=', '=', '=', '[]=', '[a]=', ''])}${encoded(random.pick(texts).slice(0, 300), random)}`;
  });
  return `?${parts.join('&')}`;
}

/** As it must be, or in a way that cannot be decoded. */
function encoded(text: string, random: Random): string {
  const right = encodeURIComponent(text.toWellFormed());
  return random.chance(90) ? right : right.replace(/%../, random.pick(['%', '%zz', '%ff', '%c0%80', '%u0041']));
}

/** What a client may put into a header at all: anything else does not leave this process. */
function headerText(random: Random): string {
  return random.pick(texts).slice(0, 300).replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '');
}

function bodyOf(example: unknown, random: Random): Buffer {
  let body: unknown = structuredClone(example);
  const changes = random.below(4);
  for (let n = 0; n < changes; n++) body = changed(body, random);
  if (random.chance(2)) return Buffer.from(`${'['.repeat(20_000)}${']'.repeat(20_000)}`);
  if (random.chance(1)) return Buffer.from(JSON.stringify({ metadata: 'x'.repeat(random.pick([65_000, 66_000, 300_000])) }));
  const bytes = Buffer.from(JSON.stringify(body) ?? '');
  return random.chance(20) ? mutate(bytes, random) : bytes;
}

/** One place of the value is another value, is gone, or is under another name. */
function changed(body: unknown, random: Random): unknown {
  if (typeof body !== 'object' || body === null || random.chance(10)) return value(random);
  if (Array.isArray(body)) {
    const at = random.below(body.length + 1);
    return [...body.slice(0, at), changed(body[at] ?? {}, random), ...body.slice(at + 1)];
  }
  const members = Object.entries(body);
  const at = random.below(members.length + 1);
  const [name, member] = members[at] ?? [random.pick(texts).slice(0, 60), value(random)];
  const others = members.filter((_, index) => index !== at);
  switch (random.below(5)) {
    case 0: return Object.fromEntries(others);
    case 1: return Object.fromEntries([...others, [random.pick(texts).slice(0, 60), member]]);
    default: return Object.fromEntries([...others, [name, changed(member, random)]]);
  }
}

const requests: readonly string[] = [
  'GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n', 'POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{"type":"thickness"}',
  'POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n14\r\n{"type":"thickness"}\r\n0\r\n\r\n',
  'GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n', 'POST /api/sessions HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n', 'GET http://a/health/live HTTP/1.1\r\nhost: b\r\n\r\n',
];

/** Bytes for a socket: requests that are none any more. */
export function rawHttpCase(random: Random): Buffer {
  let bytes = Buffer.from(random.pick(requests), 'latin1');
  for (let n = random.below(4); n > 0; n--) bytes = Buffer.from(mutate(bytes, random));
  return bytes;
}
