/** One unary call: its deadline, its span, its observation, its Fault. */
import * as grpc from '@grpc/grpc-js';
import { Fault } from '@kiosk/fault';
import type { Tracer } from '@opentelemetry/api';
import { writeCall, type Call } from './call.ts';
import type { Observe } from './observe.ts';
import { endSpan, startClientSpan } from './spans.ts';
import { faultOf } from './status.ts';

/** What all calls of one client have in common. */
export type Asker = {
  channel: grpc.Client;
  /** The service's name in faults. */
  peer: string;
  tracer: Tracer;
  observe: Observe;
  /** For a call without a deadline of its own. */
  timeoutMs: number;
};

/** Kept back from the caller's remaining time, so that it hears of a deadline passed further inside before its own passes. */
const marginMs = 20;

/** When nobody waits any more. Fails with a Fault if that is now. */
export function deadlineFor({ deadlineAt = Infinity, signal }: Partial<Call>, { peer, timeoutMs }: { peer: string; timeoutMs: number }): number {
  const now = Date.now();
  const at = Math.min(now + timeoutMs, deadlineAt - marginMs);
  if (at > now && !signal?.aborted) return at;
  throw new Fault({ kind: 'deadline', reason: 'deadline_exceeded', message: `No time was left to ask the ${peer} service.` });
}

export async function askOnce(
  { channel, peer, tracer, observe, timeoutMs }: Asker, method: grpc.MethodDefinition<unknown, unknown>, request: unknown, call: Partial<Call>,
): Promise<unknown> {
  const startedAt = performance.now();
  const deadline = deadlineFor(call, { peer, timeoutMs });
  const name = method.path.slice(1);
  const metadata = new grpc.Metadata();
  writeCall(metadata, call);
  const span = startClientSpan(tracer, name, metadata);
  return await new Promise((resolve, reject) => {
    let sent: grpc.ClientUnaryCall | undefined;
    const cancel = (): void => sent?.cancel();
    const finish = (error: grpc.ServiceError | null, response?: unknown): void => {
      call.signal?.removeEventListener('abort', cancel);
      const code = grpc.status[error?.code ?? grpc.status.OK];
      observe({ side: 'client', method: name, code, seconds: (performance.now() - startedAt) / 1000 });
      endSpan(span, code);
      if (error) reject(faultOf(error, peer));
      else resolve(response);
    };
    call.signal?.addEventListener('abort', cancel, { once: true });
    try {
      sent = channel.makeUnaryRequest(method.path, method.requestSerialize, method.responseDeserialize, request, metadata, { deadline }, finish);
    } catch (cause) {
      finish(notSent(cause));
    }
  });
}

/** A client that was closed throws instead of answering. */
export function notSent(cause: unknown): grpc.ServiceError {
  return Object.assign(new Error('not sent', { cause }), { code: grpc.status.UNAVAILABLE, details: '', metadata: new grpc.Metadata() });
}
