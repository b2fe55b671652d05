/**
 * What the two ends of a fast lane say to one another. A gRPC message holds the frames of one turn of the event loop, one after the other, each as two
 * lengths (32 bits, big endian), a header as JSON and a payload: the request or response as the contract writes it.
 */
import type { Caller } from './call.ts';

export type Header =
  /** The server's first word. */
  | { hello: 1; mostCalls: number }
  /** The server stops: no more questions, please. What was asked is answered. */
  | { leave: true }
  /** `leftMs` is the time until the caller's deadline. */
  | { ask: number; method: string; leftMs: number; requestId: string; caller?: Caller; trace?: Record<string, string> }
  /** Nobody waits for the answer any more. */
  | { cancel: number }
  /** An answer, or a part of one that is `more` than fits. */
  | { answer: number; more?: true }
  /** A gRPC status, its trailers as gRPC writes them. */
  | { failure: number; code: number; details: string; trailers: Record<string, unknown> };

export type Frame = { header: Partial<Record<string, unknown>>; payload: Buffer };

const prefixBytes = 8;

export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export function encodeFrame(header: Header, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const text = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(prefixBytes + headerBytes + payload.byteLength);
  frame.writeUInt32BE(headerBytes, 0);
  frame.writeUInt32BE(payload.byteLength, 4);
  frame.write(text, prefixBytes);
  frame.set(payload, prefixBytes + headerBytes);
  return frame;
}

/** Fails with a FrameError on anything but whole frames. What the headers say is not checked. */
export function decodeFrames(message: Buffer): Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  while (at < message.length) {
    if (at + prefixBytes > message.length) throw new FrameError('a frame is cut short');
    const payloadAt = at + prefixBytes + message.readUInt32BE(at);
    const end = payloadAt + message.readUInt32BE(at + 4);
    if (end > message.length) throw new FrameError('a frame is cut short');
    frames.push({ header: parseHeader(message.toString('utf8', at + prefixBytes, payloadAt)), payload: message.subarray(payloadAt, end) });
    at = end;
  }
  return frames;
}

function parseHeader(text: string): Frame['header'] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new FrameError('a header is no JSON');
  }
  if (typeof header !== 'object' || header === null) throw new FrameError('a header is no object');
  return header as Frame['header'];
}
