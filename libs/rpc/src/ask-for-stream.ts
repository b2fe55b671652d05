/**
 * A stream of answers as an async iterable. Each loop over it is one call: it is made when the loop asks for the first message, and cancelled when the
 * loop is left or `call.signal` aborts. Messages are fetched as the loop takes them; what a slow loop leaves waiting is bounded by HTTP/2's window.
 */
import * as grpc from '@grpc/grpc-js';
import { context } from '@opentelemetry/api';
import { randomUUID } from 'node:crypto';
import { deadlineFor, type Asker } from './ask-once.ts';
import { metadataOf, type Call } from './call.ts';
import { serviceError } from './lane-client.ts';
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

async function* receive({ asker: { channel, closed, peer, tracer, observe }, method, request, call, asked, left }: {
  asker: Asker; method: Method; request: unknown; call: Partial<Call>; asked: ReturnType<typeof context.active>; left: AbortSignal;
}): AsyncGenerator<unknown, undefined> {
  const startedAt = performance.now();
  const deadline = deadlineFor(call, { peer, timeoutMs: Infinity });
  const name = method.path.slice(1);
  const { span, carrier } = context.with(asked, () => startClientSpan(tracer, name));
  const metadata = metadataOf({ requestId: call.requestId ?? randomUUID(), caller: call.caller, carrier });
  let code = grpc.status.CANCELLED;
  let stream: grpc.ClientReadableStream<unknown> | undefined;
  const cancel = (): void => stream?.cancel();
  try {
    if (closed.aborted) throw serviceError(grpc.status.UNAVAILABLE);
    stream = channel.makeServerStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, request, metadata, { deadline });
    call.signal?.addEventListener('abort', cancel, { once: true });
    left.addEventListener('abort', cancel, { once: true });
    yield* stream;
    code = grpc.status.OK;
  } catch (error) {
    if (left.aborted) return;
    const failed = error as grpc.ServiceError;
    code = failed.code;
    throw faultOf(failed, peer);
  } finally {
    call.signal?.removeEventListener('abort', cancel);
    cancel();
    observe({ side: 'client', method: name, code: grpc.status[code], seconds: (performance.now() - startedAt) / 1000 });
    endSpan(span, grpc.status[code]);
  }
}
