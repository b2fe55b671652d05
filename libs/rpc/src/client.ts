/** A gRPC client of plain async functions: each call has a deadline, idempotent ones are retried, whatever fails is a Fault. */
import * as grpc from '@grpc/grpc-js';
import type { Tracer } from '@opentelemetry/api';
import { askForStream } from './ask-for-stream.ts';
import { askOnce, type Asker } from './ask-once.ts';
import type { Call } from './call.ts';
import { idempotentPaths } from './idempotent.ts';
import type { Observe } from './observe.ts';
import type { Rpc } from './rpc.ts';
import { Certificates, clientCredentials, refuseOpenAddress, type Tls } from './tls.ts';

export type ClientOptions = {
  definition: grpc.ServiceDefinition;
  /** `host:port`; on loopback, unless there is TLS. */
  address: string;
  /** The service's name in faults, and in its certificate: `sessions`. */
  peer: string;
  tls?: Tls;
  /** A FileDescriptorSet: the calls whose `idempotency_level` is set there are retried when the peer is unavailable. */
  descriptors: Uint8Array;
  tracer: Tracer;
  observe: Observe;
  /** For a call that comes without a deadline of its own. A stream needs none. */
  timeoutMs?: number;
  /** A peer that is silent for so long, and `keepaliveTimeoutMs` (5 s) more, counts as gone. */
  keepaliveMs?: number;
  keepaliveTimeoutMs?: number;
};

export type Client<Server> = Rpc<Server> & AsyncDisposable;

const messageBytes = 8 * 1024 * 1024;

export function connect<Server>(options: ClientOptions): Client<Server> {
  const { definition, address, peer, tls, descriptors, tracer, observe, timeoutMs = 10_000, keepaliveMs = 20_000, keepaliveTimeoutMs = 5000 } = options;
  if (!tls) refuseOpenAddress(address, peer);
  const certificates = tls && new Certificates(tls);
  const channel = new grpc.Client(address, certificates ? clientCredentials(certificates) : grpc.credentials.createInsecure(), {
    // Whatever the address is: the certificate has to name the service.
    ...(tls ? { 'grpc.ssl_target_name_override': peer, 'grpc.default_authority': peer } : {}),
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 500,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.max_receive_message_length': messageBytes,
    'grpc.max_send_message_length': messageBytes,
    'grpc.service_config': JSON.stringify(retriesFor(definition, descriptors)),
  });
  const asker: Asker = { channel, peer, tracer, observe, timeoutMs };
  const functions: Record<string, (request: unknown, call?: Partial<Call>) => Promise<unknown> | AsyncIterable<unknown>> = {};
  for (const [name, method] of Object.entries(definition)) {
    const ask = method.responseStream ? askForStream : askOnce;
    functions[name] = (request, call = {}) => ask(asker, method, request, call);
  }
  return Object.assign(functions, {
    [Symbol.asyncDispose]: async () => {
      channel.close();
      certificates?.[Symbol.dispose]();
    },
  }) as unknown as Client<Server>;
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
