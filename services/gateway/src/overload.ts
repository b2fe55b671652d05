/**
 * What the gateway takes on at once (G4). Each urgency has so many places, and what finds none is refused at once: a queue would only make everybody
 * late. While the event loop lags, the less urgent are refused first. Notifications and status reads are refused for their places alone.
 */
import { Fault } from '@kiosk/fault';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The most urgent first: notifications, status and probes; what a visit needs; reports; lists and pages for people. */
export const urgencies = ['vital', 'visit', 'report', 'list'] as const;
export type Urgency = (typeof urgencies)[number];

export type Places = Readonly<Record<Urgency, number>>;

/** How many times the tolerated delay each urgency still bears. */
const bears: Places = { vital: Infinity, visit: 4, report: 2, list: 1 };
const retryAfterMs = 2000;

export interface Room {
  /** Whether anything at all would be refused now. */
  busy(): boolean;
  /** Fails with `overloaded` where there is no place, or no time. */
  check(urgency: Urgency): void;
  /** Takes a place until it is disposed. Fails with `overloaded`. */
  enter(urgency: Urgency): Disposable;
}

export function createRoom({ places, toleratedDelayMs, eventLoopDelayMs }: { places: Places; toleratedDelayMs: number; eventLoopDelayMs: () => number }): Room {
  const taken: Record<Urgency, number> = { vital: 0, visit: 0, report: 0, list: 0 };
  function check(urgency: Urgency): void {
    if (taken[urgency] < places[urgency] && eventLoopDelayMs() <= toleratedDelayMs * bears[urgency]) return;
    throw new Fault({ kind: 'unavailable', reason: 'overloaded', message: 'Too much at once. Come back a little later.', retryAfterMs });
  }
  return {
    busy: () => eventLoopDelayMs() > toleratedDelayMs || urgencies.some((urgency) => taken[urgency] >= places[urgency]),
    check,
    enter(urgency) {
      check(urgency);
      taken[urgency]++;
      return { [Symbol.dispose]: () => void taken[urgency]-- };
    },
  };
}

const resolutionMs = 20;
const windowMs = 1000;
const fewest = 5;

/** How late the event loop usually was during the last second or so, in ms: its median, because one long pause is over when it is seen. */
export function measureEventLoop(): { delayMs: () => number } & Disposable {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let readAt = performance.now();
  let delayMs = 0;
  return {
    delayMs() {
      if (performance.now() - readAt >= windowMs && histogram.count >= fewest) {
        delayMs = Math.max(0, histogram.percentile(50) / 1e6 - resolutionMs);
        readAt = performance.now();
        histogram.reset();
      }
      return delayMs;
    },
    [Symbol.dispose]: () => void histogram.disable(),
  };
}
