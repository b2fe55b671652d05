/** The shop with a clock that stands still, and a client that speaks to it over HTTP, for the tests beside. */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Psp, PspOptions } from './psp.ts';
import { startPsp } from './psp.ts';

export const SHOP_ID = '506751';
export const SECRET_KEY = 'test_secret';

const AUTHORIZATION = `Basic ${Buffer.from(`${SHOP_ID}:${SECRET_KEY}`).toString('base64')}`;
const PAYMENT = { amount: { value: '480.00', currency: 'RUB' }, capture: true, confirmation: { type: 'qr' } };

// The body of an answer: each test says by its expectations what it should hold.
type Shown = Record<string, unknown> & { id: string; status: string; items: { id: string }[]; next_cursor?: string; created_at: string };
export type TestAnswer = { status: number; text: string; body: Shown };

export interface TestPsp extends AsyncDisposable {
  readonly psp: Psp;
  readonly startMs: number;
  advance(ms: number): void;
  get(path: string): Promise<TestAnswer>;
  post(path: string, body: unknown, key?: string, signal?: AbortSignal): Promise<TestAnswer>;
  /** Creates a one-stage payment of 480 ₽ by QR, with whatever differs. */
  create(change?: object, key?: string): Promise<TestAnswer>;
  /** The same, given up by the client as soon as the condition holds. */
  createUntil(givesUp: () => boolean, key: string): Promise<TestAnswer>;
}

export async function startTestPsp(options: Partial<PspOptions> = {}): Promise<TestPsp> {
  const startMs = Date.UTC(2026, 10, 20, 9);
  let nowMs = startMs;
  const psp = await startPsp({ shopId: SHOP_ID, secretKey: SECRET_KEY, now: () => nowMs, ...options });
  return {
    psp,
    startMs,
    advance: (ms) => {
      nowMs += ms;
    },
    get: (path) => call(path, {}),
    post,
    create: (change = {}, key) => post('/payments', { ...PAYMENT, ...change }, key),
    createUntil: async (givesUp, key) => {
      const client = new AbortController();
      let answered = false;
      const answer = post('/payments', PAYMENT, key, client.signal).finally(() => {
        answered = true;
      });
      answer.catch(() => undefined); // the caller hears of it below
      await until(() => answered || givesUp());
      if (!answered) client.abort();
      return answer;
    },
    [Symbol.asyncDispose]: () => psp[Symbol.asyncDispose]() as Promise<void>,
  };

  function post(path: string, body: unknown, key: string = randomUUID(), signal?: AbortSignal): Promise<TestAnswer> {
    const headers = { 'idempotence-key': key, 'content-type': 'application/json' };
    return call(path, { method: 'POST', body: JSON.stringify(body), signal }, headers);
  }

  async function call(path: string, init: RequestInit, headers: Record<string, string> = {}): Promise<TestAnswer> {
    const answer = await fetch(`${psp.url}${path}`, { ...init, headers: { authorization: AUTHORIZATION, ...headers } });
    const text = await answer.text();
    return { status: answer.status, text, body: parsed(text) as Shown };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Waits for something that happens on the other side of a socket. */
export async function until(holds: () => boolean): Promise<void> {
  for (const deadlineMs = performance.now() + 10_000; !holds();) {
    if (performance.now() > deadlineMs) throw new Error('It never came');
    await setImmediate();
  }
}
