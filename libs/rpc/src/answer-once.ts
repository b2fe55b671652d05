/** A function of the service as a unary handler of grpc-js. */
import type * as grpc from '@grpc/grpc-js';
import { readCall } from './call.ts';
import { handle, longestCallMs, type Answer, type Duties } from './handle.ts';
import { parentIn } from './spans.ts';

export function answerOnce(method: string, run: Answer, duties: Duties): grpc.handleUnaryCall<unknown, unknown> {
  return (incoming, answer) => {
    const abort = new AbortController();
    let answered = false;
    // grpc-js tells of it after the end of an ordinary call too.
    incoming.on('cancelled', () => {
      if (!answered) abort.abort();
    });
    const call = { ...readCall(incoming.metadata), deadlineAt: deadlineOf(incoming) ?? Date.now() + longestCallMs, signal: abort.signal };
    void handle(method, run, incoming.request, call, parentIn(incoming.metadata), duties).then((outcome) => {
      answered = true;
      if (outcome.ok) answer(null, outcome.response);
      else answer(outcome.status);
    });
  };
}

/** Epoch milliseconds; undefined where the caller set none. */
export function deadlineOf(incoming: { getDeadline(): grpc.Deadline }): number | undefined {
  const deadline = incoming.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(at) ? at : undefined;
}
