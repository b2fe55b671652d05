import { minorOf } from './amount.ts';
import { list } from './listing.ts';
import type { PspEvent, PspPayment, PspRefund, ReceiptStatus, RefundCancelReason } from './objects.ts';
import { isoOf, newId, REFUND_STATUSES } from './objects.ts';
import type { Payments } from './payments.ts';
import { checkReceiptSum, receiptMissing } from './receipt.ts';
import { invalid, Refusal } from './refusal.ts';
import type { RefundRequest } from './requests.ts';
import type { Settings } from './settings.ts';
import type { Storage } from './storage.ts';

type Entry = Readonly<{ sequence: number; object: PspRefund }>;

/** Refunds of succeeded payments: pending → succeeded or canceled. Only success is announced: YooKassa has no `refund.canceled` event. */
export class Refunds {
  readonly #entries = new Map<string, Entry>();
  readonly #payments: Payments;
  readonly #now: () => number;
  readonly #settings: Settings;
  readonly #storage: Storage;
  readonly #onEvent: (event: PspEvent, object: PspRefund) => void;
  #lastSequence = 0;

  constructor(options: {
    payments: Payments;
    now: () => number;
    settings: Settings;
    storage: Storage;
    onEvent: (event: PspEvent, object: PspRefund) => void;
  }) {
    this.#payments = options.payments;
    this.#now = options.now;
    this.#settings = options.settings;
    this.#storage = options.storage;
    this.#onEvent = options.onEvent;
    for (const entry of options.storage.load<Entry>('refund')) this.#keep(entry);
  }

  create(request: RefundRequest): PspRefund {
    const { amount, receipt } = request;
    if (!this.#payments.has(request.payment_id)) throw invalid("Payment doesn't exist or access denied", 'payment_id');
    const payment = this.#payments.get(request.payment_id);
    if (payment.status !== 'succeeded') throw invalid(`Payment is ${payment.status}, only a succeeded one can be refunded`, 'payment_id');
    if (amount.currency !== payment.amount.currency) throw invalid('Another currency than the payment', 'amount.currency');
    if (minorOf(amount) > this.#leftMinor(payment)) throw invalid('Refund amount is greater than what is left of the payment', 'amount.value');
    if (receipt !== undefined) checkReceiptSum({ receipt, amount });
    else if (this.#settings.fiscalisation && amount.value !== payment.amount.value) throw receiptMissing();
    const nowMs = this.#now();
    const object: PspRefund = {
      id: newId('refund', nowMs),
      payment_id: payment.id,
      status: 'pending',
      amount,
      created_at: isoOf(nowMs),
      ...(request.description === undefined ? {} : { description: request.description }),
      ...(request.metadata === undefined ? {} : { metadata: request.metadata }),
      ...(receipt === undefined ? {} : { receipt_registration: 'pending' }),
    };
    this.#save({ sequence: ++this.#lastSequence, object });
    return this.#settings.refundsByHand ? object : this.settle(object.id);
  }

  /** Fails with 404 `not_found`. */
  get(id: string): PspRefund {
    return this.#entry(id).object;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Oldest first. */
  all(): PspRefund[] {
    return [...this.#entries.values()].map((entry) => entry.object);
  }

  list(query: URLSearchParams) {
    return list({ entries: this.#entries.values(), query, statuses: REFUND_STATUSES });
  }

  /** The money goes back. Fails unless the refund is pending. */
  settle(id: string): PspRefund {
    const entry = this.#pending(id);
    const registered = entry.object.receipt_registration !== undefined && !this.#settings.receiptsByHand
      ? { receipt_registration: 'succeeded' as const } : {};
    const object = this.#save({ ...entry, object: { ...entry.object, status: 'succeeded', ...registered } });
    this.#onEvent('refund.succeeded', object);
    return object;
  }

  /** The money stays, and nobody is told. Fails unless the refund is pending. */
  cancel(id: string, reason: RefundCancelReason): PspRefund {
    const entry = this.#pending(id);
    const party = reason === 'yoo_money_account_closed' || reason === 'payment_expired' ? 'yoo_money' : 'refund_network';
    return this.#save({ ...entry, object: { ...entry.object, status: 'canceled', cancellation_details: { party, reason } } });
  }

  registerReceipt(id: string, status: ReceiptStatus): PspRefund {
    const entry = this.#entry(id);
    if (entry.object.receipt_registration === undefined) throw invalid('Refund has no receipt');
    return this.#save({ ...entry, object: { ...entry.object, receipt_registration: status } });
  }

  /** The refund is gone without a trace, and its payment has its money again. */
  forget(id: string): void {
    const { object } = this.#entry(id);
    this.#entries.delete(id);
    this.#storage.save('refund', id, null);
    this.#tellPayment(object.payment_id);
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      throw new Refusal({ code: 'not_found', description: "Refund doesn't exist or access denied", parameter: 'refund_id' });
    }
    return entry;
  }

  #pending(id: string): Entry {
    const entry = this.#entry(id);
    if (entry.object.status !== 'pending') throw invalid(`Refund is already ${entry.object.status}`);
    return entry;
  }

  #save(entry: Entry): PspRefund {
    this.#keep(entry);
    this.#storage.save('refund', entry.object.id, entry);
    this.#tellPayment(entry.object.payment_id);
    return entry.object;
  }

  #keep(entry: Entry): void {
    this.#entries.set(entry.object.id, entry);
    this.#lastSequence = Math.max(this.#lastSequence, entry.sequence);
  }

  #tellPayment(paymentId: string): void {
    if (!this.#payments.has(paymentId)) return; // forgotten before its refund
    const payment = this.#payments.get(paymentId);
    const refundedMinor = this.#sumMinor(paymentId, (refund) => refund.status === 'succeeded');
    this.#payments.refunded(paymentId, { refundedMinor, leftMinor: this.#leftMinor(payment) });
  }

  #leftMinor(payment: PspPayment): number {
    return minorOf(payment.amount) - this.#sumMinor(payment.id, (refund) => refund.status !== 'canceled');
  }

  #sumMinor(paymentId: string, counts: (refund: PspRefund) => boolean): number {
    let sumMinor = 0;
    for (const { object } of this.#entries.values()) if (object.payment_id === paymentId && counts(object)) sumMinor += minorOf(object.amount);
    return sumMinor;
  }
}
