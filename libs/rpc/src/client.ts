/** A gRPC client of plain async functions: each call has a deadline, idempotent ones are retried, whatever fails is a Fault. */
import * as grpc from '@grpc/grpc-js';
import type { Tracer } from '@opentelemetry/api';
import { askForStream } from './ask-for-stream.ts';
import { askOnce, type Asker } from './ask-once.ts';
import type { Call } from './call.ts';
import { idempotentPaths } from './idempotent.ts';
import type { Inside } from './inside.ts';
import { Lane } from './lane-client.ts';
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
  /** Where the peer is in this process: calls then stay in it, whatever the address. */
  inside?: Inside;
  /** Whether calls go by the fast lane where the server has one: they do. */
  isFast?: boolean;
  /** Told each time that a fast lane opens. */
  onLane?: () => void;
  /** How long a call may take, also one that comes with a later deadline of its own. A stream needs none. */
  timeoutMs?: number;
  /** A peer that is silent for so long, and `keepaliveTimeoutMs` (5 s) more, counts as gone. */
  keepaliveMs?: number;
  keepaliveTimeoutMs?: number;
};

export type Client<Server> = Rpc<Server> & AsyncDisposable;

const messageBytes = 8 * 1024 * 1024;

export function connect<Server>(options: ClientOptions): Client<Server> {
  const { definition, address, peer, tls, descriptors, tracer, observe, inside, isFast = true, onLane, timeoutMs = 10_000, keepaliveMs = 20_000, keepaliveTimeoutMs = 5000 } = options;
  if (!tls) refuseOpenAddress(address, peer);
  const certificates = tls && new Certificates(tls);
  const channel = new grpc.Client(address, certificates ? clientCredentials(certificates) : grpc.credentials.createInsecure(), {
    // Whatever the address is: the certificate has to name the service.
    ...(tls ? { 'grpc.ssl_target_name_override': peer, 'grpc.default_authority': peer } : {}),
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 500,
    // A pod that starts anew has another address, which its name leads to a little later: half a minute is too long to ask again.
    'grpc.dns_min_time_between_resolutions_ms': 1000,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.max_receive_message_length': messageBytes,
    'grpc.max_send_message_length': messageBytes,
  });
  const lane = isFast && !inside ? new Lane({ channel, messageBytes, onOpen: onLane }) : undefined;
  const closed = new AbortController();
  const asker: Asker = { channel, closed: closed.signal, lane, inside, idempotent: idempotentPaths(descriptors), peer, tracer, observe, timeoutMs };
  const functions: Record<string, (request: unknown, call?: Partial<Call>) => Promise<unknown> | AsyncIterable<unknown>> = {};
  for (const [name, method] of Object.entries(definition)) {
    const ask = method.responseStream ? askForStream : askOnce;
    functions[name] = (request, call = {}) => ask(asker, method, request, call);
  }
  return Object.assign(functions, {
    [Symbol.asyncDispose]: async () => {
      closed.abort();
      lane?.close();
      channel.close();
      certificates?.[Symbol.dispose]();
    },
  }) as unknown as Client<Server>;
}
