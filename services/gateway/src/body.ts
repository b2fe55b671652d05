/**
 * The body of a request: JSON in UTF-8, not too large and not too deep, or a 4xx that says what is wrong with it. The bytes are collected here rather than by
 * a general parser, which looks for encodings, types and compressions that are all refused, and costs more than the JSON.
 */
import { Fault, invalid } from '@kiosk/fault';
import type { Request, RequestHandler } from 'express';
import { isUtf8 } from 'node:buffer';

const deepest = 32;

/** Leaves the body's bytes in `request.body`; undefined where there is none. */
export function readBytes({ limitBytes }: { limitBytes: number }): RequestHandler {
  return (request, _response, next) => {
    const { 'content-encoding': encoding = 'identity', 'content-length': length, 'transfer-encoding': transfer } = request.headers;
    if (length === undefined && transfer === undefined) return next();
    if (encoding.toLowerCase() !== 'identity') {
      throw new Fault({ kind: 'invalid', reason: 'unsupported_media_type', message: 'The body must not be compressed.' });
    }
    if (Number(length) > limitBytes) throw tooLarge();
    collect(request, limitBytes, next);
  };
}

/** Whether all came, too much, or the client went away: `next` hears of it once. */
function collect(request: Request, limitBytes: number, next: (error?: unknown) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const end = (error?: unknown): void => {
    request.off('data', take).off('end', done).off('error', gone).off('close', gone);
    next(error);
  };
  const take = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > limitBytes) return end(tooLarge());
    chunks.push(chunk);
  };
  const done = (): void => {
    if (size > 0) request.body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size);
    end();
  };
  // Nobody is there to hear the answer; it ends the request in the log.
  const gone = (): void => end(new Fault({ kind: 'invalid', reason: 'malformed_request', message: 'The request ended before its body did.' }));
  request.on('data', take).on('end', done).on('error', gone).on('close', gone);
}

function tooLarge(): Fault {
  return new Fault({ kind: 'invalid', reason: 'body_too_large', message: 'The body is too large.' });
}

/** What the body's bytes say as JSON; undefined where there are none. */
export function jsonBodyOf(request: Request): unknown {
  const bytes: unknown = request.body;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return undefined;
  // What nearly all send is known without being parsed.
  if (request.headers['content-type'] !== 'application/json' && !request.is(['application/json', 'application/merge-patch+json'])) {
    throw new Fault({ kind: 'invalid', reason: 'unsupported_media_type', message: 'The body must be JSON, with content-type application/json.' });
  }
  if (!isUtf8(bytes)) throw invalid('invalid_encoding', 'The body must be UTF-8.');
  const value = parseJson(bytes.toString());
  check(value, 1);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words quote the body.
    throw invalid('invalid_json', 'The body is not valid JSON.');
  }
}

/** Stops at the depth limit, so that what recurses further in (a merge, a comparison) cannot be made to overflow. */
function check(value: unknown, depth: number): void {
  if (typeof value === 'string') checkText(value);
  if (typeof value !== 'object' || value === null) return;
  if (depth > deepest) throw invalid('json_too_deep', `The body may be nested ${deepest} levels deep.`);
  for (const [name, member] of Object.entries(value)) {
    checkText(name);
    check(member, depth + 1);
  }
}

/** An escaped half of a surrogate pair has no UTF-8, so it would come back as another text. */
function checkText(text: string): void {
  if (!text.isWellFormed()) throw invalid('invalid_encoding', 'The body has an escaped character that is half of one.');
}
