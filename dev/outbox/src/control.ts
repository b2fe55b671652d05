/**
 * The outbox's hands over HTTP, for scripts (JSON) and for the page (forms, which are sent back to it). No key is asked for, so it answers only
 * on this machine, and not to pages of other sites that a browser on this machine has open.
 */
import type { NextFunction, Request, Response, Router } from 'express';
import express from 'express';
import { z } from 'zod';
import type { FaultInput } from './faults.ts';
import { parse } from './refusal.ts';
import type { Outbox } from './outbox.ts';

const LOOPBACK = /^(::ffff:)?127\.|^::1$/;

const nothing = z.strictObject({});
const report = z.strictObject({ id: z.string().min(1), status: z.union([z.string().min(1), z.number()]) });

export function loopbackOnly(request: Request, response: Response, next: NextFunction): void {
  const foreignPage = request.get('sec-fetch-site') === 'cross-site' && request.method !== 'GET';
  if (LOOPBACK.test(request.socket.remoteAddress ?? '') && !foreignPage) next();
  else response.status(403).json({ error: 'Only from this machine' });
}

export type Hands = Pick<Outbox, 'mails' | 'texts' | 'journal' | 'deliver' | 'forgetAll' | 'down' | 'up' | 'faults'>;

export function controlRouter(hands: Hands): Router {
  const router = express.Router();
  router.use(loopbackOnly, express.json(), express.urlencoded({ extended: false }));

  router.get('/mails', (_request, response) => void response.json(hands.mails().map(({ raw, ...mail }) => ({ ...mail, sizeBytes: raw.length }))));
  router.get('/texts', (_request, response) => void response.json(hands.texts()));
  router.get('/journal', (_request, response) => void response.json(hands.journal()));
  router.get('/faults', (_request, response) => void response.json(hands.faults.all()));
  router.delete('/faults', (_request, response) => {
    hands.faults.clear();
    response.json([]);
  });

  on('/faults', z.record(z.string(), z.unknown()), (fault) => {
    hands.faults.add(fault as FaultInput); // it checks what it is given
    return hands.faults.all();
  });
  on('/faults/clear', nothing, () => hands.faults.clear());
  on('/deliver', report, ({ id, status }) => hands.deliver(id, status));
  on('/forget', nothing, () => hands.forgetAll());
  // Only the mail server's: the way here must stay open.
  on('/smtp/down', nothing, () => hands.down('smtp'));
  on('/smtp/up', nothing, () => hands.up('smtp'));
  return router;

  function on<T>(path: string, schema: z.ZodType<T>, act: (body: T) => unknown): void {
    router.post(path, async (request, response) => {
      const result: unknown = await act(parse(schema, bodyOf(request)));
      if (isForm(request)) response.redirect(303, '/');
      else response.json(result ?? { done: true });
    });
  }
}

function isForm(request: Request): boolean {
  return typeof request.is('application/x-www-form-urlencoded') === 'string';
}

/** An empty field of a form is a field left out. */
function bodyOf(request: Request): Record<string, unknown> {
  const body = (request.body ?? {}) as Record<string, unknown>;
  return isForm(request) ? Object.fromEntries(Object.entries(body).filter(([, value]) => value !== '')) : body;
}
