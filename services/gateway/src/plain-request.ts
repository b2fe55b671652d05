/**
 * Reads a request from its bytes as far as a refusal needs it (G4). Byte by byte: at ten times the capacity nine of ten requests are refused, and a pattern over
 * the whole head with an object of all its headers took as long as everything else that a refusal does.
 */
export type PlainRequest = {
  method: string; url: string;
  headers: { [name in (typeof kept)[number]]?: string };
};

const [tab, lineFeed, carriageReturn, space, colon, zero] = [0x09, 0x0a, 0x0d, 0x20, 0x3a, 0x30];
/** Not HEAD: what refuses it must not have a body. */
const methods = ['GET', 'POST', 'PATCH', 'DELETE'].map((method) => ({ method, start: Buffer.from(`${method} /`) }));
const version = Buffer.from(' HTTP/1.1\r\n');
const keepAlive = Buffer.from('keep-alive');
const mostDigits = 9;

/** https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 */
const isToken = bytesWhere((text) => /^[\w!#$%&'*+.^`|~-]$/.test(text));
const isInTarget = bytesWhere((text) => /^[\x21-\x7e]$/.test(text));
const isInValue = bytesWhere((text) => /^[\t\x20-\x7e\x80-\xff]$/.test(text));

/** What a refusal answers to, and who asks. */
const kept = ['x-request-id', 'origin', 'authorization', 'x-api-key'] as const;
/** These, and what says where a request ends or what becomes of its connection. Found by length: most headers are none of these. */
const names = [...kept, 'host', 'content-length', 'connection', 'transfer-encoding', 'upgrade', 'expect', 'trailer', 'te'] as const;
const namesByLength = Array.from({ length: 1 + Math.max(...names.map(({ length }) => length)) }, (_, length) =>
  names.filter((name) => name.length === length).map((name) => ({ name, bytes: Buffer.from(name) })));

/** The request that these bytes are, all of it and nothing else; undefined where there is any doubt. */
export function plainRequestOf(bytes: Buffer): PlainRequest | undefined {
  const method = methods.find(({ start }) => hasAt(bytes, 0, start))?.method;
  if (method === undefined) return undefined;
  const urlAt = method.length + 1;
  const urlEnd = endOf(isInTarget, bytes, urlAt);
  if (!hasAt(bytes, urlEnd, version)) return undefined;
  let at = urlEnd + version.length;
  const headers: PlainRequest['headers'] = {};
  let [hasHost, isKeptAlive] = [false, false];
  let bodyLength: number | undefined;
  while (bytes[at] !== carriageReturn) {
    const nameEnd = endOf(isToken, bytes, at);
    const valueEnd = endOf(isInValue, bytes, nameEnd + 1);
    if (nameEnd === at || bytes[nameEnd] !== colon || bytes[valueEnd] !== carriageReturn || bytes[valueEnd + 1] !== lineFeed) return undefined;
    const name = nameIn(bytes, at, nameEnd);
    at = valueEnd + 2;
    if (name === undefined) continue;
    let [first, last] = [nameEnd + 1, valueEnd];
    // White space is less in HTTP than for `trim`.
    while (first < last && isBlank(bytes[first]!)) first++;
    while (first < last && isBlank(bytes[last - 1]!)) last--;
    if (isKept(name)) {
      const value = bytes.toString('latin1', first, last);
      // Headers of one name are joined, as Node does: two ids of a request are none.
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    } else if (name === 'host' && !hasHost) hasHost = true;
    else if (name === 'content-length' && bodyLength === undefined) {
      bodyLength = numberIn(bytes, first, last);
      if (bodyLength === undefined) return undefined;
    } else if (name === 'connection' && !isKeptAlive && last - first === keepAlive.length && isNamedAt(bytes, first, keepAlive)) isKeptAlive = true;
    else return undefined;
  }
  const isWhole = bytes[at + 1] === lineFeed && bytes.length === at + 2 + (bodyLength ?? 0);
  return isWhole && hasHost ? { method, url: bytes.toString('latin1', urlAt, urlEnd), headers } : undefined;
}

function bytesWhere(holds: (text: string) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(holds(String.fromCharCode(byte))));
}

/** Where the run of such bytes that begins here ends. */
function endOf(isSuch: Uint8Array, bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isSuch[bytes[at]!] === 1) at++;
  return at;
}

function hasAt(bytes: Buffer, at: number, expected: Buffer): boolean {
  for (let index = 0; index < expected.length; index++) if (bytes[at + index] !== expected[index]) return false;
  return true;
}

function isKept(name: string): name is (typeof kept)[number] {
  return (kept as readonly string[]).includes(name);
}

function nameIn(bytes: Buffer, from: number, to: number): (typeof names)[number] | undefined {
  const length = to - from;
  if (length >= namesByLength.length) return undefined;
  for (const { name, bytes: expected } of namesByLength[length]!) if (isNamedAt(bytes, from, expected)) return name;
  return undefined;
}

/** In capitals or not; `expected` is of small letters and hyphens, which are a single byte of a token or value with that bit set. */
function isNamedAt(bytes: Buffer, at: number, expected: Buffer): boolean {
  for (let index = 0; index < expected.length; index++) if ((bytes[at + index]! | 0x20) !== expected[index]) return false;
  return true;
}

/** The number of up to nine digits that these bytes are. */
function numberIn(bytes: Buffer, from: number, to: number): number | undefined {
  if (from === to || to - from > mostDigits) return undefined;
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - zero;
    if (digit < 0 || digit > 9) return undefined;
    number = 10 * number + digit;
  }
  return number;
}

function isBlank(byte: number): boolean {
  return byte === space || byte === tab;
}
