/** The pretend shop without its HTTP: everything it remembers, and what its hands can do beside the API. */
import { Clock } from './clock.ts';
import { Faults, NotificationFaults } from './faults.ts';
import { Journal } from './journal.ts';
import { Keys } from './keys.ts';
import { Notifications } from './notifications.ts';
import type { PspEvent, PspPayment, PspRefund, ReceiptStatus } from './objects.ts';
import { Payments } from './payments.ts';
import { Refunds } from './refunds.ts';
import { invalid } from './refusal.ts';
import type { Settings } from './settings.ts';
import { Storage } from './storage.ts';

export type Shop = Readonly<{
  clock: Clock;
  settings: Settings;
  payments: Payments;
  refunds: Refunds;
  keys: Keys;
  notifications: Notifications;
  faults: Faults;
  notificationFaults: NotificationFaults;
  journal: Journal;
  storage: Storage;
}>;

export function openShop(options: {
  shopId: string;
  now: () => number;
  settings: Settings;
  confirmationBase: () => string;
  webhookUrl: () => string | undefined;
  notifyFrom?: string;
  notificationTimeoutMs: number;
  storagePath?: string;
}): Shop {
  const storage = new Storage({ folder: options.storagePath });
  const clock = new Clock({ base: options.now, storage });
  const { now } = clock;
  const { settings } = options;
  const notificationFaults = new NotificationFaults();
  const notifications = new Notifications({
    now,
    webhookUrl: options.webhookUrl,
    localAddress: options.notifyFrom,
    timeoutMs: options.notificationTimeoutMs,
    faults: notificationFaults,
    storage,
  });
  const onEvent = (event: PspEvent, object: PspPayment | PspRefund) => notifications.add(event, object);
  const payments = new Payments({ now, shopId: options.shopId, settings, confirmationBase: options.confirmationBase, storage, onEvent });
  return {
    clock,
    settings,
    payments,
    refunds: new Refunds({ payments, now, settings, storage, onEvent }),
    keys: new Keys({ now, storage }),
    notifications,
    faults: new Faults(),
    notificationFaults,
    journal: new Journal({ storage }),
    storage,
  };
}

/** Writes a notification about the object as it is now. Without an event: the one of its status; a status that has none fails. */
export function announce({ payments, refunds, notifications }: Shop, objectId: string, event?: PspEvent): void {
  const object = refunds.has(objectId) ? refunds.get(objectId) : payments.get(objectId);
  notifications.add(event ?? eventOf(object), object);
}

function eventOf(object: PspPayment | PspRefund): PspEvent {
  if ('payment_id' in object) {
    if (object.status === 'succeeded') return 'refund.succeeded';
  } else if (object.status !== 'pending') return `payment.${object.status}`;
  throw invalid(`There is no event for ${object.status}; name one`);
}

/** What the tax service said of the receipt of a payment or a refund. */
export function registerReceipt({ payments, refunds }: Shop, objectId: string, status: ReceiptStatus): PspPayment | PspRefund {
  return refunds.has(objectId) ? refunds.registerReceipt(objectId, status) : payments.registerReceipt(objectId, status);
}

/** Removes a payment or a refund as if it had never been, for reconciliation to find missing. */
export function forget({ payments, refunds }: Shop, objectId: string): void {
  if (refunds.has(objectId)) refunds.forget(objectId);
  else payments.forget(objectId);
}

/** What time does by itself: deadlines pass, notifications that are due leave. */
export async function passTime({ payments, notifications }: Shop): Promise<void> {
  payments.expireOverdue();
  await notifications.deliverDue();
}
