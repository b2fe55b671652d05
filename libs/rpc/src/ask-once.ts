/** One unary call: its deadline, its attempts, its span, its observation, its Fault. */
import * as grpc from '@grpc/grpc-js';
import { Fault } from '@kiosk/fault';
import type { Tracer } from '@opentelemetry/api';
import { randomUUID } from 'node:crypto';
import { metadataOf, type Call, type Caller } from './call.ts';
import type { Inside } from './inside.ts';
import type { Lane } from './lane-client.ts';
import type { Observe } from './observe.ts';
import { serviceError } from './service-error.ts';
import { endSpan, startClientSpan } from './spans.ts';
import { faultOf } from './status.ts';

/** What all calls of one client have in common. */
export type Asker = {
  channel: grpc.Client;
  /** Aborted once the client is closed. A channel closed while it connects would go on. */
  closed: AbortSignal;
  /** Without one every call goes by plain gRPC. */
  lane?: Lane;
  /** With it every call stays in this process. */
  inside?: Inside;
  /** The paths of the calls that may be asked again. */
  idempotent: ReadonlySet<string>;
  /** The service's name in faults. */
  peer: string;
  tracer: Tracer;
  observe: Observe;
  /** See ClientOptions. */
  timeoutMs: number;
};

/** What each attempt of a call says to the server. */
export type Attempt = {
  path: string;
  requestId: string;
  caller?: Caller;
  deadlineAt: number;
  signal?: AbortSignal;
  /** The trace, by header. */
  carrier: Record<string, string>;
};

type Method = grpc.MethodDefinition<unknown, unknown>;

/** Kept back from the caller's remaining time, so that it hears of a deadline passed further inside before its own passes. */
const marginMs = 20;
const mostAttempts = 4;
const firstPauseMs = 100;
const longestPauseMs = 500;
/** Longer than the channel's longest pause between two tries to connect, see client.ts. */
const connectWaitMs = 1000;

/** When nobody waits any more. Fails with a Fault if that is now. */
export function deadlineFor({ deadlineAt = Infinity, signal }: Partial<Call>, { peer, timeoutMs }: { peer: string; timeoutMs: number }): number {
  const now = Date.now();
  const at = Math.min(now + timeoutMs, deadlineAt - marginMs);
  if (at > now && !signal?.aborted) return at;
  throw new Fault({ kind: 'deadline', reason: 'deadline_exceeded', message: `No time was left to ask the ${peer} service.` });
}

export async function askOnce(asker: Asker, method: Method, request: unknown, call: Partial<Call>): Promise<unknown> {
  const { peer, tracer, observe } = asker;
  const startedAt = performance.now();
  const deadlineAt = deadlineFor(call, asker);
  const name = method.path.slice(1);
  const { span, carrier } = startClientSpan(tracer, name);
  const attempt: Attempt = { path: method.path, requestId: call.requestId ?? randomUUID(), caller: call.caller, deadlineAt, signal: call.signal, carrier };
  const finish = (reached: grpc.status): void => {
    const code = grpc.status[reached];
    observe({ side: 'client', method: name, requestId: attempt.requestId, code, seconds: (performance.now() - startedAt) / 1000 });
    endSpan(span, code);
  };
  try {
    const response = await askAgain(asker, method, request, attempt);
    finish(grpc.status.OK);
    return response;
  } catch (error) {
    const failed = error as grpc.ServiceError;
    finish(failed.code);
    throw faultOf(failed, peer);
  }
}

/** Repeats a call that may be repeated while the peer is unavailable and time is left. */
async function askAgain(asker: Asker, method: Method, request: unknown, attempt: Attempt): Promise<unknown> {
  const attempts = asker.idempotent.has(attempt.path) ? mostAttempts : 1;
  for (let made = 1; ; made++) {
    try {
      return await send(asker, method, request, attempt);
    } catch (error) {
      const failed = error as grpc.ServiceError;
      const pauseMs = Math.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** (made - 1));
      if (made >= attempts || failed.code !== grpc.status.UNAVAILABLE || Date.now() + pauseMs >= attempt.deadlineAt) throw failed;
      await pause(pauseMs, attempt.signal);
      if (attempt.signal?.aborted) throw serviceError(grpc.status.CANCELLED);
    }
  }
}

/** Not rejected by the signal: it only ends sooner. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}

/** Within the process, by the fast lane where it is open and has room, otherwise by plain gRPC. */
async function send({ channel, closed, lane, inside, idempotent }: Asker, method: Method, request: unknown, attempt: Attempt): Promise<unknown> {
  if (closed.aborted) throw serviceError(grpc.status.UNAVAILABLE);
  if (inside) return await inside.ask(attempt.path, request, attempt);
  // What may be asked again is asked again; anything else has this one chance, and nothing of it has been sent yet.
  const patience = idempotent.has(attempt.path) ? 0 : connectWaitMs;
  if (!lane) return await sendPlain(channel, method, request, attempt, patience);
  let payload: Buffer;
  try {
    payload = method.requestSerialize(request);
  } catch {
    throw serviceError(grpc.status.INTERNAL);
  }
  if (!lane.hasRoomFor(payload)) return await sendPlain(channel, { ...method, requestSerialize: () => payload }, request, attempt, patience);
  const answer = await lane.ask(payload, attempt);
  try {
    return method.responseDeserialize(answer);
  } catch {
    throw serviceError(grpc.status.INTERNAL);
  }
}

/** Waits for a connection for at most `patienceMs`: a peer that has just come up is not unavailable because the channel pauses between two tries. */
async function sendPlain(channel: grpc.Client, { requestSerialize, responseDeserialize }: Method, request: unknown, attempt: Attempt, patienceMs: number): Promise<unknown> {
  const { path, deadlineAt: deadline, signal } = attempt;
  if (patienceMs > 0 && channel.getChannel().getConnectivityState(true) !== grpc.connectivityState.READY) {
    await new Promise<void>((resolve) => {
      channel.waitForReady(Math.min(deadline, Date.now() + patienceMs), () => resolve());
    });
    if (signal?.aborted) throw serviceError(grpc.status.CANCELLED);
  }
  return await new Promise((resolve, reject) => {
    let sent: grpc.ClientUnaryCall | undefined;
    const cancel = (): void => sent?.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    sent = channel.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadataOf(attempt), { deadline }, (error, response) => {
      signal?.removeEventListener('abort', cancel);
      if (error) reject(error);
      else resolve(response);
    });
  });
}
