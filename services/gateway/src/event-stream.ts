/**
 * One response as Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html). Whoever sends waits until the client has taken what
 * was sent, so that nothing piles up here; a client that takes nothing for a whole heartbeat is cut off, and comes back with its Last-Event-ID.
 */
import type { Response } from 'express';

export type SentEvent = { event: string; id: string; data: unknown };

const heartbeatMs = 15_000;
/** When an EventSource comes back by itself; chance keeps those that a restart has cut off from coming back all at once. */
const retryMs = { least: 1000, spread: 1000 };

export class EventStream implements Disposable {
  readonly #response: Response;
  readonly #signal: AbortSignal;
  readonly #heartbeat: NodeJS.Timeout;
  #isBlocked = false;

  /** Sends the headers. `signal` ends the wait for a slow client. */
  constructor(response: Response, { signal, everyMs = heartbeatMs }: { signal: AbortSignal; everyMs?: number }) {
    this.#response = response;
    this.#signal = signal;
    // A proxy must neither keep nor gather nor compress it; X-Accel-Buffering is nginx's.
    response.status(200).set({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' });
    response.flushHeaders();
    response.write(`retry: ${retryMs.least + Math.floor(Math.random() * retryMs.spread)}\n\n`);
    this.#heartbeat = setInterval(() => this.#beat(), everyMs);
  }

  /** Resolves once the client has room for more. */
  async send({ event, id, data }: SentEvent): Promise<void> {
    // JSON has no line break of its own.
    this.#response.write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
    while (this.#response.writableNeedDrain && !this.#signal.aborted) await this.#drained();
  }

  /** For whoever looks at the wire; clients ignore it. One line. */
  comment(text: string): void {
    if (!this.#response.writableNeedDrain) this.#response.write(`: ${text}\n\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
    this.#response.end();
  }

  #beat(): void {
    const isBlocked = this.#response.writableLength > 0;
    if (isBlocked && this.#isBlocked) this.#response.destroy();
    else if (!isBlocked) this.#response.write(':\n\n');
    this.#isBlocked = isBlocked;
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#response.off('drain', done);
        this.#signal.removeEventListener('abort', done);
        resolve();
      };
      this.#response.once('drain', done);
      this.#signal.addEventListener('abort', done, { once: true });
    });
  }
}
