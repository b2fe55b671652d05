/** A route as data, and how the table of all routes becomes an Express application's. */
import { Fault, notFound } from '@kiosk/fault';
import type { Call } from '@kiosk/rpc';
import type { Express, Request, RequestHandler, Response } from 'express';
import { readBytes, readJson } from './body.ts';
import { callFor } from './request.ts';

export type Method = 'get' | 'post' | 'patch' | 'delete';

export type Route = {
  method: Method;
  /** As Express writes it: `/api/sessions/:id`. */
  path: string;
  /** How much of a body is read; 0 leaves it unread. 64 KiB without one; a GET has no body. */
  bodyLimitBytes?: number;
  /** Leaves the body's bytes as they came in `request.body`, whatever they are. */
  rawBody?: boolean;
  /** How long the services may take together, in ms. 10 s without one. */
  timeoutMs?: number;
  handle: (request: Request, response: Response, call: Call) => Promise<void> | void;
};

const usualBodyLimitBytes = 64 * 1024;
const usualTimeoutMs = 10_000;

/** Mounts the routes; another method on one of their paths is 405 with Allow, everything else 404. */
export function mount(app: Express, routes: readonly Route[]): void {
  for (const [path, ofPath] of Map.groupBy(routes, (route) => route.path)) {
    const mounted = app.route(path);
    for (const route of ofPath) mounted[route.method](...handlersOf(route));
    const allow = ofPath.map(({ method }) => (method === 'get' ? 'GET, HEAD' : method.toUpperCase())).join(', ');
    mounted.all((_request, response) => {
      response.set('allow', allow);
      throw new Fault({ kind: 'invalid', reason: 'method_not_allowed', message: `This resource allows ${allow}.` });
    });
  }
  app.use(() => {
    throw notFound('route_not_found', 'There is no such resource.');
  });
}

function handlersOf({ method, bodyLimitBytes = usualBodyLimitBytes, rawBody = false, timeoutMs = usualTimeoutMs, handle }: Route): RequestHandler[] {
  const isRead = method === 'get';
  const answer: RequestHandler = (request, response) => handle(request, response, callFor(response, { timeoutMs, givenUp: isRead }));
  if (isRead || bodyLimitBytes === 0) return [answer];
  return rawBody ? [readBytes({ limitBytes: bodyLimitBytes }), answer] : [...readJson({ limitBytes: bodyLimitBytes }), answer];
}

/** A path's id. One that cannot be ours is not worth a call: fails with `reason`, as an unknown one does. */
export function idOf(request: Request, { name = 'id', prefix, reason, message }: { name?: string; prefix: string; reason: string; message: string }): string {
  const id = request.params[name];
  if (typeof id !== 'string' || !id.startsWith(`${prefix}_`) || !/^\w{1,64}$/.test(id)) throw notFound(reason, message);
  return id;
}
