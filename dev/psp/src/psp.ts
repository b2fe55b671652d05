/**
 * A pretend YooKassa over real HTTP: the API under /v3, the hands under /control, the operator's page at /, the customer's at /pay/:id.
 * Faults are scripted, the clock can be passed in, and the journal tells every request, so that it can serve as a test's oracle.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import express from 'express';
import { apiRouter } from './api.ts';
import { confirmationRouter } from './confirmation.ts';
import { controlRouter, loopbackOnly } from './control.ts';
import type { FaultInput, NotificationFaultInput } from './faults.ts';
import type { JournalEntry } from './journal.ts';
import type { PspNotification } from './notifications.ts';
import type { PaymentCancelReason, PspEvent, PspPayment, PspRefund, ReceiptStatus, RefundCancelReason } from './objects.ts';
import { page } from './page.ts';
import { Refusal } from './refusal.ts';
import type { Settings } from './settings.ts';
import { announce, forget, openShop, passTime, registerReceipt } from './shop.ts';

export type { FaultInput, FaultKind, NotificationFaultInput } from './faults.ts';
export type { Deed, JournalEntry } from './journal.ts';
export type { PspNotification } from './notifications.ts';
export type { PaymentCancelReason, PspEvent, PspPayment, PspRefund, ReceiptStatus, RefundCancelReason } from './objects.ts';
export type { Settings } from './settings.ts';

export type PspOptions = {
  /** 0, the default, takes a free one. */
  port?: number;
  /** Default 127.0.0.1. On any other, customers' pages and the API are reachable from outside; the hands and the page at / are not. */
  host?: string;
  shopId: string;
  secretKey: string;
  /** Epoch ms; default is the machine's clock. POST /control/clock winds on from it. */
  now?: () => number;
  /** Where notifications go; while there is none, they wait. */
  webhookUrl?: string | (() => string | undefined);
  /** A local address that notifications leave from, e.g. 127.0.0.2. */
  notifyFrom?: string;
  /** How long the receiver of a notification may take, in real time; default 10 000. */
  notificationTimeoutMs?: number;
  /** Lets time do its work by itself at this interval, real time: for a program. Without it only `deliverNotifications` does. */
  deliverEveryMs?: number;
  /** Default: objects are `test`, everything else off. */
  test?: boolean;
  fiscalisation?: boolean;
  refundsByHand?: boolean;
  receiptsByHand?: boolean;
  /** What QR codes and confirmation URLs begin with; default is this server's own address. */
  publicUrl?: string;
  /** A folder; what the shop knows survives a restart in its psp.jsonl. Without it everything is in memory. */
  storagePath?: string;
};

/** All that changes an object fails with a `Refusal` (its `code`, its message) if the object is unknown or in another state. */
export interface Psp extends AsyncDisposable {
  /** What the API's client takes as its base: http://127.0.0.1:port/v3 */
  readonly url: string;
  readonly port: number;
  /** Every request to the API, in the order they came. */
  readonly journal: readonly JournalEntry[];
  /** May be changed while it runs. */
  readonly settings: Settings;
  /** Oldest first, like the other two. */
  payments(): PspPayment[];
  refunds(): PspRefund[];
  notifications(): readonly PspNotification[];
  pay(paymentId: string): PspPayment;
  decline(paymentId: string, reason: PaymentCancelReason): PspPayment;
  capture(paymentId: string): PspPayment;
  /** The shop's own cancel: only of a payment that waits for capture. */
  cancel(paymentId: string): PspPayment;
  expire(paymentId: string): PspPayment;
  settleRefund(refundId: string): PspRefund;
  cancelRefund(refundId: string, reason: RefundCancelReason): PspRefund;
  registerReceipt(objectId: string, status: ReceiptStatus): PspPayment | PspRefund;
  /** Removes an object as if it had never been. */
  forget(objectId: string): void;
  /** Writes a notification (once more); `deliverNotifications` sends it. The event defaults to the one of the object's status. */
  notify(objectId: string, event?: PspEvent): void;
  /** Passes deadlines, then attempts each notification that is due once, in order. */
  deliverNotifications(): Promise<void>;
  advanceClock(ms: number): void;
  readonly faults: { add(fault: FaultInput): void; clear(): void };
  readonly notificationFaults: { add(fault: NotificationFaultInput): void; clear(): void };
}

export async function startPsp(options: PspOptions): Promise<Psp> {
  const { host = '127.0.0.1', webhookUrl } = options;
  let origin = '';
  const shop = openShop({
    shopId: options.shopId,
    now: options.now ?? Date.now,
    settings: {
      test: options.test ?? true,
      fiscalisation: options.fiscalisation ?? false,
      refundsByHand: options.refundsByHand ?? false,
      receiptsByHand: options.receiptsByHand ?? false,
    },
    confirmationBase: () => options.publicUrl ?? origin,
    webhookUrl: typeof webhookUrl === 'function' ? webhookUrl : () => webhookUrl,
    notifyFrom: options.notifyFrom,
    notificationTimeoutMs: options.notificationTimeoutMs ?? 10_000,
    storagePath: options.storagePath,
  });
  const closing = new AbortController();

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use('/v3', apiRouter({ shop, credentials: options, closing: closing.signal }));
  app.use('/control', controlRouter(shop));
  app.use('/pay', confirmationRouter(shop));
  app.get('/', loopbackOnly, (_request, response) => void response.type('html').send(page(shop)));
  app.use(failed);

  const server = createServer(app);
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // An address that listens everywhere is not one to call; loopback always is.
  origin = `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
  const timer = options.deliverEveryMs === undefined ? undefined : setInterval(() => void passTime(shop), options.deliverEveryMs);

  return {
    url: `${origin}/v3`,
    port,
    journal: shop.journal.entries,
    settings: shop.settings,
    payments: () => shop.payments.all(),
    refunds: () => shop.refunds.all(),
    notifications: () => shop.notifications.all,
    pay: (id) => shop.payments.pay(id),
    decline: (id, reason) => shop.payments.decline(id, reason),
    capture: (id) => shop.payments.capture(id),
    cancel: (id) => shop.payments.cancel(id),
    expire: (id) => shop.payments.expire(id),
    settleRefund: (id) => shop.refunds.settle(id),
    cancelRefund: (id, reason) => shop.refunds.cancel(id, reason),
    registerReceipt: (id, status) => registerReceipt(shop, id, status),
    forget: (id) => forget(shop, id),
    notify: (id, event) => announce(shop, id, event),
    deliverNotifications: () => passTime(shop),
    advanceClock: (ms) => shop.clock.advance(ms),
    faults: shop.faults,
    notificationFaults: shop.notificationFaults,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, shop.notifications.close()]);
      shop.storage.flush();
    },
  };
}

/** Express knows an error handler by its four parameters. */
function failed(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  if (error instanceof Refusal) {
    response.status(error.status).json(error.body);
    return;
  }
  const status = (error as { status?: unknown }).status;
  if (typeof status === 'number' && status < 500) {
    response.status(status).json({ type: 'error', code: 'invalid_request', description: 'The body cannot be read' });
    return;
  }
  console.error('the pretend YooKassa failed', error);
  response.status(500).json({ type: 'error', code: 'internal_server_error', description: 'Internal server error' });
}
