/**
 * Refuses before Express sees the request while there is no place for it (G4). To be refused must cost a small part of being served: otherwise refusing
 * alone takes up the gateway, and nobody is served. What is refused here gets its problem document, a count and nothing else: no span and no log line.
 */
import { Fault } from '@kiosk/fault';
import type { Metrics } from '@kiosk/service';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, RequestListener } from 'node:http';
import type { Cors } from './cors.ts';
import type { Refuse } from './gate.ts';
import type { Room, Urgency } from './overload.ts';
import { refusalOf, textOf } from './refusal.ts';
import { givenIdOf, requestIdOf } from './request.ts';
import type { Route } from './route.ts';

/** More than any client of ours sends. How large they are together is the server's to limit. */
const mostHeaders = 100;

type DoorRoute = Pick<Route, 'method' | 'path' | 'urgency' | 'stage' | 'forPeople'>;
type DoorErrand = Pick<DoorRoute, 'urgency' | 'stage' | 'forPeople'>;

export type FrontDoor = {
  /** Whether anything would be refused now. */
  busy: () => boolean;
  /** For what is still bytes on a socket. */
  refuse: Refuse;
  /** For what has been parsed. */
  listener: RequestListener;
};

export function frontDoor({ routes, room, cors, metrics, isKnown, listener }: {
  routes: readonly DoorRoute[]; room: Room; cors: Cors; metrics: Metrics;
  /** Whether a request comes from who may ask for anything. Strangers are refused too, and nobody is kept waiting for them. */
  isKnown: (request: { headers: IncomingHttpHeaders }) => boolean;
  listener: RequestListener;
}): FrontDoor {
  const refused = new Map<Urgency, number>();
  metrics.counter({
    name: 'http_refused_total', help: 'Requests refused because there were too many at once.', labels: ['urgency'],
    collect() {
      this.reset();
      for (const [urgency, count] of refused) this.inc({ urgency }, count);
    },
  });
  const errandOf = errandBy(routes);

  function faultFor(method: string, url: string, headers: IncomingHttpHeaders): Fault | undefined {
    const errand = errandOf(method, url);
    // People are to read a page, which is Express's to make; they are few, and limited by their address.
    const fault = errand.forPeople ? undefined : room.fault(errand);
    if (!fault) return undefined;
    refused.set(errand.urgency, (refused.get(errand.urgency) ?? 0) + 1);
    if (errand.stage === 'ends' && isKnown({ headers })) room.turnedAway(errand);
    return fault;
  }

  return {
    busy: room.busy,
    refuse({ method, url, headers }) {
      const fault = faultFor(method, url, headers);
      return fault && textFor(fault, { headers }, cors);
    },
    listener(request, response) {
      const isWhole = takePath(request);
      const { method = '', url = '', rawHeaders } = request;
      const fault = !isWhole ? badTarget : rawHeaders.length > 2 * mostHeaders ? tooManyHeaders : room.busy() ? faultFor(method, url, request.headers) : undefined;
      if (!fault) return listener(request, response);
      const { status, headers, body } = refusalOf(fault, requestIdOf(request), cors(request));
      response.writeHead(status, headers).end(body);
    },
  };
}

/** Leaves the path of an address in absolute form (RFC 9112, 3.2.2), so that nobody behind has to take one apart. Whether there is one. */
function takePath(request: IncomingMessage): boolean {
  const { url = '' } = request;
  if (url.startsWith('/') || url === '*') return true;
  const absolute = /^https?:/i.test(url) ? URL.parse(url) : null;
  if (absolute) request.url = `${absolute.pathname}${absolute.search}`;
  return absolute !== null;
}

const badTarget = new Fault({ kind: 'invalid', reason: 'malformed_request', message: 'The address of the request cannot be read.' });
const tooManyHeaders = new Fault({ kind: 'invalid', reason: 'headers_too_large', message: `A request may have ${mostHeaders} headers.` });

/** In the place of a request's id. */
const mark = randomUUID();
/** What is written thousands of times a second is made once, but for the id. */
const texts = new WeakMap<Fault, readonly string[]>();

function textFor(fault: Fault, request: { headers: IncomingHttpHeaders }, cors: Cors): string {
  const requestId = givenIdOf(request) ?? nextId();
  const corsHeaders = cors(request);
  if (requestId.length !== mark.length || Object.keys(corsHeaders).length > 0) return textOf(refusalOf(fault, requestId, corsHeaders));
  let parts = texts.get(fault);
  if (!parts) texts.set(fault, parts = textOf(refusalOf(fault, mark, {})).split(mark));
  return parts.join(requestId);
}

const idStart = mark.slice(0, -12);
let ids = 0;

/** Nothing is found by the id of what left no line in a log: that it is the only one is enough, and costs a tenth of a random one. */
function nextId(): string {
  return idStart + (++ids).toString(16).padStart(12, '0');
}

/** What leads nowhere is nobody's visit. */
const nowhere: DoorErrand = { urgency: 'list' };

/** What the first route that fits is to the room. A browser's question whether it may ask (OPTIONS) is as urgent as what it is about to ask. */
export function errandBy(routes: readonly DoorRoute[]): (method: string, url: string) => DoorErrand {
  const patterns = routes.map(({ method, path, urgency, stage, forPeople }) => ({
    method: method.toUpperCase(), urgency, stage, forPeople, pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/?]+')}/?(?:\\?|$)`),
  }));
  return (method, url) => {
    const asked = method === 'HEAD' ? 'GET' : method;
    const route = patterns.find((each) => (each.method === asked || asked === 'OPTIONS') && each.pattern.test(url));
    if (!route) return nowhere;
    return asked === 'OPTIONS' ? { urgency: route.urgency } : route;
  };
}
