/**
 * Connections that wait for something to happen: event streams and long polls. Each costs little and lasts long, so they take none of the places of calls
 * that are answered at once and have limits of their own. All of them end at once when the gateway stops.
 */
import { Fault } from '@kiosk/fault';
import type { Call } from '@kiosk/rpc';
import type { Metrics } from '@kiosk/service';
import { Shares } from './shares.ts';
import { whoIs } from './throttle.ts';

export type HeldKind = 'events' | 'wait';

export interface HeldPlace extends Disposable {
  /** Aborted when the client has left, the gateway stops, or `end` is called. */
  readonly signal: AbortSignal;
  end(): void;
}

const retryAfterMs = 5000;

export class Held implements Disposable {
  readonly #mostPerCaller: number;
  readonly #shares: Shares;
  readonly #open = new Set<AbortController>();
  readonly #gauge;
  #stopped = false;

  constructor({ most, mostPerCaller, metrics }: { most: number; mostPerCaller: number; metrics: Metrics }) {
    this.#mostPerCaller = mostPerCaller;
    this.#shares = new Shares({ most, mostEach: mostPerCaller });
    this.#gauge = metrics.gauge({ name: 'http_streams_open', help: 'Connections that wait for something to happen: event streams and long polls.', labels: ['kind'] });
    for (const kind of ['events', 'wait'] as const) this.#gauge.set({ kind }, 0);
  }

  /** Whether one more of this caller would be refused. */
  isFull({ caller }: Call): boolean {
    return this.#fault(whoIs(caller)) !== undefined;
  }

  /** Takes a place until it is disposed. Fails with `too_many_streams` where the caller has its share, and with `overloaded` where there is none at all. */
  enter(kind: HeldKind, { caller, signal }: Call): HeldPlace {
    const who = whoIs(caller);
    const fault = this.#fault(who);
    if (fault) throw fault;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    this.#open.add(ended);
    this.#shares.take(who);
    this.#gauge.inc({ kind });
    return {
      signal: ended.signal,
      end,
      [Symbol.dispose]: () => {
        signal.removeEventListener('abort', end);
        if (!this.#open.delete(ended)) return;
        this.#gauge.dec({ kind });
        this.#shares.giveBack(who);
      },
    };
  }

  /** Ends all of them, and refuses every other. */
  [Symbol.dispose](): void {
    this.#stopped = true;
    for (const ended of this.#open) ended.abort();
  }

  #fault(who: string): Fault | undefined {
    const obstacle = this.#stopped ? 'all' : this.#shares.obstacle(who);
    if (!obstacle) return undefined;
    if (obstacle === 'all') {
      return new Fault({ kind: 'unavailable', reason: 'overloaded', message: 'Too many connections wait for events. Come back a little later.', retryAfterMs });
    }
    return new Fault({ kind: 'exhausted', reason: 'too_many_streams', message: `No more than ${this.#mostPerCaller} event streams at a time.`, retryAfterMs });
  }
}
