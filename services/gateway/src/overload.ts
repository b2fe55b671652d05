/**
 * What the gateway takes on at once (G4). Each urgency has so many places, and what finds none is refused at once: a queue would only make everybody
 * late. While the event loop lags, the less urgent are refused first. Notifications and status reads are refused for their places alone. Where reports are
 * refused, fewer visits begin.
 */
import { Fault } from '@kiosk/fault';
import type { Turns } from '@kiosk/service';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createCrowd } from './crowd.ts';
import { createNewcomers } from './newcomers.ts';

/** The most urgent first: notifications, status and probes; what a visit needs; reports; lists and pages for people. */
export const urgencies = ['vital', 'visit', 'report', 'list'] as const;
export type Urgency = (typeof urgencies)[number];

/** What a call is to a visit: it takes on a customer, or gives the report that was paid for. See newcomers.ts. */
export type Stage = 'begins' | 'ends';

/** Of a route, what it depends on whether there is room. */
export type Errand = { urgency: Urgency; stage?: Stage };

export type Places = Readonly<Record<Urgency, number>>;

/** How many times the tolerated delay each urgency still bears. */
const bears: Places = { vital: Infinity, visit: 4, report: 2, list: 1 };
const retryAfterMs = 2000;
/** By then whoever was refused has come again: after Retry-After, and some a little later, so as not to come all at the same moment. */
const comeAgainMs = 2 * retryAfterMs;

/** One for all: its stack tells nothing, and making it costs as much as all the rest of a refusal. */
const overloaded = new Fault({ kind: 'unavailable', reason: 'overloaded', message: 'Too much at once. Come back a little later.', retryAfterMs });

/** How much of what may be inside at all each urgency may find there and still come in. The most urgent has only its places. */
const shares: Places = { vital: Infinity, visit: 1, report: 0.75, list: 0.5 };
/** However slow everything is: without any there would be no evidence that it is quick again. */
const fewestInside = 8;

export interface Room {
  /** Whether anything at all would be refused now. */
  busy(): boolean;
  /** `overloaded` where there is no place, or no time. */
  fault(errand: Errand): Fault | undefined;
  /** Takes a place until it is disposed. Fails with `overloaded`. */
  enter(errand: Errand): Place;
  /** Somebody who may ask for this was refused because there is too much. */
  turnedAway(errand: Errand): void;
}

export interface Place extends Disposable {
  /** What it was taken for was done; `isQuickKind` where that is quick unless there is too much. */
  succeeded({ isQuickKind }: { isQuickKind: boolean }): void;
}

/** Who waits for a turn takes up room, and waits as those do who are inside. */
export function createRoom({ places, toleratedDelayMs, eventLoopDelayMs, turns, now = () => performance.now() }: {
  places: Places; toleratedDelayMs: number; eventLoopDelayMs: () => number; turns: Pick<Turns, 'waiting' | 'waitedMs'>; now?: () => number;
}): Room {
  const taken: Record<Urgency, number> = { vital: 0, visit: 0, report: 0, list: 0 };
  const crowd = createCrowd({ least: fewestInside, most: places.visit + places.report + places.list, quickMs: toleratedDelayMs, now });
  /** Notifications and status reads have nobody to wait for but themselves. */
  let inside = 0;
  const newcomers = createNewcomers({ comeAgainMs, now });
  const hasPlace = (urgency: Urgency): boolean => taken[urgency] < places[urgency] && inside + turns.waiting < crowd.limit * shares[urgency];
  const fault = ({ urgency, stage }: Errand): Fault | undefined =>
    hasPlace(urgency) && eventLoopDelayMs() <= toleratedDelayMs * bears[urgency] && (stage !== 'begins' || newcomers.mayBegin()) ? undefined : overloaded;
  return {
    busy: () => !newcomers.mayBegin() || eventLoopDelayMs() > toleratedDelayMs || !urgencies.every(hasPlace),
    fault,
    turnedAway({ stage }) {
      if (stage === 'ends') newcomers.turnedAway();
    },
    enter(errand) {
      if (fault(errand)) throw overloaded;
      const { urgency, stage } = errand;
      const cameAt = now() - turns.waitedMs;
      const by = urgency === 'vital' ? 0 : 1;
      taken[urgency]++;
      inside += by;
      crowd.entered(inside + turns.waiting);
      if (stage === 'begins') newcomers.began();
      return {
        succeeded({ isQuickKind }) {
          if (isQuickKind) crowd.took(now() - cameAt);
          if (stage === 'ends') newcomers.served();
        },
        [Symbol.dispose]: () => {
          taken[urgency]--;
          inside -= by;
        },
      };
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
  let delayMs = 0;
  const timer = setInterval(() => {
    if (histogram.count < fewest) return;
    delayMs = Math.max(0, histogram.percentile(50) / 1e6 - resolutionMs);
    histogram.reset();
  }, windowMs).unref();
  return {
    delayMs: () => delayMs,
    [Symbol.dispose]: () => {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
