/**
 * The client's end of the fast lane. It opens by itself and again after each break, and meanwhile calls go by plain gRPC; a server that does not know it, or
 * does not want this client, is asked again a minute later. A break fails what is under way as UNAVAILABLE: whether it was done is not known, and nothing here repeats it.
 */
import * as grpc from '@grpc/grpc-js';
import { FrameError, decodeFrames, type Frame } from './frames.ts';
import { laneService } from './lane-server.ts';
import { Outbox, partBytes } from './outbox.ts';
import { serviceError } from './service-error.ts';
import { UnderWay } from './under-way.ts';
import type { Attempt } from './ask-once.ts';

const reopenMs = 500;
const reopenRefusedMs = 60_000;
/** Beyond this, calls go by plain gRPC, whose streams have windows of their own. */
const mostQueuedBytes = 1024 * 1024;

type Stream = grpc.ClientDuplexStream<Buffer, Buffer>;
type Waiting = { resolve: (payload: Buffer) => void; reject: (error: grpc.ServiceError) => void; parts: Buffer[]; bytes: number; stop: () => void };

export class Lane {
  readonly #channel: grpc.Client;
  readonly #messageBytes: number;
  readonly #onOpen: () => void;
  #stream: Stream | undefined;
  /** Undefined where nothing may be said any more. */
  #outbox: Outbox | undefined;
  /** 0 until the server has said hello, and again when it wants to be left. */
  #mostCalls = 0;
  #reopenAt = 0;
  #nextId = 0;
  readonly #waiting = new UnderWay<Waiting>();

  /** An answer larger than `messageBytes` is refused. */
  constructor({ channel, messageBytes, onOpen = () => {} }: { channel: grpc.Client; messageBytes: number; onOpen?: () => void }) {
    this.#channel = channel;
    this.#messageBytes = messageBytes;
    this.#onOpen = onOpen;
    this.#open();
  }

  /** Whether the next call can go this way. */
  hasRoomFor(payload: Uint8Array): boolean {
    if (!this.#stream && Date.now() >= this.#reopenAt) this.#open();
    return this.#waiting.size < this.#mostCalls && payload.byteLength <= partBytes && this.#outbox!.queuedBytes < mostQueuedBytes;
  }

  /** The answer as the contract writes it. Fails with a ServiceError. Only while there is room. */
  ask(payload: Uint8Array, { path, requestId, caller, deadlineAt, signal, carrier }: Attempt): Promise<Buffer> {
    const id = this.#nextId++;
    const leftMs = deadlineAt - Date.now();
    return new Promise((resolve, reject) => {
      const leave = (code: grpc.status) => (): void => {
        this.#outbox?.push({ cancel: id });
        this.#end(id)?.reject(serviceError(code));
      };
      const abort = leave(grpc.status.CANCELLED);
      const deadline = setTimeout(leave(grpc.status.DEADLINE_EXCEEDED), leftMs);
      signal?.addEventListener('abort', abort, { once: true });
      const stop = (): void => {
        clearTimeout(deadline);
        signal?.removeEventListener('abort', abort);
      };
      this.#waiting.set(id, { resolve, reject, parts: [], bytes: 0, stop });
      this.#outbox!.push({ ask: id, method: path, leftMs, requestId, caller, trace: isEmpty(carrier) ? undefined : carrier }, payload);
    });
  }

  close(): void {
    this.#reopenAt = Infinity;
    const stream = this.#stream;
    if (stream) this.#broken(stream, grpc.status.UNAVAILABLE);
    stream?.cancel();
  }

  #open(): void {
    this.#reopenAt = Date.now() + reopenMs;
    const { path, requestSerialize, responseDeserialize } = laneService.open;
    const stream = this.#channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#stream = stream;
    const outbox = new Outbox({ write: (message) => stream.write(message) });
    this.#outbox = outbox;
    stream.on('drain', () => outbox.drained());
    stream.on('data', (message: Buffer) => this.#heard(stream, message));
    stream.on('error', ({ code }: grpc.ServiceError) => this.#broken(stream, code));
    stream.on('end', () => this.#broken(stream, grpc.status.UNAVAILABLE));
  }

  #heard(stream: Stream, message: Buffer): void {
    if (stream !== this.#stream) return;
    try {
      for (const frame of decodeFrames(message)) this.#read(stream, frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#broken(stream, grpc.status.UNAVAILABLE);
      stream.cancel();
    }
  }

  #read(stream: Stream, { header, payload }: Frame): void {
    if (typeof header['answer'] === 'number') return this.#take(header['answer'], payload, header['more'] === true);
    if (typeof header['failure'] === 'number') return this.#end(header['failure'])?.reject(failureOf(header));
    if (typeof header['mostCalls'] === 'number') {
      this.#mostCalls = header['mostCalls'];
      this.#onOpen();
    }
    if (header['leave'] === true) {
      this.#mostCalls = 0;
      // What is queued goes first: the server answers all that came before the end. To say anything after it, a cancel too, would break the lane.
      this.#outbox?.endWith(() => {
        stream.end();
        this.#outbox = undefined;
      });
    }
  }

  #take(id: number, payload: Buffer, isMoreToCome: boolean): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    waiting.bytes += payload.length;
    if (waiting.bytes > this.#messageBytes) {
      this.#outbox?.push({ cancel: id });
      return this.#end(id)?.reject(serviceError(grpc.status.RESOURCE_EXHAUSTED));
    }
    waiting.parts.push(payload);
    if (!isMoreToCome) this.#end(id)?.resolve(waiting.parts.length === 1 ? payload : Buffer.concat(waiting.parts));
  }

  #end(id: number): Waiting | undefined {
    const waiting = this.#waiting.delete(id);
    waiting?.stop();
    return waiting;
  }

  #broken(stream: Stream, code: grpc.status): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    this.#outbox = undefined;
    this.#mostCalls = 0;
    if (code === grpc.status.UNIMPLEMENTED || code === grpc.status.PERMISSION_DENIED) this.#reopenAt = Date.now() + reopenRefusedMs;
    for (const id of this.#waiting.numbers()) this.#end(id)?.reject(serviceError(grpc.status.UNAVAILABLE));
  }
}

function isEmpty(carrier: object): boolean {
  for (const _ in carrier) return false;
  return true;
}

function failureOf({ code, details, trailers }: Frame['header']): grpc.ServiceError {
  const known = typeof code === 'number' && code in grpc.status && code !== grpc.status.OK ? code : grpc.status.UNKNOWN;
  const metadata = typeof trailers === 'object' && trailers !== null ? grpc.Metadata.fromHttp2Headers(trailers as Record<string, string[]>) : new grpc.Metadata();
  return serviceError(known, metadata, typeof details === 'string' ? details : '');
}
