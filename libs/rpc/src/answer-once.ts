/** A function of the service as a unary handler of grpc-js. */
import * as grpc from '@grpc/grpc-js';
import { Fault } from '@kiosk/fault';
import { context, trace } from '@opentelemetry/api';
import { readCall, type Call } from './call.ts';
import type { ServerOptions } from './server.ts';
import { endSpan, startServerSpan } from './spans.ts';
import { statusOf } from './status.ts';

export type Answer = (request: unknown, call: Call) => Promise<unknown>;

/** A caller that named no deadline is not waited for longer than this. */
const longestCallMs = 60_000;

export function answerOnce(
  method: string, run: Answer, { tracer, observe, onError }: Pick<ServerOptions, 'tracer' | 'observe' | 'onError'>,
): grpc.handleUnaryCall<unknown, unknown> {
  return (incoming, answer) => {
    const startedAt = performance.now();
    const { requestId, caller } = readCall(incoming.metadata);
    const abort = new AbortController();
    let answered = false;
    // grpc-js tells of it after the end of an ordinary call too.
    incoming.on('cancelled', () => {
      if (!answered) abort.abort();
    });
    const call: Call = { requestId, caller, deadlineAt: deadlineOf(incoming) ?? Date.now() + longestCallMs, signal: abort.signal };
    const span = startServerSpan(tracer, method, incoming.metadata);
    const finish = (reached: grpc.status): void => {
      answered = true;
      // Nobody hears an answer that comes after the caller has left.
      const code = grpc.status[incoming.cancelled ? grpc.status.CANCELLED : reached];
      observe({ side: 'server', method, code, seconds: (performance.now() - startedAt) / 1000 });
      endSpan(span, code);
    };
    // Async, so that what `run` throws before its first await is a rejection too.
    context.with(trace.setSpan(context.active(), span), async () => run(incoming.request, call)).then(
      (response) => {
        finish(grpc.status.OK);
        answer(null, response);
      },
      (error: unknown) => {
        if (!(error instanceof Fault)) onError(error, { method, requestId });
        const status = statusOf(error);
        finish(status.code);
        answer(status);
      },
    );
  };
}

/** Epoch milliseconds; undefined where the caller set none. */
export function deadlineOf(incoming: { getDeadline(): grpc.Deadline }): number | undefined {
  const deadline = incoming.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(at) ? at : undefined;
}
