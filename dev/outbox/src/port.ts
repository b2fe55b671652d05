import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A server's port that can go away, with every connection to it, and come back under the same number. */
export class Port {
  readonly #server: Server;
  readonly #host: string;
  readonly #cuts = new Set<() => void>();
  #number: number;

  /** `accept` serves a connection and gives back how to cut it; left out, the server serves it by itself. */
  constructor({ server, host, number, accept = cutPlainly }: {
    server: Server; host: string; number: number; accept?: (socket: Socket) => () => void;
  }) {
    this.#server = server;
    this.#host = host;
    this.#number = number;
    server.on('connection', (socket: Socket) => {
      const cut = accept(socket);
      this.#cuts.add(cut);
      socket.once('close', () => this.#cuts.delete(cut));
    });
  }

  get number(): number {
    return this.#number;
  }

  /** Fails with the system's error, EADDRINUSE for one. */
  async open(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#number, this.#host);
    await once(this.#server, 'listening');
    this.#number = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const cut of this.#cuts) cut();
    await closed;
  }
}

function cutPlainly(socket: Socket): () => void {
  return () => socket.destroy();
}
