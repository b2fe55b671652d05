/**
 * The kiosk API as typed functions over fetch: one per operation of openapi.json. What takes an Idempotency-Key gets one, and what may be repeated
 * safely is repeated when the line breaks or the service asks to come back later.
 */
import { operations, type Operations, type Problem } from './api.ts';

export type * from './api.ts';

/** The service refused. `problem` says why; `reason` is for programs. */
export class ProblemError extends Error {
  readonly problem: Problem;
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, retryAfterMs: number | undefined) {
    super(`${problem.status} ${problem.reason}: ${problem.detail}`);
    this.name = 'ProblemError';
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}

type Name = keyof Operations;
type Options = { signal?: AbortSignal };
type Arguments<Input> = object extends Input ? [input?: Input, options?: Options] : [input: Input, options?: Options];

export type Client = { readonly [N in Name]: (...given: Arguments<Operations[N]['input']>) => Promise<Operations[N]['answer']> };

export type ClientOptions = {
  /** Such as https://kiosk.example. */
  url: string;
  /** The API key; none for an open development gateway. */
  key?: string;
  /** How often a call is tried in all; 3 without it. */
  attempts?: number;
  /** Replaces the global one. */
  fetch?: typeof fetch;
  /** Waits between two tries, in ms. */
  pause?: (ms: number) => Promise<void>;
};

type Input = { id?: string; query?: Record<string, string | number | undefined>; body?: unknown; idempotencyKey?: string };

const usualPauseMs = 500;
const longestPauseMs = 10_000;

/** Each function fails with a ProblemError when the service refuses, and with fetch's own error when it cannot be reached. */
export function createClient(options: ClientOptions): Client {
  const functions = Object.keys(operations).map((name) => [name, (input: Input = {}, given: Options = {}) => call(name as Name, input, given, options)]);
  return Object.fromEntries(functions) as Client;
}

async function call(name: Name, input: Input, { signal }: Options, options: ClientOptions): Promise<unknown> {
  const { attempts = 3, pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = options;
  const { answer, repeatable } = operations[name];
  const request = requestOf(name, input, options);
  for (let attempt = 1; ; attempt++) {
    const last = attempt >= attempts || !repeatable;
    let response: Response;
    try {
      response = await (options.fetch ?? fetch)(request.url, { ...request.init, signal });
    } catch (error) {
      if (last || signal?.aborted) throw error;
      await pause(usualPauseMs * 2 ** (attempt - 1));
      continue;
    }
    if (response.ok && answer === 'nothing') return undefined;
    if (response.ok) return answer === 'json' ? response.json() : answer === 'text' ? response.text() : new Uint8Array(await response.arrayBuffer());
    const error = await errorOf(response);
    if (last || error.retryAfterMs === undefined || error.retryAfterMs > longestPauseMs) throw error;
    await pause(error.retryAfterMs);
  }
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

async function errorOf(response: Response): Promise<ProblemError> {
  const seconds = Number(response.headers.get('retry-after') ?? 'none');
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  const said = isProblem ? await response.json() as Problem : undefined;
  // A proxy in between has pages of its own.
  const { status, statusText } = response;
  return new ProblemError(said ?? { type: 'about:blank', title: statusText, status, detail: 'No problem document.', reason: 'unknown', requestId: '' }, retryAfterMs);
}
