/**
 * One keep-alive HTTP/1.1 connection that sends ready-made bytes and reads answers with a Content-Length. A general client costs more CPU
 * than some of what is measured here, and takes it from the same cores.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A kiosk's, which the kiosk's gateway asks for and no peer looks at. */
export const kioskKey = 'bench-key-0123456789abcdef';

export type Answer = { status: number; body: string };

export class HttpConnection {
  readonly #socket: Socket;
  #received = '';
  #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  #error: Error | undefined;

  static async open(port: number): Promise<HttpConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new HttpConnection(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    // One byte, one character: Content-Length counts bytes.
    socket.setEncoding('latin1');
    socket.on('data', (text) => this.#read(String(text)));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /** One request at a time. The body of the answer is latin1. Fails when the connection breaks or the answer cannot be read. */
  send(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#error) return reject(this.#error);
      this.#waiting = { resolve, reject };
      this.#socket.write(request, 'utf8');
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#received += text;
    const headLength = this.#received.indexOf('\r\n\r\n');
    if (headLength < 0) return;
    const head = this.#received.slice(0, headLength);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (length === undefined) return this.#fail(new Error(`an answer without Content-Length:\n${head}`));
    const bodyAt = headLength + 4;
    if (this.#received.length < bodyAt + Number(length)) return;
    const answer = { status: Number(head.slice(9, 12)), body: this.#received.slice(bodyAt) };
    this.#received = '';
    this.#waiting?.resolve(answer);
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#waiting?.reject(this.#error);
  }
}

export function requestText({ method, path, headers = {}, body }: {
  method: 'GET' | 'POST'; path: string; headers?: Record<string, string>; body?: object;
}): string {
  const json = body === undefined ? '' : JSON.stringify(body);
  const all = {
    host: '127.0.0.1', 'user-agent': 'kiosk-bench', accept: 'application/json', authorization: `Bearer ${kioskKey}`, ...headers,
    ...(body && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(json)) }),
  };
  return `${method} ${path} HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${json}`;
}
