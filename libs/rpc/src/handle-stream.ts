/**
 * One stream of answers on the server, by whichever lane it was asked for. The generator is asked for a message only when there is room for it, so a slow
 * consumer makes it wait and costs no memory. When the caller leaves or the server stops, `call.signal` aborts and the generator is told to return; it is not
 * waited for, since it first finishes what it awaits.
 */
import { status } from '@grpc/grpc-js';
import { Fault } from '@kiosk/fault';
import { context, trace, type Context } from '@opentelemetry/api';
import type { Call } from './call.ts';
import type { Duties, Outcome } from './handle.ts';
import { endSpan, startServerSpan } from './spans.ts';
import { statusOf } from './status.ts';

export type StreamAnswer = (request: unknown, call: Call) => AsyncIterable<unknown>;

/** All streams of one server. */
export class Streams {
  readonly most: number;
  readonly slowConsumerMs: number;
  readonly #open = new Set<AbortController>();
  #stopped: Fault | undefined;

  /** `slowConsumerMs` is how long a message may wait for its consumer. */
  constructor({ most, slowConsumerMs }: { most: number; slowConsumerMs: number }) {
    this.most = most;
    this.slowConsumerMs = slowConsumerMs;
  }

  /** Fails with a Fault while there is no room. */
  open(stream: AbortController): void {
    if (this.#stopped) throw this.#stopped;
    if (this.#open.size >= this.most) throw new Fault({ kind: 'exhausted', reason: 'too_many_streams', message: 'Too many streams are open.', retryAfterMs: 1000 });
    this.#open.add(stream);
  }

  close(stream: AbortController): void {
    this.#open.delete(stream);
  }

  /** Ends all of them with a Fault, and refuses every other. */
  stop(): void {
    this.#stopped = new Fault({ kind: 'unavailable', reason: 'service_stopping', message: 'The service stops; connect again.', retryAfterMs: 500 });
    for (const stream of this.#open) stream.abort(this.#stopped);
  }
}

export type StreamOptions = {
  method: string;
  run: StreamAnswer;
  request: unknown;
  call: Omit<Call, 'signal'>;
  /** To be aborted, without a reason of its own, when the caller has left. */
  ended: AbortController;
  parent: Context;
  duties: Duties;
  streams: Streams;
  /** Passes a message on. A promise it gives is waited for before the next message is made. */
  send: (message: unknown) => Promise<void> | undefined;
};

/** Never rejects. Who has left hears nothing of the outcome. */
export async function handleStream({ method, run, request, call: asked, ended, parent, duties: { tracer, observe, onError }, streams, send }: StreamOptions): Promise<Outcome> {
  const startedAt = performance.now();
  const call: Call = { ...asked, signal: ended.signal };
  const span = startServerSpan(tracer, method, parent);
  const within = trace.setSpan(context.active(), span);
  const report = (error: unknown): void => {
    if (!(error instanceof Fault) && !isAbort(error)) onError(error, { method, requestId: call.requestId });
  };
  const finish = (reached: status): void => {
    streams.close(ended);
    const code = status[ended.signal.aborted && !(ended.signal.reason instanceof Fault) ? status.CANCELLED : reached];
    observe({ side: 'server', method, requestId: call.requestId, code, seconds: (performance.now() - startedAt) / 1000 });
    endSpan(span, code);
  };
  try {
    streams.open(ended);
    const messages = context.with(within, () => run(request, call)[Symbol.asyncIterator]());
    try {
      for (;;) {
        const { done, value } = await unlessAborted(context.with(within, () => messages.next()), ended.signal, report);
        if (done) break;
        const taken = send(value);
        if (taken) await unlessAborted(inTime(taken, streams.slowConsumerMs), ended.signal, report);
      }
    } finally {
      void leave(() => context.with(within, () => messages.return?.())).catch(report);
    }
    finish(status.OK);
    return { ok: true, response: undefined };
  } catch (error) {
    report(error);
    const failed = statusOf(error);
    finish(failed.code);
    return { ok: false, status: failed };
  }
}

async function leave(messages: () => Promise<unknown> | undefined): Promise<void> {
  await messages();
}

/** Fails with a Fault if the consumer takes nothing for so long. */
function inTime(taken: Promise<void>, limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      reject(new Fault({ kind: 'exhausted', reason: 'slow_consumer', message: 'The messages were not taken in time.', retryAfterMs: 1000 }));
    }, limitMs).unref();
    void taken.then(() => {
      clearTimeout(limit);
      resolve();
    });
  });
}

/**
 * What the promise gives, or the reason of the signal as soon as that aborts. An error that comes later goes to `report`. Not Promise.race: a signal
 * that outlives many promises would collect a reaction for each.
 */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, report: (error: unknown) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, (error: unknown) => {
      if (signal.aborted) report(error);
      reject(error as Error);
    }).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** What everything that takes a signal fails with once that aborts. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError' || error instanceof DOMException;
}
