/**
 * The lane within one process: servers and clients that are given the same Inside meet here instead of on a port. Nothing is sent, and yet each side has
 * messages of its own: they are written and read as the contract says, which is what makes a call here mean exactly what it means between processes.
 */
import * as grpc from '@grpc/grpc-js';
import { ROOT_CONTEXT, context } from '@opentelemetry/api';
import type { Attempt } from './ask-once.ts';
import { checkCall } from './call.ts';
import { handleStream, type StreamAnswer, type Streams } from './handle-stream.ts';
import { handle, type Answer, type Duties, type Outcome } from './handle.ts';
import { serviceError } from './service-error.ts';
import { parentIn } from './spans.ts';

type Definition = grpc.MethodDefinition<unknown, unknown>;
type Offered = { definition: Definition; run: Answer | StreamAnswer; duties: Duties; streams: Streams; underWay: Set<Promise<unknown>> };

export class Inside {
  readonly #offered = new Map<string, Offered>();

  /** Makes a server's methods callable until the result is disposed, which waits for the calls under way. */
  offer(methods: readonly { definition: Definition; run: Answer | StreamAnswer }[], { duties, streams }: { duties: Duties; streams: Streams }): AsyncDisposable {
    const underWay = new Set<Promise<unknown>>();
    for (const { definition, run } of methods) this.#offered.set(definition.path, { definition, run, duties, streams, underWay });
    return {
      [Symbol.asyncDispose]: async () => {
        for (const { definition } of methods) this.#offered.delete(definition.path);
        await Promise.all(underWay);
      },
    };
  }

  /** Fails with a ServiceError. */
  async ask(path: string, request: unknown, attempt: Attempt): Promise<unknown> {
    const { definition, run, duties, underWay } = this.#find(path);
    const asked = copy(request, definition.requestSerialize, definition.requestDeserialize);
    const abort = new AbortController();
    const call = { ...callOf(attempt), signal: abort.signal };
    const work = outside(() => handle(path.slice(1), run as Answer, asked, call, parentIn(attempt.carrier), duties));
    keep(underWay, work);
    const outcome = await unlessLeft(work, attempt, () => abort.abort());
    return copy(responseOf(outcome), definition.responseSerialize, definition.responseDeserialize);
  }

  /** Fails with a ServiceError. To be left by its `return`, which ends the work at once. */
  async *stream(path: string, request: unknown, attempt: Attempt, left: AbortSignal): AsyncGenerator<unknown, undefined> {
    const { definition, run, duties, streams, underWay } = this.#find(path);
    const asked = copy(request, definition.requestSerialize, definition.requestDeserialize);
    const ended = new AbortController();
    const waiting: { message: unknown; taken: () => void }[] = [];
    let wake = (): void => {};
    const send = (message: unknown): Promise<void> => new Promise((taken) => {
      waiting.push({ message, taken });
      wake();
    });
    const work = outside(() => handleStream({
      method: path.slice(1), run: run as StreamAnswer, request: asked, call: callOf(attempt), ended, parent: parentIn(attempt.carrier), duties, streams, send,
    }));
    keep(underWay, work);
    let outcome: Outcome | grpc.ServiceError | undefined;
    const end = (how: Outcome | grpc.ServiceError): void => {
      outcome ??= how;
      wake();
    };
    const leave = (): void => ended.abort();
    left.addEventListener('abort', leave, { once: true });
    unlessLeft(work, attempt, leave).then(end, end);
    try {
      for (;;) {
        const next = waiting.shift();
        if (next) {
          next.taken();
          yield copy(next.message, definition.responseSerialize, definition.responseDeserialize);
        } else if (outcome instanceof Error) {
          throw outcome;
        } else if (outcome) {
          responseOf(outcome);
          return;
        } else {
          await new Promise<void>((resolve) => { wake = resolve; });
        }
      }
    } finally {
      left.removeEventListener('abort', leave);
      leave();
    }
  }

  /** A server that is not there, or no more, is one that cannot be reached. */
  #find(path: string): Offered {
    const offered = this.#offered.get(path);
    if (!offered) throw serviceError(grpc.status.UNAVAILABLE);
    return offered;
  }
}

function callOf({ requestId, caller, deadlineAt }: Attempt): ReturnType<typeof checkCall> & { deadlineAt: number } {
  return { ...checkCall({ requestId, caller }), deadlineAt };
}

/** The server's work is not part of its caller's context: what belongs together travels in the call. */
function outside<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}

function keep(underWay: Set<Promise<unknown>>, work: Promise<unknown>): void {
  underWay.add(work);
  void work.finally(() => underWay.delete(work));
}

function copy(message: unknown, write: (message: unknown) => Buffer, read: (bytes: Buffer) => unknown): unknown {
  try {
    return read(write(message));
  } catch {
    throw serviceError(grpc.status.INTERNAL);
  }
}

function responseOf(outcome: Outcome): unknown {
  if (outcome.ok) return outcome.response;
  const { code, details, metadata } = outcome.status;
  throw serviceError(code, metadata, details);
}

/** The outcome, unless the caller's deadline or signal comes first: then the work is told so and not waited for. */
function unlessLeft(work: Promise<Outcome>, { deadlineAt, signal }: Attempt, leave: () => void): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const end = (code: grpc.status) => (): void => {
      stop();
      leave();
      reject(serviceError(code));
    };
    const abort = end(grpc.status.CANCELLED);
    const deadline = Number.isFinite(deadlineAt) ? setTimeout(end(grpc.status.DEADLINE_EXCEEDED), deadlineAt - Date.now()) : undefined;
    const stop = (): void => {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort, { once: true });
    void work.then((outcome) => {
      stop();
      resolve(outcome);
    });
  });
}
