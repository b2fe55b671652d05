/** The Express application: what every request passes, the routes, and the answer to what they throw. */
import type { Log, Metrics } from '@kiosk/service';
import type { Tracer } from '@opentelemetry/api';
import express, { type Express, type Response } from 'express';
import { identifyBy } from './access.ts';
import { allowOrigins, type Cors } from './cors.ts';
import { sendErrorPage } from './error-page.ts';
import type { ApiKey } from './keys.ts';
import type { Room } from './overload.ts';
import { problems } from './problem.ts';
import { beginRequest } from './request.ts';
import type { Route } from './route.ts';
import { mount } from './routes.ts';
import { secure } from './security-headers.ts';
import type { Throttle } from './throttle.ts';

/** Express' own looks up settings, a type, a charset and a version for each answer; ours know what they are. */
function sendJson(this: Response, body: unknown): Response {
  const text = JSON.stringify(body);
  this.setHeader('content-type', 'application/json; charset=utf-8');
  this.setHeader('content-length', Buffer.byteLength(text));
  return this.end(text);
}

export function createApp({ routes, keys, throttle, room, cors, trustedProxies, tracer, metrics, log }: {
  routes: readonly Route[]; keys: readonly ApiKey[]; throttle: Throttle; room: Room; cors: Cors; trustedProxies: string[]; tracer: Tracer; metrics: Metrics; log: Log;
}): Express {
  const app = express();
  app.disable('x-powered-by');
  // A quarter of an answer's cost; the routes that want one set their own.
  app.set('etag', false);
  app.enable('case sensitive routing');
  app.set('trust proxy', trustedProxies.length > 0 ? trustedProxies : false);
  app.response.json = sendJson;
  const allow = allowOrigins(cors);
  app.use(beginRequest({ tracer, metrics, log, identify: identifyBy(keys) }), (request, response, next) => {
    secure(response);
    allow(request, response, next);
  });
  mount(app, routes, { open: keys.length === 0, throttle, room });
  app.use(problems({ log, sendPage: sendErrorPage }));
  return app;
}
