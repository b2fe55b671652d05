/**
 * The shop's hands over HTTP, for scripts (JSON) and for the page (forms, which are sent back to it). No key is asked for, so it answers only
 * on this machine, and not to pages of other sites that a browser on this machine has open.
 */
import type { NextFunction, Request, Response, Router } from 'express';
import express from 'express';
import { z } from 'zod';
import type { FaultInput, NotificationFaultInput } from './faults.ts';
import { EVENTS, PAYMENT_CANCEL_REASONS, RECEIPT_STATUSES, REFUND_CANCEL_REASONS } from './objects.ts';
import { parse } from './requests.ts';
import { settingsChange } from './settings.ts';
import type { Shop } from './shop.ts';
import { announce, forget, passTime, registerReceipt } from './shop.ts';

const LOOPBACK = /^(::ffff:)?127\.|^::1$/;

const nothing = z.strictObject({});
const decline = z.strictObject({ reason: z.enum(PAYMENT_CANCEL_REASONS).default('general_decline') });
const refundCancel = z.strictObject({ reason: z.enum(REFUND_CANCEL_REASONS).default('rejected_by_timeout') });
const notice = z.strictObject({ event: z.enum(EVENTS).optional() });
const receipt = z.strictObject({ status: z.enum(RECEIPT_STATUSES) });
const clockChange = z.strictObject({ advanceMs: z.coerce.number().int().min(0).max(366 * 24 * 3600_000) });

export function loopbackOnly(request: Request, response: Response, next: NextFunction): void {
  const foreignPage = request.get('sec-fetch-site') === 'cross-site' && request.method !== 'GET';
  if (LOOPBACK.test(request.socket.remoteAddress ?? '') && !foreignPage) next();
  else response.status(403).json({ type: 'error', description: 'Only from this machine' });
}

export function controlRouter(shop: Shop): Router {
  const { payments, refunds, faults, notificationFaults, notifications, journal, settings, clock } = shop;
  const router = express.Router();
  router.use(loopbackOnly, express.json(), express.urlencoded({ extended: false }));

  router.get('/payments', (_request, response) => void response.json(payments.all()));
  router.get('/refunds', (_request, response) => void response.json(refunds.all()));
  router.get('/notifications', (_request, response) => void response.json(notifications.all));
  router.get('/journal', (_request, response) => void response.json(journal.entries));
  router.get('/settings', (_request, response) => void response.json(settings));
  router.get('/clock', (_request, response) => void response.json({ nowMs: clock.now() }));
  router.get('/faults', (_request, response) => void response.json(faults.all()));
  router.get('/notification-faults', (_request, response) => void response.json(notificationFaults.all()));

  on('/payments/:id/pay', nothing, (id) => payments.pay(id));
  on('/payments/:id/decline', decline, (id, { reason }) => payments.decline(id, reason));
  on('/payments/:id/capture', nothing, (id) => payments.capture(id));
  on('/payments/:id/cancel', nothing, (id) => payments.cancel(id));
  on('/payments/:id/expire', nothing, (id) => payments.expire(id));
  on('/refunds/:id/settle', nothing, (id) => refunds.settle(id));
  on('/refunds/:id/cancel', refundCancel, (id, { reason }) => refunds.cancel(id, reason));
  on('/objects/:id/notify', notice, (id, { event }) => announce(shop, id, event));
  on('/objects/:id/receipt', receipt, (id, { status }) => registerReceipt(shop, id, status));
  on('/objects/:id/forget', nothing, (id) => forget(shop, id));
  on('/settings', settingsChange, (_id, change) => Object.assign(settings, change));
  on('/faults', z.record(z.string(), z.unknown()), (_id, fault) => {
    faults.add(fault as FaultInput); // it checks what it is given
    return faults.all();
  });
  on('/faults/clear', nothing, () => faults.clear());
  on('/notification-faults', z.record(z.string(), z.unknown()), (_id, fault) => {
    notificationFaults.add(fault as NotificationFaultInput);
    return notificationFaults.all();
  });
  on('/notification-faults/clear', nothing, () => notificationFaults.clear());
  on('/notifications/deliver', nothing, () => passTime(shop));
  on('/clock', clockChange, (_id, { advanceMs }) => {
    clock.advance(advanceMs);
    payments.expireOverdue();
    return { nowMs: clock.now() };
  });
  router.delete('/faults', (_request, response) => {
    faults.clear();
    response.json([]);
  });
  router.delete('/notification-faults', (_request, response) => {
    notificationFaults.clear();
    response.json([]);
  });
  return router;

  function on<T>(path: string, schema: z.ZodType<T>, act: (id: string, body: T) => unknown): void {
    router.post(path, async (request, response) => {
      const { id } = request.params;
      const result: unknown = await act(typeof id === 'string' ? id : '', parse(schema, bodyOf(request)));
      shop.storage.flush();
      if (isForm(request)) response.redirect(303, '/');
      else response.json(result ?? { done: true });
    });
  }
}

export function isForm(request: Request): boolean {
  return typeof request.is('application/x-www-form-urlencoded') === 'string';
}

/** An empty field of a form is a field left out. */
function bodyOf(request: Request): Record<string, unknown> {
  const body = (request.body ?? {}) as Record<string, unknown>;
  return isForm(request) ? Object.fromEntries(Object.entries(body).filter(([, value]) => value !== '')) : body;
}
