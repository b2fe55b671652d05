/** A gRPC client of plain async functions: each call has a deadline, idempotent ones are retried, whatever fails is a Fault. */
import * as grpc from '@grpc/grpc-js';
import { Fault } from '@kiosk/fault';
import type { Tracer } from '@opentelemetry/api';
import { writeCall, type Call } from './call.ts';
import { idempotentPaths } from './idempotent.ts';
import type { Observe } from './observe.ts';
import type { Rpc } from './rpc.ts';
import { endSpan, startClientSpan } from './spans.ts';
import { faultOf } from './status.ts';

export type ClientOptions = {
  definition: grpc.ServiceDefinition;
  /** `host:port` or any name that gRPC resolves. */
  address: string;
  /** The service's name in faults: `sessions`. */
  peer: string;
  /** A FileDescriptorSet: the calls whose `idempotency_level` is set there are retried when the peer is unavailable. */
  descriptors: Uint8Array;
  tracer: Tracer;
  observe: Observe;
  /** For a call that comes without a deadline of its own. */
  timeoutMs?: number;
};

export type Client<Server> = Rpc<Server> & AsyncDisposable;

/** Kept back from the caller's remaining time, so that it hears of a deadline passed further inside before its own passes. */
const marginMs = 20;
const messageBytes = 8 * 1024 * 1024;

export function connect<Server>(options: ClientOptions): Client<Server> {
  const { definition, address, peer, descriptors, tracer, observe, timeoutMs = 10_000 } = options;
  const channel = new grpc.Client(address, grpc.credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 500,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 5000,
    'grpc.max_receive_message_length': messageBytes,
    'grpc.max_send_message_length': messageBytes,
    'grpc.service_config': JSON.stringify(retriesFor(definition, descriptors)),
  });
  const functions: Record<string, (request: unknown, call?: Partial<Call>) => Promise<unknown>> = {};
  for (const [name, method] of Object.entries(definition)) {
    functions[name] = (request, call = {}) => send({ channel, method, request, call, peer, tracer, observe, timeoutMs });
  }
  return Object.assign(functions, {
    [Symbol.asyncDispose]: async () => channel.close(),
  }) as unknown as Client<Server>;
}

function send({ channel, method, request, call, peer, tracer, observe, timeoutMs }: {
  channel: grpc.Client; method: grpc.MethodDefinition<unknown, unknown>; request: unknown; call: Partial<Call>;
  peer: string; tracer: Tracer; observe: Observe; timeoutMs: number;
}): Promise<unknown> {
  const startedAt = performance.now();
  const now = Date.now();
  const deadlineAt = Math.min(now + timeoutMs, (call.deadlineAt ?? Infinity) - marginMs);
  if (deadlineAt <= now || call.signal?.aborted) {
    return Promise.reject(new Fault({ kind: 'deadline', reason: 'deadline_exceeded', message: `No time was left to ask the ${peer} service.` }));
  }
  const name = method.path.slice(1);
  const metadata = new grpc.Metadata();
  writeCall(metadata, call);
  const span = startClientSpan(tracer, name, metadata);
  return new Promise((resolve, reject) => {
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
      sent = channel.makeUnaryRequest(method.path, method.requestSerialize, method.responseDeserialize, request, metadata, { deadline: deadlineAt }, finish);
    } catch (cause) {
      // A client that was closed throws instead of answering.
      finish(Object.assign(new Error('not sent', { cause }), { code: grpc.status.UNAVAILABLE, details: '', metadata: new grpc.Metadata() }));
    }
  });
}

/** A gRPC service config (github.com/grpc/grpc/blob/master/doc/service_config.md) with retries for the idempotent calls only. */
function retriesFor(definition: grpc.ServiceDefinition, descriptors: Uint8Array): object {
  const idempotent = idempotentPaths(descriptors);
  const name = Object.values(definition)
    .filter((method) => idempotent.has(method.path))
    .map((method) => {
      const [service, call] = method.path.slice(1).split('/');
      return { service, method: call };
    });
  const retryPolicy = { maxAttempts: 4, initialBackoff: '0.1s', maxBackoff: '0.5s', backoffMultiplier: 2, retryableStatusCodes: ['UNAVAILABLE'] };
  return { methodConfig: name.length > 0 ? [{ name, retryPolicy }] : [] };
}
