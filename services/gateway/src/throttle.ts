/** Rates per caller: 429 with Retry-After, and the RateLimit headers (draft-ietf-httpapi-ratelimit-headers-10) on every answer that counted. */
import { Fault } from '@kiosk/fault';
import type { Caller } from '@kiosk/rpc';
import type { Response } from 'express';
import { networkOf } from './addresses.ts';
import { Rates } from './rates.ts';
import { callerOf } from './request.ts';

/** What has a rate of its own. `requests` counts everything but probes and notifications, `everyone` the same of all with a key together and of all without one, and `sms` what may send a text message, whichever call it is. */
export type RateName = 'everyone' | 'requests' | 'intents' | 'reports' | 'pdfs' | 'pictures' | 'deliveries' | 'sms';

/** How many per minute and caller; undefined is without a limit. */
export type RateLimits = Readonly<Record<RateName, number | undefined>>;

/** Counts a request against a rate. Fails with `rate_limited`. */
export type Throttle = (name: RateName) => (response: Response) => void;

export function createThrottle({ limits, now }: { limits: RateLimits; now: () => number }): Throttle {
  const rates = new Map(Object.entries(limits).flatMap(([name, perMinute]) => (perMinute === undefined ? [] : [[name, new Rates({ perMinute })]])));
  return (name) => {
    const known = rates.get(name);
    if (!known) return () => {};
    const isOfAll = name === 'everyone';
    const countedBy = isOfAll ? whatIs : whoIs;
    return (response) => {
      const { allowed, remaining, fullInMs, retryAfterMs } = known.take(countedBy(callerOf(response)), now());
      // How much all the others ask is no caller's business.
      if (!isOfAll) {
        response.appendHeader('ratelimit-policy', `"${name}";q=${known.perMinute};w=60`);
        response.appendHeader('ratelimit', `"${name}";r=${remaining};t=${Math.ceil(fullInMs / 1000)}`);
      }
      if (allowed) return;
      throw new Fault({ kind: 'exhausted', reason: 'rate_limited', message: isOfAll ? 'Too many requests of all together.' : `No more than ${known.perMinute} ${name} a minute.`, retryAfterMs });
    };
  };
}

/** Strangers, however many addresses they have, use up nothing of those who have a key. */
function whatIs({ role }: Caller): string {
  return role === 'anonymous' ? 'strangers' : 'known';
}

/** By its key's name, or by its address where it has none. */
export function whoIs({ role, name, ip = '' }: Caller): string {
  return role === 'anonymous' ? networkOf(ip) : `${role}:${name}`;
}
