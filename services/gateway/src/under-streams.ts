/**
 * Answers a connection underneath its two streams (G4). What Node's streams do for a piece that is read and for an answer that is written costs a refusal as much
 * as everything else in it but the system's own part: see docs/decisions/0018.
 *
 * The handle of a socket is not documented, and this is how Node's own streams use theirs. The lockfile names the version of Node, a test says when one does it
 * in another way, and where anything is missing everything goes through the streams.
 */
import type { Socket } from 'node:net';

/** https://github.com/nodejs/node/blob/v24.x/src/stream_base.cc */
type Handle = {
  /** From now on everything is read into this, and `onread` gets nothing with it. */
  useUserBuffer(bytes: Uint8Array): void;
  /** Of the streams: gets what was read, where that was something and no error or end. */
  onread: (this: Handle, bytes?: ArrayBuffer) => void;
  /** Gives an error's number, or 0. */
  writeLatin1String(write: WriteWrap, text: string): number;
  writeQueueSize: number;
};

/** Keeps what the system does not take at once until it does. */
type WriteWrap = { oncomplete?: () => void };

/** `streamBaseState` says more about what was read or written last, at these indexes. */
type StreamWrap = { WriteWrap: new () => WriteWrap; streamBaseState: Int32Array; kReadBytesOrError: number; kLastWriteWasAsync: number };

const { binding } = process as { binding?: (name: 'stream_wrap') => StreamWrap };
const streamWrap = binding?.('stream_wrap');

/** One for all connections: nothing is kept in it between two reads. As large as what Node reads at a time. */
const shared = new Uint8Array(64 * 1024);
/** Node takes a connection for an idle one while nothing goes through its streams, so it is told otherwise. */
const tellEveryMs = 1000;

/**
 * Offers each piece of bytes to `answerTo` before the socket's streams get it, and writes the text in latin1 that this gives. The bytes hold until it returns.
 * What it gives undefined for is the streams', and so is everything while something waits to be read or written. False where this Node cannot do it.
 */
export function answerUnderStreams(socket: Socket, answerTo: (bytes: Buffer) => string | undefined, now = () => performance.now()): boolean {
  const { _handle: handle } = socket as { _handle?: Partial<Handle> | null };
  if (!streamWrap || !isWhole(handle)) return false;
  const { streamBaseState, kReadBytesOrError } = streamWrap;
  const { onread } = handle;
  let toldAt = now();
  handle.useUserBuffer(shared);
  handle.onread = () => {
    const length = streamBaseState[kReadBytesOrError]!;
    const isOffered = length > 0 && socket.readableLength === 0 && socket.writableLength === 0 && handle.writeQueueSize === 0;
    const answer = isOffered ? answerTo(Buffer.from(shared.buffer, 0, length)) : undefined;
    if (answer === undefined) onread.call(handle, length > 0 ? shared.buffer.slice(0, length) : undefined);
    else if (write(streamWrap, handle, answer)) tellAlive();
    else socket.destroy();
  };

  function tellAlive(): void {
    const at = now();
    if (socket.timeout === undefined || at - toldAt < tellEveryMs) return;
    toldAt = at;
    socket.setTimeout(socket.timeout);
  }

  return true;
}

function isWhole(handle: Partial<Handle> | null | undefined): handle is Handle {
  return typeof handle?.useUserBuffer === 'function' && typeof handle.onread === 'function' && typeof handle.writeLatin1String === 'function' && typeof handle.writeQueueSize === 'number';
}

let spare: WriteWrap | undefined;

/** Whether the connection still takes anything. */
function write({ WriteWrap, streamBaseState, kLastWriteWasAsync }: StreamWrap, handle: Handle, text: string): boolean {
  spare ??= Object.assign(new WriteWrap(), { oncomplete: ignoreCompletion });
  const error = handle.writeLatin1String(spare, text);
  // It is in use until the system has taken everything; otherwise it was not used at all.
  if (streamBaseState[kLastWriteWasAsync] === 1) spare = undefined;
  return error === 0;
}

/** What became of it is seen where the connection is read. */
function ignoreCompletion(): void {}
