/** The Express application: what every request passes, the routes, and the answer to what they throw. */
import type { Log, Metrics } from '@kiosk/service';
import type { Tracer } from '@opentelemetry/api';
import express, { type Express } from 'express';
import helmet from 'helmet';
import { problems } from './problem.ts';
import { beginRequest } from './request.ts';
import { mount, type Route } from './routes.ts';

export function createApp({ routes, trustedProxies, tracer, metrics, log }: {
  routes: readonly Route[]; trustedProxies: string[]; tracer: Tracer; metrics: Metrics; log: Log;
}): Express {
  const app = express();
  app.disable('x-powered-by');
  // A quarter of an answer's cost; the routes that want one set their own.
  app.set('etag', false);
  app.enable('case sensitive routing');
  app.set('trust proxy', trustedProxies.length > 0 ? trustedProxies : false);
  app.use(beginRequest({ tracer, metrics, log }), helmet());
  mount(app, routes);
  app.use(problems({ log }));
  return app;
}
