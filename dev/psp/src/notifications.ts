import * as http from 'node:http';
import * as https from 'node:https';
import type { NotificationFaults } from './faults.ts';
import type { PspEvent, PspPayment, PspRefund } from './objects.ts';
import type { Storage } from './storage.ts';

/** Waits after the first, second, … failed attempt; the last one repeats until 24 hours are over. */
const REDELIVERY_MS = [10_000, 30_000, 60_000, 300_000, 900_000, 1800_000, 3600_000, 2 * 3600_000, 4 * 3600_000];
const GIVEN_UP_AFTER_MS = 24 * 3600_000;
/** A reordered notification goes after the next one; with none in sight it goes after this. */
const HELD_AT_MOST_MS = 60_000;

export type PspNotification = {
  readonly id: number;
  /** The order in which those that are due leave. */
  sequence: number;
  readonly event: PspEvent;
  readonly objectId: string;
  /** The bytes that are sent: the object as it was at the event. */
  readonly body: string;
  readonly createdAtMs: number;
  /** Waits for the next notification to overtake it. */
  heldForNext: boolean;
  dueAtMs: number;
  state: 'waiting' | 'received' | 'dropped' | 'given_up';
  /** `status` is the receiver's HTTP status, absent when there was none. */
  readonly attempts: { atMs: number; status?: number; error?: string }[];
};

/**
 * Notifications (https://yookassa.ru/developers/using-api/webhooks): POST without a signature; only HTTP 200 counts as received, anything else
 * is sent again at growing intervals for 24 hours of the shop's clock. They leave one at a time, in order, when `deliverDue` is called.
 */
export class Notifications {
  readonly #all: PspNotification[];
  readonly #now: () => number;
  readonly #webhookUrl: () => string | undefined;
  readonly #localAddress: string | undefined;
  readonly #timeoutMs: number;
  readonly #faults: NotificationFaults;
  readonly #storage: Storage;
  readonly #closing = new AbortController();
  #waiting: PspNotification[];
  #delivering: Promise<void> = Promise.resolve();
  #lastSequence: number;

  constructor(options: {
    now: () => number;
    /** While it gives nothing, notifications wait. */
    webhookUrl: () => string | undefined;
    /** The address on this machine that they leave from. */
    localAddress?: string;
    timeoutMs: number;
    faults: NotificationFaults;
    storage: Storage;
  }) {
    this.#now = options.now;
    this.#webhookUrl = options.webhookUrl;
    this.#localAddress = options.localAddress;
    this.#timeoutMs = options.timeoutMs;
    this.#faults = options.faults;
    this.#storage = options.storage;
    this.#all = options.storage.load<PspNotification>('notification');
    this.#waiting = this.#all.filter((one) => one.state === 'waiting');
    this.#lastSequence = this.#all.reduce((last, one) => Math.max(last, one.sequence), 0);
  }

  get all(): readonly PspNotification[] {
    return this.#all;
  }

  add(event: PspEvent, object: PspPayment | PspRefund): void {
    const fault = this.#faults.take({ objectId: object.id });
    const held = this.#waiting.filter((one) => one.heldForNext);
    const copies = fault?.kind === 'duplicate' ? 1 + fault.copies : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const nowMs = this.#now();
      const waitMs = fault?.kind === 'late' ? fault.delayMs : fault?.kind === 'reordered' ? HELD_AT_MOST_MS : 0;
      const id = ++this.#lastSequence;
      const notification: PspNotification = {
        id,
        sequence: id,
        event,
        objectId: object.id,
        body: JSON.stringify({ type: 'notification', event, object }),
        createdAtMs: nowMs,
        heldForNext: fault?.kind === 'reordered',
        dueAtMs: nowMs + waitMs,
        state: fault?.kind === 'dropped' ? 'dropped' : 'waiting',
        attempts: [],
      };
      this.#all.push(notification);
      if (notification.state === 'waiting') this.#waiting.push(notification);
      this.#save(notification);
    }
    if (fault?.kind !== 'dropped') for (const one of held) this.#release(one);
  }

  /** Sends each notification that is due once, in order. Calls that overlap wait for one another. */
  deliverDue(): Promise<void> {
    this.#delivering = this.#delivering.then(() => this.#deliver());
    return this.#delivering;
  }

  /** Breaks off the delivery under way; what it carried stays waiting. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#delivering;
  }

  #release(held: PspNotification): void {
    held.heldForNext = false;
    held.dueAtMs = this.#now();
    held.sequence = ++this.#lastSequence;
    this.#save(held);
  }

  async #deliver(): Promise<void> {
    const nowMs = this.#now();
    const due = this.#waiting.filter((one) => one.dueAtMs <= nowMs).toSorted((one, other) => one.sequence - other.sequence);
    for (const notification of due) {
      const url = this.#webhookUrl();
      if (url === undefined || this.#closing.signal.aborted) return;
      const result = await this.#post(url, notification.body);
      if (this.#closing.signal.aborted && result.status === undefined) return;
      this.#record(notification, result);
    }
    this.#waiting = this.#waiting.filter((one) => one.state === 'waiting');
  }

  #record(notification: PspNotification, result: { status?: number; error?: string }): void {
    notification.attempts.push({ atMs: this.#now(), ...result });
    const waitMs = REDELIVERY_MS[Math.min(notification.attempts.length, REDELIVERY_MS.length) - 1] ?? 0;
    notification.heldForNext = false;
    notification.dueAtMs = this.#now() + waitMs;
    if (result.status === 200) notification.state = 'received';
    else if (notification.dueAtMs - notification.createdAtMs > GIVEN_UP_AFTER_MS) notification.state = 'given_up';
    this.#save(notification);
  }

  // Not fetch: it can neither choose the local address nor be kept from reusing a connection that the receiver's restart has cut.
  #post(url: string, body: string): Promise<{ status?: number; error?: string }> {
    return new Promise((resolve) => {
      const request = (url.startsWith('https:') ? https : http).request(url, {
        method: 'POST',
        agent: false,
        localAddress: this.#localAddress,
        signal: AbortSignal.any([AbortSignal.timeout(this.#timeoutMs), this.#closing.signal]),
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      }, (response) => {
        response.resume();
        response.on('error', () => undefined); // the status is all that counts
        resolve({ status: response.statusCode });
      });
      request.on('error', (error) => resolve({ error: error.message }));
      request.end(body);
    });
  }

  #save(notification: PspNotification): void {
    this.#storage.save('notification', String(notification.id), notification);
  }
}
