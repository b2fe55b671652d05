/**
 * Reads a request from its bytes as far as a refusal needs it (G4). Byte by byte: at ten times the capacity nine of ten requests are refused, and a pattern over
 * the whole head with an object of all its headers took as long as everything else that a refusal does.
 */
export type PlainRequest = {
  method: string; url: string;
  /** A refusal answers to nothing else. */
  headers: { 'x-request-id'?: string; origin?: string };
};

const [tab, lineFeed, carriageReturn, space, colon] = [0x09, 0x0a, 0x0d, 0x20, 0x3a];
const methods = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'].map((method) => ({ method, start: Buffer.from(`${method} /`) }));
const version = Buffer.from(' HTTP/1.1\r\n');

/** https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 */
const isToken = bytesWhere((text) => /^[\w!#$%&'*+.^`|~-]$/.test(text));
const isInTarget = bytesWhere((text) => /^[\x21-\x7e]$/.test(text));
const isInValue = bytesWhere((text) => /^[\t\x20-\x7e\x80-\xff]$/.test(text));

/** These say where a request ends or what becomes of its connection. */
const framing = ['host', 'content-length', 'connection', 'transfer-encoding', 'upgrade', 'expect', 'trailer', 'te'];
/** How long the names are that are looked at. */
const isLengthOfName = new Set([...framing, 'x-request-id', 'origin'].map(({ length }) => length));

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
  let length: string | undefined;
  while (bytes[at] !== carriageReturn) {
    const nameEnd = endOf(isToken, bytes, at);
    const valueEnd = endOf(isInValue, bytes, nameEnd + 1);
    if (nameEnd === at || bytes[nameEnd] !== colon || bytes[valueEnd] !== carriageReturn || bytes[valueEnd + 1] !== lineFeed) return undefined;
    const name = isLengthOfName.has(nameEnd - at) ? bytes.toString('latin1', at, nameEnd).toLowerCase() : '';
    at = valueEnd + 2;
    if (name === 'x-request-id' || name === 'origin') {
      const value = valueIn(bytes, nameEnd + 1, valueEnd);
      // Headers of one name are joined, as Node does: two ids of a request are none.
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    } else if (name === 'host' && !hasHost) hasHost = true;
    else if (name === 'content-length' && length === undefined) length = valueIn(bytes, nameEnd + 1, valueEnd);
    else if (name === 'connection' && !isKeptAlive && /^keep-alive$/i.test(valueIn(bytes, nameEnd + 1, valueEnd))) isKeptAlive = true;
    else if (framing.includes(name)) return undefined;
  }
  const isWhole = bytes[at + 1] === lineFeed && (length === undefined || /^\d{1,9}$/.test(length)) && bytes.length === at + 2 + Number(length ?? 0);
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

/** Without the white space around it, which is less in HTTP than that of `trim`. */
function valueIn(bytes: Buffer, from: number, to: number): string {
  let [first, last] = [from, to];
  while (first < last && isBlank(bytes[first]!)) first++;
  while (first < last && isBlank(bytes[last - 1]!)) last--;
  return bytes.toString('latin1', first, last);
}

function isBlank(byte: number): boolean {
  return byte === space || byte === tab;
}
