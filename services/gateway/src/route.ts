/** A route as data: what is mounted, what is checked before its handler runs, and what openapi.json says of it. */
import type { Call } from '@kiosk/rpc';
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Roles } from './access.ts';
import type { Stage, Urgency } from './overload.ts';
import type { RateName } from './throttle.ts';

/** No route gives its calls longer, in ms: the services' clients give up then, whatever a call says. */
export const longestCallMs = 30_000;

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** What the id in a path names. One that cannot be ours is not worth a call: it fails with `reason`, as an unknown one does. */
export type Ref = { prefix: string; reason: string; message: string };

/** An answer: JSON of the schema, or another media type; for one of events, what the data of each is. */
export type Answer = { description: string; schema?: z.ZodType; type?: string; events?: Readonly<Record<string, z.ZodType>> };

/** What still has to be done when something happens. It is run after the request has given up its place: whoever waits is in nobody's way. */
export type Later = () => Promise<void>;

export type Asked<Body, Query> = {
  /** The id in the path; empty where there is none. */
  id: string;
  /** Empty where none was sent. */
  idempotencyKey: string;
  body: Body;
  query: Query;
  request: Request;
  response: Response;
  call: Call;
};

export type Route<Body = unknown, Query = unknown> = {
  method: Method;
  /** As Express writes it: `/api/sessions/:id`. */
  path: string;
  /** The operation's name in openapi.json and in clients. */
  name: string;
  summary: string;
  /** Whom it is for. */
  roles: Roles;
  /** What is refused first when there is too much. */
  urgency: Urgency;
  /** Whether it takes on a visit or gives what was paid for. */
  stage?: Stage;
  /** A rate of its own, besides that of all requests; `none` is for who must get through. */
  rate?: Exclude<RateName, 'everyone' | 'requests' | 'sms'> | 'none';
  /** Whether a text message may be sent for it, which costs money; those of all calls together have a rate of their own. */
  mayText?(body: Body): boolean;
  /** What the path's parameter names. */
  ref?: Ref;
  body?: z.ZodType<Body>;
  query?: z.ZodType<Query>;
  /** Whether it takes an Idempotency-Key. */
  idempotent?: boolean;
  /** Asked again without a key it does nothing twice, though it is a POST. */
  repeatable?: boolean;
  /** By status. None: the contract names the route and this version does not serve it. */
  answers: Readonly<Record<number, Answer>>;
  /** The reasons of its own, by status, besides those that every route of its kind has. */
  faults?: Readonly<Record<number, readonly string[]>>;
  /** How much of a body is read; 0 leaves it unread. 64 KiB without one; a GET has no body. */
  bodyLimitBytes?: number;
  /** The media type of a body whose bytes are left in `request.body` as they came, whatever they are. */
  rawBody?: string;
  /** Whether people come here with a browser: who prefers HTML reads of a failure in Russian. */
  forPeople?: boolean;
  /** How long the services may take together, in ms; at most `longestCallMs`. 10 s without one. */
  timeoutMs?: number;
  /** How long it takes says nothing about how much there is to do: it waits for a PSP, a PDF or an event, or asks no service at all. */
  untimed?: boolean;
  handle(asked: Asked<Body, Query>): Promise<void | Later> | void;
};

/** Gives back its argument; its handler's body and query have the types of the schemas. */
export function route<Body = undefined, Query = undefined>(declared: Route<Body, Query>): Route {
  return declared;
}
