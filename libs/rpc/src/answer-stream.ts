/**
 * An async generator function of the service as a server-streaming handler of grpc-js. The generator is asked for a message only when there is room for
 * it, so a slow consumer makes it wait and costs no memory. When the caller leaves or the server stops, `call.signal` aborts and the generator is told to
 * return; it is not waited for, since it first finishes what it awaits.
 */
import * as grpc from '@grpc/grpc-js';
import { Fault } from '@kiosk/fault';
import { context, trace } from '@opentelemetry/api';
import { deadlineOf } from './answer-once.ts';
import { readCall, type Call } from './call.ts';
import type { Duties } from './handle.ts';
import { endSpan, parentIn, startServerSpan } from './spans.ts';
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

type Outgoing = grpc.ServerWritableStream<unknown, unknown>;

export function answerWithStream(
  method: string, run: StreamAnswer, { tracer, observe, onError }: Duties, streams: Streams,
): grpc.handleServerStreamingCall<unknown, unknown> {
  return (outgoing) => {
    const startedAt = performance.now();
    const { requestId, caller } = readCall(outgoing.metadata);
    const ended = new AbortController();
    outgoing.on('cancelled', () => ended.abort());
    const call: Call = { requestId, caller, deadlineAt: deadlineOf(outgoing) ?? Infinity, signal: ended.signal };
    const span = startServerSpan(tracer, method, parentIn(outgoing.metadata));
    const within = trace.setSpan(context.active(), span);
    const report = (error: unknown): void => {
      if (!(error instanceof Fault) && !isAbort(error)) onError(error, { method, requestId });
    };
    const finish = (error?: unknown): void => {
      streams.close(ended);
      const status = error === undefined ? undefined : statusOf(error);
      const code = grpc.status[outgoing.cancelled ? grpc.status.CANCELLED : (status?.code ?? grpc.status.OK)];
      observe({ side: 'server', method, code, seconds: (performance.now() - startedAt) / 1000 });
      endSpan(span, code);
      if (status) outgoing.emit('error', status);
      else outgoing.end();
    };
    const send = async (): Promise<void> => {
      streams.open(ended);
      const messages = context.with(within, () => run(outgoing.request, call)[Symbol.asyncIterator]());
      try {
        for (;;) {
          const { done, value } = await unlessAborted(context.with(within, () => messages.next()), ended.signal, report);
          if (done) return;
          if (!outgoing.write(value)) await unlessAborted(drained(outgoing, streams.slowConsumerMs), ended.signal, report);
        }
      } finally {
        void leave(() => context.with(within, () => messages.return?.())).catch(report);
      }
    };
    send().then(() => finish(), (error: unknown) => {
      report(error);
      finish(error);
    });
  };
}

async function leave(messages: () => Promise<unknown> | undefined): Promise<void> {
  await messages();
}

/** Fails with a Fault if the consumer takes nothing for so long. */
function drained(outgoing: Outgoing, limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      outgoing.off('drain', taken);
      reject(new Fault({ kind: 'exhausted', reason: 'slow_consumer', message: 'The messages were not taken in time.', retryAfterMs: 1000 }));
    }, limitMs).unref();
    const taken = (): void => {
      clearTimeout(limit);
      resolve();
    };
    outgoing.once('drain', taken);
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
