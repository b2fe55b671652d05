/**
 * One request to a provider's HTTP API. No redirect is followed, because it would carry the credentials elsewhere; the answer is bounded; and what
 * went wrong is told as a SendError that says whether the request can have been heard. No error holds the request or the answer.
 */
import { SendError } from './send-error.ts';

export type Answer = { status: number; headers: Headers; text: string };

const answerLimitBytes = 64 * 1024;

/** Nothing was heard: the connection never came about. */
const unreached = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']);
/** The codes of OpenSSL and Node for a certificate or a handshake that is not good. */
const insecure = /CERT|^ERR_TLS_|^ERR_SSL_|^EPROTO$|SIGNED|LEAF_SIGNATURE/;

/** Fails with a SendError: temporary where the request cannot have been heard, ambiguous otherwise. */
export async function exchange({ url, headers, body, timeoutMs, signal }: {
  url: string;
  headers: Record<string, string>;
  /** Absent: a GET. */
  body?: string;
  /** Of the whole exchange, the answer's body included. */
  timeoutMs: number;
  signal?: AbortSignal;
}): Promise<Answer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST', body, redirect: 'manual', signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
      // A connection that is kept may have been closed at the other end meanwhile, and then nobody knows what was heard.
      headers: { ...headers, connection: 'close' },
    });
    return { status: response.status, headers: response.headers, text: await readText(response) };
  } catch (error) {
    throw failureOf(error, timeout.aborted || (signal?.aborted ?? false));
  }
}

function failureOf(error: unknown, isOver: boolean): SendError {
  if (error instanceof SendError) return error;
  const code = codeOf(error);
  const cause = Object.assign(new Error('the exchange failed'), { code });
  if (code !== undefined && unreached.has(code)) return new SendError({ kind: 'temporary', reason: 'provider_unavailable', cause });
  if (code !== undefined && insecure.test(code)) return new SendError({ kind: 'temporary', reason: 'connection_insecure', cause });
  return new SendError({ kind: 'ambiguous', reason: isOver ? 'timeout' : 'connection_lost', cause });
}

/** The first code found inwards: fetch wraps what happened in an error that has none. */
function codeOf(error: unknown): string | undefined {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? undefined : codeOf(cause);
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > answerLimitBytes) throw new SendError({ kind: 'ambiguous', reason: 'answer_unreadable' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What every provider means by an HTTP status that is not its own words about the message: 401 and 403 are our credentials, 429 is haste, 502 and 504
 * are a proxy that may have passed the request on, 2xx without what was promised is a yes that nobody can be sure of; the rest was not taken.
 */
export function statusError(status: number): SendError {
  const cause = Object.assign(new Error('HTTP'), { code: status });
  if (status === 401 || status === 403) return new SendError({ kind: 'temporary', reason: 'credentials_refused', cause });
  if (status === 429) return new SendError({ kind: 'temporary', reason: 'rate_limited', cause });
  if (status === 502 || status === 504) return new SendError({ kind: 'ambiguous', reason: 'timeout', cause });
  if (status >= 200 && status < 300) return new SendError({ kind: 'ambiguous', reason: 'answer_unreadable', cause });
  return new SendError({ kind: 'temporary', reason: 'provider_unavailable', cause });
}
