/** A gRPC server of plain async functions, with grpc.health.v1 and reflection. */
import * as grpc from '@grpc/grpc-js';
import type { Tracer } from '@opentelemetry/api';
import { answerOnce } from './answer-once.ts';
import { answerWithStream } from './answer-stream.ts';
import { onlyCallers } from './callers.ts';
import { Streams, type StreamAnswer } from './handle-stream.ts';
import type { Answer } from './handle.ts';
import { addHealth } from './health.ts';
import type { Inside } from './inside.ts';
import { Lanes, laneService } from './lane-server.ts';
import type { Observe } from './observe.ts';
import { addReflection } from './reflection.ts';
import type { Rpc } from './rpc.ts';
import { Certificates, refuseOpenHost, serverCredentials, type Tls } from './tls.ts';

/** A contract with the functions that keep it. */
export type Implementation = { definition: grpc.ServiceDefinition; functions: Record<string, Answer | StreamAnswer> };

export function implement<Server>(definition: grpc.ServiceDefinition, functions: Rpc<Server>): Implementation {
  return { definition, functions: functions as Implementation['functions'] };
}

export type ServerOptions = {
  /** Loopback only, unless there is TLS. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  services: Implementation[];
  /** A FileDescriptorSet, for reflection. */
  descriptors: Uint8Array;
  /** Who may call, by the names in their certificates. */
  tls?: Tls & { callers: readonly string[] };
  tracer: Tracer;
  observe: Observe;
  /** Called for each error that is not a Fault, since nobody else sees its words; and for callers whose certificate is not allowed. */
  onError: (error: unknown, call: { method: string; requestId: string }) => void;
  /** Where its callers may be in this process too. */
  inside?: Inside;
  /** How many streams may be open at a time; one more is refused as `too_many_streams`. */
  mostStreams?: number;
  /** A consumer that takes nothing for so long loses its stream. */
  slowConsumerMs?: number;
  /** A caller that is silent for so long, and `keepaliveTimeoutMs` (5 s) more, counts as gone. */
  keepaliveMs?: number;
  keepaliveTimeoutMs?: number;
};

export interface RpcServer extends AsyncDisposable {
  readonly port: number;
}

const messageBytes = 8 * 1024 * 1024;
/** Within the ten seconds that a stopping process has. */
const drainMs = 8000;

export async function startServer(options: ServerOptions): Promise<RpcServer> {
  const { tls, onError } = options;
  if (!tls) refuseOpenHost(options.host);
  await using starting = new AsyncDisposableStack();
  const certificates = tls && starting.use(new Certificates(tls));
  const { mostStreams = 1000, slowConsumerMs = 30_000, keepaliveMs = 20_000, keepaliveTimeoutMs = 5000 } = options;
  const server = new grpc.Server({
    'grpc.max_receive_message_length': messageBytes,
    'grpc.max_send_message_length': messageBytes,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    ...(tls ? { interceptors: [onlyCallers(tls.callers, (fault, method) => onError(fault, { method, requestId: '' }))] } : {}),
  });
  const streams = new Streams({ most: mostStreams, slowConsumerMs });
  const health = addHealth(server);
  addReflection(server, options.descriptors);
  const lanes = new Lanes({ duties: options, messageBytes });
  server.addService(laneService, lanes.implementation);
  for (const { definition, functions } of options.services) {
    const handlers: grpc.UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(definition)) {
      const path = method.path.slice(1);
      if (method.responseStream) {
        handlers[name] = answerWithStream(path, functions[name] as StreamAnswer, options, streams);
      } else {
        handlers[name] = answerOnce(path, functions[name] as Answer, options);
        lanes.add({ definition: method, run: functions[name] as Answer });
      }
    }
    server.addService(definition, handlers);
  }
  const port = await new Promise<number>((resolve, reject) => {
    const address = options.host.includes(':') ? `[${options.host}]` : options.host;
    const credentials = certificates ? serverCredentials(certificates) : grpc.ServerCredentials.createInsecure();
    server.bindAsync(`${address}:${options.port}`, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  // The last to begin and the first to end: it refuses new calls and waits for those under way.
  const offered = options.inside?.offer(
    options.services.flatMap(({ definition, functions }) => Object.entries(definition).map(([name, method]) => ({ definition: method, run: functions[name]! }))),
    { duties: options, streams },
  );
  const running = starting.move();
  return {
    port,
    async [Symbol.asyncDispose]() {
      health.stop();
      streams.stop();
      lanes.stop();
      const drained = offered?.[Symbol.asyncDispose]();
      await new Promise<void>((resolve) => {
        const limit = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, drainMs);
        server.tryShutdown(() => {
          clearTimeout(limit);
          resolve();
        });
      });
      if (drained) await Promise.race([drained, new Promise((resolve) => { setTimeout(resolve, drainMs).unref(); })]);
      await running.disposeAsync();
    },
  };
}
