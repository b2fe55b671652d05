/**
 * A stream of answers as an async iterable. Each loop over it is one call: it is made when the loop asks for the first message, and cancelled when the
 * loop is left or `call.signal` aborts. Messages are fetched as the loop takes them; what a slow loop leaves waiting is bounded by HTTP/2's window.
 */
import * as grpc from '@grpc/grpc-js';
import { context } from '@opentelemetry/api';
import { randomUUID } from 'node:crypto';
import { deadlineFor, type Asker, type Attempt } from './ask-once.ts';
import { metadataOf, type Call } from './call.ts';
import { serviceError } from './service-error.ts';
import { endSpan, startClientSpan } from './spans.ts';
import { faultOf } from './status.ts';

type Method = grpc.MethodDefinition<unknown, unknown>;

export function askForStream(asker: Asker, method: Method, request: unknown, call: Partial<Call>): AsyncIterable<unknown> {
  // The span's parent is whoever asked, not whoever reads.
  const asked = context.active();
  return {
    [Symbol.asyncIterator]() {
      const left = new AbortController();
      const messages = receive({ asker, method, request, call, asked, left: left.signal });
      return {
        next: () => messages.next(),
        // A generator returns only after what it waits for, which may be a message that never comes.
        return: () => {
          left.abort();
          return messages.return(undefined);
        },
      };
    },
  };
}

async function* receive({ asker, method, request, call, asked, left }: {
  asker: Asker; method: Method; request: unknown; call: Partial<Call>; asked: ReturnType<typeof context.active>; left: AbortSignal;
}): AsyncGenerator<unknown, undefined> {
  const { peer, tracer, observe } = asker;
  const startedAt = performance.now();
  const deadlineAt = deadlineFor(call, { peer, timeoutMs: Infinity });
  const name = method.path.slice(1);
  const { span, carrier } = context.with(asked, () => startClientSpan(tracer, name));
  const attempt: Attempt = { path: method.path, requestId: call.requestId ?? randomUUID(), caller: call.caller, deadlineAt, signal: call.signal, carrier };
  let code = grpc.status.CANCELLED;
  try {
    yield* open(asker, method, request, attempt, left);
    code = grpc.status.OK;
  } catch (error) {
    if (left.aborted) return;
    const failed = error as grpc.ServiceError;
    code = failed.code;
    throw faultOf(failed, peer);
  } finally {
    observe({ side: 'client', method: name, requestId: attempt.requestId, code: grpc.status[code], seconds: (performance.now() - startedAt) / 1000 });
    endSpan(span, grpc.status[code]);
  }
}

function open({ channel, closed, inside }: Asker, method: Method, request: unknown, attempt: Attempt, left: AbortSignal): AsyncIterable<unknown> {
  if (closed.aborted) throw serviceError(grpc.status.UNAVAILABLE);
  return inside ? inside.stream(method.path, request, attempt, left) : openPlain(channel, method, request, attempt, left);
}

async function* openPlain(channel: grpc.Client, method: Method, request: unknown, attempt: Attempt, left: AbortSignal): AsyncGenerator<unknown> {
  const { path, deadlineAt: deadline, signal } = attempt;
  const stream: grpc.ClientReadableStream<unknown> = channel.makeServerStreamRequest(
    path, method.requestSerialize, method.responseDeserialize, request, metadataOf(attempt), { deadline },
  );
  const cancel = (): void => stream.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  left.addEventListener('abort', cancel, { once: true });
  try {
    yield* stream;
  } finally {
    signal?.removeEventListener('abort', cancel);
    left.removeEventListener('abort', cancel);
    cancel();
  }
}
