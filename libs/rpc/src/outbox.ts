/**
 * What one end of a fast lane has to send: the frames of one turn of the event loop leave in one message. A large payload leaves in parts, one each time,
 * so that it does not hold up the others; while the other end does not read, nothing leaves.
 */
import { encodeFrame, type Header } from './frames.ts';

/** What fits into one frame, and about what fits into one message. */
export const partBytes = 64 * 1024;
const messageBytes = 4 * partBytes;

export class Outbox {
  readonly #write: (message: Buffer) => boolean;
  #onEmpty: () => void;
  #frames: Buffer[] = [];
  #large: { answer: number; rest: Uint8Array }[] = [];
  #isScheduled = false;
  #isBlocked = false;
  #queuedBytes = 0;

  /** `write` answers false when there is no room for another message until `drained` is called. `onEmpty` is called each time everything has left. */
  constructor({ write, onEmpty = () => {} }: { write: (message: Buffer) => boolean; onEmpty?: () => void }) {
    this.#write = write;
    this.#onEmpty = onEmpty;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0 && this.#large.length === 0;
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  push(header: Header, payload?: Uint8Array): void {
    const frame = encodeFrame(header, payload);
    this.#frames.push(frame);
    this.#queuedBytes += frame.length;
    this.#schedule();
  }

  /** An answer of any size. */
  answer(id: number, payload: Uint8Array): void {
    if (payload.byteLength <= partBytes) return this.push({ answer: id }, payload);
    this.#large.push({ answer: id, rest: payload });
    this.#queuedBytes += payload.byteLength;
    this.#schedule();
  }

  /** What is left of an answer that nobody waits for. */
  forget(id: number): void {
    this.#large = this.#large.filter(({ answer, rest }) => {
      if (answer !== id) return true;
      this.#queuedBytes -= rest.byteLength;
      return false;
    });
  }

  /** Calls `then` once everything has left: at once, if it has. */
  endWith(then: () => void): void {
    this.#onEmpty = then;
    if (this.isEmpty) then();
  }

  drained(): void {
    this.#isBlocked = false;
    if (!this.isEmpty) this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isBlocked) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    this.#takeParts();
    while (this.#frames.length > 0 && !this.#isBlocked) this.#isBlocked = !this.#write(this.#nextMessage());
    if (this.isEmpty) this.#onEmpty();
    else this.#schedule();
  }

  #nextMessage(): Buffer {
    let count = 0;
    let bytes = 0;
    while (count < this.#frames.length && (count === 0 || bytes + this.#frames[count]!.length <= messageBytes)) bytes += this.#frames[count++]!.length;
    const frames = this.#frames.splice(0, count);
    this.#queuedBytes -= bytes;
    return frames.length === 1 ? frames[0]! : Buffer.concat(frames, bytes);
  }

  /** One more part of each large answer. */
  #takeParts(): void {
    this.#large = this.#large.filter((large) => {
      const part = large.rest.subarray(0, partBytes);
      large.rest = large.rest.subarray(partBytes);
      const isLast = large.rest.byteLength === 0;
      this.#queuedBytes -= part.byteLength;
      const frame = encodeFrame(isLast ? { answer: large.answer } : { answer: large.answer, more: true }, part);
      this.#queuedBytes += frame.length;
      this.#frames.push(frame);
      return !isLast;
    });
  }
}
