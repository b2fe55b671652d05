/**
 * One keep-alive HTTP/1.1 connection with one request on it at a time, for loads of ten thousand a second from the cores that also serve them: all connections
 * read into one buffer, and of an answer only the status and the length are looked at.
 */
import { connect, type Socket } from 'node:net';

/** `status` 0: the connection broke before an answer. `text` reads the answer, and holds only until the callback returns. */
export type Answered = (status: number, text: () => string) => void;

/** One loop, one reader at a time. */
const shared = Buffer.allocUnsafe(64 * 1024);
const headEnd = Buffer.from('\r\n\r\n');
const lengthName = Buffer.from('ontent-length: ');

export class LeanConnection {
  readonly #socket: Socket;
  readonly #onGone: (connection: LeanConnection) => void;
  #answered: Answered | undefined;
  #received: Buffer | undefined;

  constructor(port: number, { onGone }: { onGone: (connection: LeanConnection) => void }) {
    this.#onGone = onGone;
    this.#socket = connect({
      host: '127.0.0.1', port, noDelay: true,
      onread: {
        buffer: shared,
        callback: (length) => {
          this.#read(shared.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#finish(0, () => '');
      this.#onGone(this);
    });
  }

  send(request: string, answered: Answered): void {
    this.#answered = answered;
    this.#socket.write(request, 'utf8');
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#received ? Buffer.concat([this.#received, chunk]) : chunk;
    const headLength = bytes.indexOf(headEnd);
    const lengthAt = headLength < 0 ? -1 : bytes.subarray(0, headLength).indexOf(lengthName);
    const bodyLength = lengthAt < 0 ? 0 : Number.parseInt(bytes.toString('latin1', lengthAt + lengthName.length, lengthAt + lengthName.length + 10), 10);
    if (headLength < 0 || bytes.length < headLength + headEnd.length + bodyLength) {
      // The shared buffer is the next reader's.
      this.#received = this.#received ? bytes : Buffer.from(bytes);
      return;
    }
    this.#received = undefined;
    this.#finish((bytes[9]! - 48) * 100 + (bytes[10]! - 48) * 10 + (bytes[11]! - 48), () => bytes.toString('latin1'));
  }

  #finish(status: number, text: () => string): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(status, text);
  }
}
