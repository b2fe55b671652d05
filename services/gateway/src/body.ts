/**
 * The body of a request: JSON in UTF-8, not too large and not too deep, or a 4xx that says what is wrong with it. The bytes are collected here rather than by
 * a general parser, which looks for encodings, types and compressions that are all refused, and costs more than the JSON.
 */
import { Fault, invalid } from '@kiosk/fault';
import type { Request, RequestHandler } from 'express';
import { isUtf8 } from 'node:buffer';
import { callerOf } from './request.ts';
import type { Shares } from './shares.ts';
import { whoIs } from './throttle.ts';

const deepest = 32;

/** Of all bodies that are coming and not whole yet, in bytes; `mostEach` of one caller, who then keeps none of the others' out. */
export const bodiesComing = { most: 64 * 1024 * 1024, mostEach: 8 * 1024 * 1024 } as const;

/** Leaves the body's bytes in `request.body`; undefined where there is none. */
export function readBytes({ limitBytes, coming }: { limitBytes: number; coming: Shares }): RequestHandler {
  return (request, response, next) => {
    const { 'content-encoding': encoding = 'identity', 'content-length': length, 'transfer-encoding': transfer } = request.headers;
    if (length === undefined && transfer === undefined) return next();
    if (encoding.toLowerCase() !== 'identity') {
      throw new Fault({ kind: 'invalid', reason: 'unsupported_media_type', message: 'The body must not be compressed.' });
    }
    if (Number(length) > limitBytes) throw tooLarge();
    collect(request, { limitBytes, wholeBytes: transfer === undefined ? Number(length) : Infinity, coming, who: whoIs(callerOf(response)) }, next);
  };
}

/** Whether all came, too much, or the client went away: `next` hears of it once. */
function collect(request: Request, { limitBytes, wholeBytes, coming, who }: { limitBytes: number; wholeBytes: number; coming: Shares; who: string }, next: (error?: unknown) => void): void {
  const chunks: Buffer[] = [];
  let [size, waiting] = [0, 0];
  const end = (error?: unknown): void => {
    request.off('data', take).off('end', done).off('error', gone).off('close', gone);
    if (waiting > 0) coming.giveBack(who, waiting);
    next(error);
  };
  const take = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > limitBytes) return end(tooLarge());
    chunks.push(chunk);
    // Most come in one piece and wait for nothing.
    if (size >= wholeBytes) return;
    if (coming.obstacle(who, chunk.length)) return end(tooManyComing());
    coming.take(who, chunk.length);
    waiting += chunk.length;
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

function tooManyComing(): Fault {
  return new Fault({ kind: 'unavailable', reason: 'overloaded', message: 'Too many bodies are coming in slowly. Come back a little later.', retryAfterMs: 2000 });
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
