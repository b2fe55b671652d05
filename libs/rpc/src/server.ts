/** A gRPC server of plain async functions, with grpc.health.v1 and reflection. */
import * as grpc from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { Fault } from '@kiosk/fault';
import { context, trace, type Tracer } from '@opentelemetry/api';
import { HealthImplementation } from 'grpc-health-check';
import { isIPv4 } from 'node:net';
import { readCall, type Call } from './call.ts';
import type { Observe } from './observe.ts';
import type { Rpc } from './rpc.ts';
import { endSpan, startServerSpan } from './spans.ts';
import { statusOf } from './status.ts';

/** A contract with the functions that keep it. */
export type Implementation = { definition: grpc.ServiceDefinition; functions: Record<string, Handler> };
type Handler = (request: unknown, call: Call) => Promise<unknown>;

export function implement<Server>(definition: grpc.ServiceDefinition, functions: Rpc<Server>): Implementation {
  return { definition, functions: functions as Implementation['functions'] };
}

export type ServerOptions = {
  /** Loopback only; see refuseForeignHost. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  services: Implementation[];
  /** A FileDescriptorSet, for reflection. */
  descriptors: Uint8Array;
  tracer: Tracer;
  observe: Observe;
  /** Called for each error that is not a Fault: nobody else sees its words. */
  onError: (error: unknown, call: { method: string; requestId: string }) => void;
};

export interface RpcServer extends AsyncDisposable {
  readonly port: number;
}

/** A caller that named no deadline is not waited for longer than this. */
const longestCallMs = 60_000;
const messageBytes = 8 * 1024 * 1024;
/** Within the ten seconds that a stopping process has. */
const drainMs = 8000;

export async function startServer(options: ServerOptions): Promise<RpcServer> {
  refuseForeignHost(options.host);
  const server = new grpc.Server({ 'grpc.max_receive_message_length': messageBytes, 'grpc.max_send_message_length': messageBytes });
  const health = new HealthImplementation({ '': 'SERVING' });
  health.addToServer(server);
  new ReflectionService(loadFileDescriptorSetFromBuffer(Buffer.from(options.descriptors))).addToServer(server);
  for (const { definition, functions } of options.services) {
    const handlers: grpc.UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(definition)) handlers[name] = handlerOf(method.path.slice(1), functions[name]!, options);
    server.addService(definition, handlers);
  }
  const port = await new Promise<number>((resolve, reject) => {
    const address = options.host.includes(':') ? `[${options.host}]` : options.host;
    server.bindAsync(`${address}:${options.port}`, grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      health.setStatus('', 'NOT_SERVING');
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
    },
  };
}

/** Without TLS the contracts are for this machine only: whoever reaches the port may confirm payments. */
function refuseForeignHost(host: string): void {
  if (host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))) return;
  throw new Fault({ kind: 'invalid', reason: 'grpc_host_not_loopback', message: `gRPC without TLS listens on loopback only, not on ${host}: set the GRPC host to 127.0.0.1` });
}

function handlerOf(method: string, run: Handler, { tracer, observe, onError }: ServerOptions): grpc.handleUnaryCall<unknown, unknown> {
  return (incoming, answer) => {
    const startedAt = performance.now();
    const { requestId, caller } = readCall(incoming.metadata);
    const abort = new AbortController();
    let answered = false;
    // grpc-js tells of it after the end of an ordinary call too.
    incoming.on('cancelled', () => {
      if (!answered) abort.abort();
    });
    const call: Call = { requestId, caller, deadlineAt: deadlineOf(incoming), signal: abort.signal };
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

function deadlineOf(incoming: { getDeadline(): grpc.Deadline }): number {
  const deadline = incoming.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(at) ? at : Date.now() + longestCallMs;
}

