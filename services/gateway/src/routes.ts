/** How the table of all routes becomes an Express application's. */
import { Fault, notFound } from '@kiosk/fault';
import type { Express, Request, RequestHandler, Response } from 'express';
import { admit } from './access.ts';
import { bodiesComing, jsonBodyOf, readBytes } from './body.ts';
import type { Room } from './overload.ts';
import { parse } from './parse.ts';
import { callFor, idempotencyKeyOf } from './request.ts';
import { welcomePeople } from './problem.ts';
import type { Later, Ref, Route } from './route.ts';
import { Shares } from './shares.ts';
import type { Throttle } from './throttle.ts';

const usualBodyLimitBytes = 64 * 1024;
const usualTimeoutMs = 10_000;
/** The gateway's own reason and that of reporting, where more reports are under way than it takes. */
const tooMuch = ['overloaded', 'pdf_queue_full'];

export type Gates = {
  /** Nobody needs a key. */
  open: boolean;
  throttle: Throttle;
  room: Room;
};

/** Mounts the routes; another method on one of their paths is 405 with Allow, everything else 404. */
export function mount(app: Express, routes: readonly Route[], gates: Gates): void {
  const countAll = countBy(gates.throttle);
  const coming = new Shares(bodiesComing);
  for (const [path, ofPath] of Map.groupBy(routes, (route) => route.path)) {
    const mounted = app.route(path);
    for (const route of ofPath) mounted[route.method](gateOf(route, gates), ...bodyReaderOf(route, coming), handlerOf(route, gates));
    const allow = ofPath.map(({ method }) => (method === 'get' ? 'GET, HEAD' : method.toUpperCase())).join(', ');
    mounted.all((_request, response) => {
      countAll(response);
      response.set('allow', allow);
      throw new Fault({ kind: 'invalid', reason: 'method_not_allowed', message: `This resource allows ${allow}.` });
    });
  }
  app.use((_request, response) => {
    countAll(response);
    throw notFound('route_not_found', 'There is no such resource.');
  });
}

/** All that can be refused before a byte of the body is read, in one layer of the router's. Who guesses keys is counted as well. */
function gateOf(route: Route, { open, throttle, room }: Gates): RequestHandler {
  const { roles, rate, forPeople = false } = route;
  const countAll = rate === 'none' ? () => {} : countBy(throttle);
  const countOwn = rate === undefined || rate === 'none' ? () => {} : throttle(rate);
  const admitRoles = admit(roles, { open });
  return (request, response, next) => {
    if (forPeople) welcomePeople(response);
    countAll(response);
    admitRoles(request, response);
    countOwn(response);
    const fault = room.fault(route);
    if (!fault) return next();
    room.turnedAway(route);
    throw fault;
  };
}

/** A caller's own first: who asks too much by itself uses up nothing of the others'. */
function countBy(throttle: Throttle): (response: Response) => void {
  const [own, everyone] = [throttle('requests'), throttle('everyone')];
  return (response) => {
    own(response);
    everyone(response);
  };
}

function bodyReaderOf({ method, bodyLimitBytes = usualBodyLimitBytes }: Route, coming: Shares): RequestHandler[] {
  if (method === 'get' || bodyLimitBytes === 0) return [];
  return [readBytes({ limitBytes: bodyLimitBytes, coming })];
}

function handlerOf(route: Route, { room, throttle }: Gates): RequestHandler {
  const { method, ref, idempotent = false, timeoutMs = usualTimeoutMs } = route;
  const throttleTexts = throttle('sms');
  return async (request, response) => {
    const body = route.rawBody === undefined ? jsonBodyOf(request) : undefined;
    const asked = {
      id: ref ? idOf(request, ref) : '',
      idempotencyKey: idempotent ? idempotencyKeyOf(request) : '',
      query: route.query && parse(route.query, request.query),
      body: route.body && parse(route.body, body),
      request,
      response,
      call: callFor(response, { timeoutMs, givenUp: method === 'get' }),
    };
    // Only the body tells.
    if (route.mayText?.(asked.body)) throttleTexts(response);
    await (await handled(asked))?.();
  };

  async function handled(asked: Parameters<Route['handle']>[0]): Promise<void | Later> {
    // Only once the body is there: who sends it slowly takes nobody's place.
    try {
      using place = room.enter(route);
      const later = await route.handle(asked);
      place.succeeded({ isQuickKind: !route.untimed });
      return later;
    } catch (error) {
      if (error instanceof Fault && tooMuch.includes(error.reason)) room.turnedAway(route);
      throw error;
    }
  }
}

function idOf(request: Request, { prefix, reason, message }: Ref): string {
  const [id] = Object.values(request.params);
  if (typeof id !== 'string' || !id.startsWith(`${prefix}_`) || !/^\w{1,64}$/.test(id)) throw notFound(reason, message);
  return id;
}
