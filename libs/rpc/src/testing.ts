/** A small contract for the tests, with one call that may be repeated and one that may not, and both ends of it. */
import type * as grpc from '@grpc/grpc-js';
import { fromJSON, type MessageTypeDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { trace } from '@opentelemetry/api';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Inside, connect, implement, startServer, type Call, type Client, type ClientOptions, type Observe, type Rpc, type RpcServer, type ServerOptions } from './rpc.ts';

export type Words = { text: string };
export type EchoServer = {
  say: grpc.handleUnaryCall<Words, Words>; act: grpc.handleUnaryCall<Words, Words>; watch: grpc.handleServerStreamingCall<Words, Words>;
};
/** What a server is given: the whole call, not a part of one. */
export type Handler = (request: Words, call: Call) => Promise<Words>;
export type StreamHandler = (request: Words, call: Call) => AsyncIterable<Words>;

const loaded = fromJSON({ nested: { kiosk: { nested: { test: { nested: {
  Words: { fields: { text: { type: 'string', id: 1 } } },
  Echo: {
    methods: {
      Say: { requestType: 'Words', responseType: 'Words', options: { idempotency_level: 'NO_SIDE_EFFECTS' }, comment: '' },
      Act: { requestType: 'Words', responseType: 'Words', comment: '' },
      Watch: { requestType: 'Words', responseType: 'Words', responseStream: true, comment: '' },
    },
  },
} } } } } }, { defaults: true });

const { Say, Act, Watch } = loaded['kiosk.test.Echo'] as ServiceDefinition;
export const EchoService = { say: Say, act: Act, watch: Watch } as unknown as grpc.ServiceDefinition;
export const echoDescriptors: Uint8Array = descriptorSet((loaded['kiosk.test.Words'] as MessageTypeDefinition<Words, Words>).fileDescriptorProtos);

/** FileDescriptorSet has one repeated field: number 1, so each file is its tag, its length as a varint and its bytes. */
function descriptorSet(files: Buffer[]): Uint8Array {
  return Buffer.concat(files.map((file) => Buffer.concat([Buffer.from([0x0a, (file.length & 0x7f) | 0x80, file.length >> 7]), file])));
}

export type Observed = Parameters<Observe>[0];
export type Echo = RpcServer & { observed: Observed[]; errors: { error: unknown; method: string; requestId: string }[] };

const echo: Handler = async (request) => request;
/** Each word of the request by itself. */
async function* words({ text }: Words): AsyncGenerator<Words> {
  for (const word of text.split(' ')) yield { text: word };
}

/** The suite runs once for each lane, see jest.config.mjs. */
export const lane = (globalThis as { lane?: 'plain' | 'fast' | 'inside' }).lane ?? 'fast';

/** As long as a server runs, by its port: in one process each program has one Inside, a test has many servers of the same name. */
const insides = new Map<number, Inside>();

export async function startEcho({ say = echo, act = echo, watch = words, ...options }: { say?: Handler; act?: Handler; watch?: StreamHandler } & Partial<ServerOptions> = {}): Promise<Echo> {
  const observed: Observed[] = [];
  const errors: Echo['errors'] = [];
  const inside = lane === 'inside' ? insides.get(options.port ?? 0) ?? new Inside() : undefined;
  const server = await startServer({
    inside,
    host: '127.0.0.1', port: 0, descriptors: echoDescriptors, tracer: trace.getTracer('off'),
    services: [implement<EchoServer>(EchoService, { say, act, watch } as Rpc<EchoServer>)],
    observe: (call) => observed.push(call),
    onError: (error, call) => errors.push({ error, ...call }),
    ...options,
  });
  if (inside) insides.set(server.port, inside);
  return Object.assign(server, { observed, errors });
}

export function connectEcho(port: number, options: Partial<ClientOptions> = {}): Client<EchoServer> & { observed: Observed[] } {
  const observed: Observed[] = [];
  let onLane = (): void => {};
  const opened = new Promise<void>((resolve) => { onLane = resolve; });
  const client = connect<EchoServer>({
    definition: EchoService, address: `127.0.0.1:${port}`, peer: 'echo', descriptors: echoDescriptors, tracer: trace.getTracer('off'),
    observe: (call) => observed.push(call), isFast: lane === 'fast', inside: options.address ? undefined : insides.get(port), onLane, ...options,
  });
  if (lane !== 'fast') return Object.assign(client, { observed });
  // A call made before the lane is open goes by plain gRPC. A server that is away has none.
  const settled = Promise.race([opened, new Promise((resolve) => { setTimeout(resolve, laneLimitMs).unref(); })]);
  const { say, act } = client;
  return Object.assign(client, {
    observed,
    say: async (...args: Parameters<typeof say>) => settled.then(() => say(...args)),
    act: async (...args: Parameters<typeof act>) => settled.then(() => act(...args)),
  });
}

const laneLimitMs = 250;

/** What a call fails with, or an error that it did not fail. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the call was expected to fail');
}

/** Waits until `done` holds; the test's own time limit is the bound. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A server as a process of its own, which a test may freeze or kill. `watch` is the source of its stream's handler. */
export async function startProcess(watch = 'undefined') {
  const script = `
    import { startEcho } from './testing.ts';
    const server = await startEcho({ watch: ${watch} });
    process.stdout.write(server.port + '\\n');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--conditions=@kiosk/source', '--input-type=module', '--eval', script], {
    cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data') as [Buffer];
  return {
    port: Number(line.toString()), child,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
