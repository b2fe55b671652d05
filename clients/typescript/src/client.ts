/**
 * The kiosk API as typed functions over fetch: one per operation of openapi.json. What takes an Idempotency-Key gets one, and what may be repeated
 * safely is repeated when the line breaks or the service asks to come back later.
 */
import { operations, type Operations } from './api.ts';
import { errorOf, pauseAfter, type ProblemError } from './problem.ts';
import { watchSession, type SessionEvent, type WatchInput } from './session-events.ts';

export type * from './api.ts';
export { ProblemError } from './problem.ts';
export type { SessionEvent } from './session-events.ts';

type Name = keyof Operations;
type Options = { signal?: AbortSignal };
type Arguments<Input> = object extends Input ? [input?: Input, options?: Options] : [input: Input, options?: Options];

export type Client = { readonly [N in Name]: (...given: Arguments<Operations[N]['input']>) => Promise<Operations[N]['answer']> } & {
  /** What becomes of the session, as it happens, until the loop is left: for kiosk, operator. It survives a broken line and a restarted service. */
  watchSession(input: WatchInput, options?: Options): AsyncGenerator<SessionEvent, void>;
};

export type ClientOptions = {
  /** Such as https://kiosk.example. */
  url: string;
  /** The API key; none for an open development gateway. */
  key?: string;
  /** How often a call is tried in all; 6 without it, which bridges about twelve seconds. */
  attempts?: number;
  /** Replaces the global one. */
  fetch?: typeof fetch;
  /** Waits between two tries, in ms. */
  pause?: (ms: number) => Promise<void>;
};

type Input = { id?: string; query?: Record<string, string | number | undefined>; body?: unknown; idempotencyKey?: string };

const usualPauseMs = 500;
const longestPauseMs = 5000;
const longestRetryAfterMs = 10_000;

const usualPause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Each function fails with a ProblemError when the service refuses, and with fetch's own error when it cannot be reached. */
export function createClient(options: ClientOptions): Client {
  const functions = Object.keys(operations).map((name) => [name, (input: Input = {}, given: Options = {}) => call(name as Name, input, given, options)]);
  const { url, key } = options;
  return {
    ...Object.fromEntries(functions),
    watchSession: (input: WatchInput, { signal }: Options = {}) => watchSession(input, { url, key, signal, fetch: options.fetch ?? fetch, pause: options.pause ?? usualPause }),
  } as Client;
}

async function call(name: Name, input: Input, { signal }: Options, options: ClientOptions): Promise<unknown> {
  const { attempts = 6, pause = usualPause } = options;
  const { answer, repeatable } = operations[name];
  const request = requestOf(name, input, options);
  for (let attempt = 1; ; attempt++) {
    const last = attempt >= attempts || !repeatable;
    const pauseMs = Math.min(usualPauseMs * 2 ** (attempt - 1), longestPauseMs);
    let refusal: ProblemError;
    try {
      const response = await (options.fetch ?? fetch)(request.url, { ...request.init, signal });
      if (response.ok) return await read(response, answer);
      refusal = await errorOf(response);
    } catch (broken) {
      // Also one that breaks in the middle of its answer.
      if (last || signal?.aborted) throw broken;
      await pause(pauseMs);
      continue;
    }
    const wantedMs = pauseAfter(refusal, pauseMs);
    if (last || wantedMs === undefined || wantedMs > longestRetryAfterMs) throw refusal;
    await pause(wantedMs);
  }
}

async function read(response: Response, answer: (typeof operations)[Name]['answer']): Promise<unknown> {
  if (answer === 'nothing') return undefined;
  if (answer === 'json') return response.json();
  return answer === 'text' ? response.text() : new Uint8Array(await response.arrayBuffer());
}

function requestOf(name: Name, { id = '', query = {}, body, idempotencyKey }: Input, { url, key }: ClientOptions): { url: URL; init: RequestInit } {
  const { method, path, keyed } = operations[name];
  const address = new URL(path.replace('{id}', encodeURIComponent(id)), url);
  for (const [parameter, value] of Object.entries(query)) if (value !== undefined) address.searchParams.set(parameter, String(value));
  const headers: Record<string, string> = {
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(keyed ? { 'idempotency-key': idempotencyKey ?? crypto.randomUUID() } : {}),
  };
  return { url: address, init: { method, headers, body: body === undefined ? undefined : JSON.stringify(body) } };
}
