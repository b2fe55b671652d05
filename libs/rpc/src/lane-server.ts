/**
 * The server's end of the fast lane: one bidirectional stream for each client, on which it asks as often as it likes. What a frame asks for is run exactly
 * like a unary call. A client that sends what is no frame, or more than is allowed, loses its lane and nothing else.
 */
import { status, type ServerDuplexStream, type MethodDefinition, type UntypedServiceImplementation, type ServiceDefinition } from '@grpc/grpc-js';
import { checkCall } from './call.ts';
import { FrameError, decodeFrames, type Frame } from './frames.ts';
import { handle, longestCallMs, type Answer, type Duties } from './handle.ts';
import { Outbox } from './outbox.ts';
import { parentIn } from './spans.ts';
import { UnderWay } from './under-way.ts';

export type LaneStream = ServerDuplexStream<Buffer, Buffer>;
export type Method = { definition: MethodDefinition<unknown, unknown>; run: Answer };

const asItIs = (bytes: Buffer): Buffer => bytes;

/** Its messages are frames, see frames.ts; so it stands in no .proto and in no reflection. */
export const laneService = {
  open: {
    path: '/kiosk.rpc.v1.Lane/Open', requestStream: true, responseStream: true,
    requestSerialize: asItIs, requestDeserialize: asItIs, responseSerialize: asItIs, responseDeserialize: asItIs,
  },
} satisfies ServiceDefinition;

/** How many calls may be under way on one lane. */
const mostCalls = 1000;

/** All lanes of one server. */
export class Lanes {
  readonly #methods = new Map<string, Method>();
  readonly #open = new Set<ServerLane>();
  readonly #duties: Duties;
  readonly #messageBytes: number;

  /** An answer larger than `messageBytes` is refused. */
  constructor({ duties, messageBytes }: { duties: Duties; messageBytes: number }) {
    this.#duties = duties;
    this.#messageBytes = messageBytes;
  }

  add(method: Method): void {
    this.#methods.set(method.definition.path, method);
  }

  /** What a grpc-js server needs to have lanes. */
  get implementation(): UntypedServiceImplementation {
    return {
      open: (stream: LaneStream) => {
        const lane = new ServerLane({ stream, methods: this.#methods, duties: this.#duties, messageBytes: this.#messageBytes, onEnd: () => this.#open.delete(lane) });
        this.#open.add(lane);
      },
    };
  }

  /** Asks the clients to send nothing more. A lane ends once its client has said so and everything is answered. */
  stop(): void {
    for (const lane of this.#open) lane.stop();
  }
}

class ServerLane {
  readonly #stream: LaneStream;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #duties: Duties;
  readonly #messageBytes: number;
  readonly #onEnd: () => void;
  readonly #outbox: Outbox;
  readonly #calls = new UnderWay<{ abort: AbortController; deadline: NodeJS.Timeout }>();
  /** The client asks nothing more. */
  #isClosing = false;
  #isGone = false;

  constructor({ stream, methods, duties, messageBytes, onEnd }: {
    stream: LaneStream; methods: ReadonlyMap<string, Method>; duties: Duties; messageBytes: number; onEnd: () => void;
  }) {
    this.#stream = stream;
    this.#methods = methods;
    this.#duties = duties;
    this.#messageBytes = messageBytes;
    this.#onEnd = onEnd;
    this.#outbox = new Outbox({ write: (message) => this.#write(message), onEmpty: () => this.#endIfDone() });
    stream.on('data', (message: Buffer) => this.#heard(message));
    stream.on('drain', () => {
      stream.resume();
      this.#outbox.drained();
    });
    stream.on('end', () => {
      this.#isClosing = true;
      this.#endIfDone();
    });
    stream.on('cancelled', () => this.#gone());
    stream.on('error', () => this.#gone());
    this.#outbox.push({ hello: 1, mostCalls });
  }

  stop(): void {
    this.#outbox.push({ leave: true });
  }

  #write(message: Buffer): boolean {
    const hasRoom = this.#stream.write(message);
    // Who does not read the answers asks nothing more.
    if (!hasRoom) this.#stream.pause();
    return hasRoom;
  }

  #heard(message: Buffer): void {
    if (this.#isGone) return;
    try {
      for (const frame of decodeFrames(message)) this.#read(frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#stream.emit('error', { code: status.INVALID_ARGUMENT, details: 'this lane is for frames of its own kind' });
    }
  }

  #read({ header, payload }: Frame): void {
    if (typeof header['cancel'] === 'number') return this.#drop(header['cancel']);
    const { ask: id, method: path } = header;
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || typeof path !== 'string' || this.#calls.get(id)) throw new FrameError('a header asks nothing');
    const method = this.#methods.get(path);
    if (!method) return this.#fail(id, status.UNIMPLEMENTED, 'The server does not implement this method.');
    if (this.#calls.size >= mostCalls) return this.#fail(id, status.RESOURCE_EXHAUSTED, 'Too many calls are under way.');
    let request: unknown;
    try {
      request = method.definition.requestDeserialize(payload);
    } catch {
      return this.#fail(id, status.INTERNAL, 'The request cannot be read.');
    }
    this.#run(id, method, request, header);
  }

  #run(id: number, { definition, run }: Method, request: unknown, header: Frame['header']): void {
    const leftMs = typeof header['leftMs'] === 'number' ? Math.min(Math.max(header['leftMs'], 0), 2 ** 31 - 1) : longestCallMs;
    const abort = new AbortController();
    this.#calls.set(id, { abort, deadline: setTimeout(() => this.#drop(id), leftMs) });
    const call = { ...checkCall(header), deadlineAt: Date.now() + leftMs, signal: abort.signal };
    void handle(definition.path.slice(1), run, request, call, parentIn(traceOf(header['trace'])), this.#duties).then((outcome) => {
      // Nobody waits for it any more.
      if (abort.signal.aborted) return;
      this.#forget(id);
      if (outcome.ok) this.#answer(id, definition, outcome.response);
      else this.#outbox.push({ failure: id, code: outcome.status.code, details: outcome.status.details, trailers: outcome.status.metadata.toHttp2Headers() });
    });
  }

  #answer(id: number, definition: Method['definition'], response: unknown): void {
    let payload: Buffer;
    try {
      payload = definition.responseSerialize(response);
    } catch {
      return this.#fail(id, status.INTERNAL, 'The answer cannot be written.');
    }
    if (payload.byteLength > this.#messageBytes) return this.#fail(id, status.RESOURCE_EXHAUSTED, 'The answer is too large.');
    this.#outbox.answer(id, payload);
  }

  #fail(id: number, code: status, details: string): void {
    this.#outbox.push({ failure: id, code, details, trailers: {} });
  }

  /** Nobody waits for the answer any more. */
  #drop(id: number): void {
    this.#calls.get(id)?.abort.abort();
    this.#forget(id);
    this.#outbox.forget(id);
    this.#endIfDone();
  }

  #forget(id: number): void {
    clearTimeout(this.#calls.delete(id)?.deadline);
  }

  #endIfDone(): void {
    if (this.#isClosing && this.#calls.size === 0 && this.#outbox.isEmpty && !this.#isGone) this.#stream.end();
  }

  #gone(): void {
    this.#isGone = true;
    for (const id of this.#calls.numbers()) this.#drop(id);
    this.#onEnd();
  }
}

/** Texts only: a foreign client may send anything. */
function traceOf(trace: unknown): Record<string, string> {
  if (typeof trace !== 'object' || trace === null) return {};
  return Object.fromEntries(Object.entries(trace).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
