/** An async generator function of the service as a server-streaming handler of grpc-js. */
import type * as grpc from '@grpc/grpc-js';
import { deadlineOf } from './answer-once.ts';
import { readCall } from './call.ts';
import { handleStream, type StreamAnswer, type Streams } from './handle-stream.ts';
import type { Duties } from './handle.ts';
import { parentIn } from './spans.ts';

export function answerWithStream(method: string, run: StreamAnswer, duties: Duties, streams: Streams): grpc.handleServerStreamingCall<unknown, unknown> {
  return (outgoing) => {
    const ended = new AbortController();
    outgoing.on('cancelled', () => ended.abort());
    const send = (message: unknown): Promise<void> | undefined => {
      if (outgoing.write(message)) return undefined;
      return new Promise((resolve) => { outgoing.once('drain', resolve); });
    };
    const call = { ...readCall(outgoing.metadata), deadlineAt: deadlineOf(outgoing) ?? Infinity };
    void handleStream({ method, run, request: outgoing.request, call, ended, parent: parentIn(outgoing.metadata), duties, streams, send }).then((outcome) => {
      if (outcome.ok) outgoing.end();
      else outgoing.emit('error', outcome.status);
    });
  };
}
