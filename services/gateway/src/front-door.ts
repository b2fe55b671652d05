/**
 * Refuses before Express sees the request while there is no place for it (G4). To be refused must cost a small part of being served: otherwise refusing
 * alone takes up the gateway, and nobody is served. What is refused here gets its problem document, a count and nothing else: no span and no log line.
 */
import { Fault } from '@kiosk/fault';
import type { Metrics } from '@kiosk/service';
import type { RequestListener } from 'node:http';
import type { Room, Urgency } from './overload.ts';
import { problemOf, retryAfterSecondsOf } from './problem.ts';
import { requestIdOf } from './request.ts';
import type { Route } from './route.ts';

export function frontDoor({ routes, room, metrics, listener }: {
  routes: readonly Route[]; room: Room; metrics: Metrics; listener: RequestListener;
}): RequestListener {
  const refused = metrics.counter({ name: 'http_refused_total', help: 'Requests refused because there were too many at once.', labels: ['urgency'] });
  const urgencyOf = urgencyBy(routes);
  return (request, response) => {
    // Looked at only while something is full or late.
    if (!room.busy()) return listener(request, response);
    const urgency = urgencyOf(request.method ?? '', request.url ?? '');
    try {
      if (urgency !== undefined) room.check(urgency);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      refused.inc({ urgency });
      const requestId = requestIdOf(request);
      const body = JSON.stringify(problemOf(error, requestId));
      response.writeHead(503, {
        'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(body), 'retry-after': String(retryAfterSecondsOf(error)),
        'x-request-id': requestId, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
      }).end(body);
      return;
    }
    listener(request, response);
  };
}

/** The urgency of the first route that fits; undefined for an address that is none, which Express answers. */
export function urgencyBy(routes: readonly Route[]): (method: string, url: string) => Urgency | undefined {
  const patterns = routes.map(({ method, path, urgency }) => ({
    method: method.toUpperCase(), urgency, pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/?]+')}/?(?:\\?|$)`),
  }));
  return (method, url) => {
    const asked = method === 'HEAD' ? 'GET' : method;
    return patterns.find((each) => each.method === asked && each.pattern.test(url))?.urgency;
  };
}
