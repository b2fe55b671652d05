/**
 * The classes of which Node makes requests and responses for an Express application. Express gives each of them a prototype of its own; where they come with
 * it, that is nothing to do. Objects whose prototype changes are slow for V8 for the rest of their life, which is a tenth of a request's cost.
 */
import { http } from '@kiosk/service';
import type { Express } from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Messages = { IncomingMessage: typeof IncomingMessage; ServerResponse: typeof ServerResponse };

export function messagesOf(app: Express): Messages {
  class Request extends http.IncomingMessage {}
  class Response extends http.ServerResponse {}
  app.request = Object.setPrototypeOf(Request.prototype, app.request);
  app.response = Object.setPrototypeOf(Response.prototype, app.response);
  return { IncomingMessage: Request, ServerResponse: Response as typeof http.ServerResponse };
}
