import { randomBytes } from 'node:crypto';
import { amountOf, minorOf } from './amount.ts';
import type { Confirmation, PaymentCancelReason, PspEvent, PspPayment, ReceiptStatus } from './objects.ts';
import { isoOf, newId, PAYMENT_STATUSES } from './objects.ts';
import { list } from './listing.ts';
import { checkReceiptSum, receiptMissing } from './receipt.ts';
import { invalid, Refusal } from './refusal.ts';
import type { CaptureRequest, PaymentRequest } from './requests.ts';
import type { Settings } from './settings.ts';
import type { Storage } from './storage.ts';

const CONFIRM_WITHIN_MS = 3600_000;
const CAPTURE_WITHIN_MS = 7 * 24 * 3600_000;

type Entry = Readonly<{ sequence: number; capture: boolean; deadlineMs: number; object: PspPayment }>;

/** A decline says who declined: the bank's side unless the reason is YooKassa's own or the shop's. */
const PARTY: Readonly<Partial<Record<PaymentCancelReason, 'yoo_money' | 'merchant'>>> = {
  canceled_by_merchant: 'merchant',
  country_forbidden: 'yoo_money',
  deal_expired: 'yoo_money',
  expired_on_capture: 'yoo_money',
  expired_on_confirmation: 'yoo_money',
  fraud_suspected: 'yoo_money',
  identification_required: 'yoo_money',
  internal_timeout: 'yoo_money',
  permission_revoked: 'yoo_money',
};

/**
 * The shop's payments: pending → (waiting_for_capture →) succeeded or canceled, the last two final. A deadline that has passed is a fact of
 * the clock: every read judges it first. Each step towards the end tells `onEvent`.
 */
export class Payments {
  readonly #entries = new Map<string, Entry>();
  readonly #open = new Set<string>();
  readonly #now: () => number;
  readonly #shopId: string;
  readonly #settings: Settings;
  readonly #confirmationBase: () => string;
  readonly #storage: Storage;
  readonly #onEvent: (event: PspEvent, object: PspPayment) => void;
  #lastSequence = 0;

  constructor(options: {
    now: () => number;
    shopId: string;
    settings: Settings;
    /** Where customers reach this shop, e.g. `http://127.0.0.1:8088`. */
    confirmationBase: () => string;
    storage: Storage;
    onEvent: (event: PspEvent, object: PspPayment) => void;
  }) {
    this.#now = options.now;
    this.#shopId = options.shopId;
    this.#settings = options.settings;
    this.#confirmationBase = options.confirmationBase;
    this.#storage = options.storage;
    this.#onEvent = options.onEvent;
    for (const entry of options.storage.load<Entry>('payment')) this.#keep(entry);
  }

  create(request: PaymentRequest): PspPayment {
    const { amount, receipt } = request;
    if (receipt !== undefined) checkReceiptSum({ receipt, amount });
    else if (this.#settings.fiscalisation) throw receiptMissing();
    const nowMs = this.#now();
    const id = newId('payment', nowMs);
    const object: PspPayment = {
      id,
      status: 'pending',
      paid: false,
      amount,
      refundable: false,
      test: this.#settings.test,
      created_at: isoOf(nowMs),
      confirmation: this.#confirmationOf({ id, asked: request.confirmation }),
      ...(request.description === undefined ? {} : { description: request.description }),
      metadata: request.metadata,
      ...(request.payment_method_data ? { payment_method: { type: request.payment_method_data.type, id, saved: false } } : {}),
      recipient: { account_id: this.#shopId, gateway_id: '2000001' },
      ...(receipt ? { receipt_registration: 'pending' } : {}),
    };
    this.#save({ sequence: ++this.#lastSequence, capture: request.capture, deadlineMs: nowMs + CONFIRM_WITHIN_MS, object });
    return object;
  }

  /** Fails with 404 `not_found`. */
  get(id: string): PspPayment {
    return this.#entry(id).object;
  }

  /** Oldest first. */
  all(): PspPayment[] {
    this.expireOverdue();
    return [...this.#entries.values()].map((entry) => entry.object);
  }

  list(query: URLSearchParams) {
    this.expireOverdue();
    return list({ entries: this.#entries.values(), query, statuses: PAYMENT_STATUSES });
  }

  /** The customer pays. Fails unless the payment is pending. */
  pay(id: string): PspPayment {
    const entry = this.#entry(id);
    if (entry.object.status !== 'pending') throw invalid(`Payment is ${entry.object.status}, only a pending one can be paid`);
    const { confirmation: _done, ...rest } = entry.object;
    const payment_method = rest.payment_method ?? { type: 'bank_card', id, saved: false, title: 'Bank card *4444' };
    const paid = { ...rest, paid: true, payment_method };
    if (entry.capture) return this.#succeed(entry, paid);
    const deadlineMs = this.#now() + CAPTURE_WITHIN_MS;
    return this.#move({ ...entry, deadlineMs, object: { ...paid, status: 'waiting_for_capture', expires_at: isoOf(deadlineMs) } });
  }

  /** The customer's bank or YooKassa says no. Fails once the payment is final. */
  decline(id: string, reason: PaymentCancelReason): PspPayment {
    const entry = this.#entry(id);
    if (!this.#open.has(id)) throw invalid(`Payment is already ${entry.object.status}`);
    return this.#cancel(entry, reason);
  }

  /** The shop takes the money that waits, all or a part of it. */
  capture(id: string, request: CaptureRequest = {}): PspPayment {
    const entry = this.#waiting(id, 'captured');
    const amount = request.amount ?? entry.object.amount;
    if (amount.currency !== entry.object.amount.currency) throw invalid('Another currency', 'amount.currency');
    if (minorOf(amount) > minorOf(entry.object.amount)) throw invalid('More than the payment', 'amount.value');
    if (request.receipt !== undefined) checkReceiptSum({ receipt: request.receipt, amount });
    else if (this.#settings.fiscalisation && amount.value !== entry.object.amount.value) throw receiptMissing();
    const { expires_at: _over, ...rest } = entry.object;
    return this.#succeed(entry, { ...rest, amount });
  }

  /** The shop lets the money go. Only a payment that waits for capture: a one-stage payment cannot be canceled. */
  cancel(id: string): PspPayment {
    return this.#cancel(this.#waiting(id, 'canceled'), 'canceled_by_merchant');
  }

  /** The deadline passes now, whatever the clock says. */
  expire(id: string): PspPayment {
    return this.decline(id, this.#entry(id).object.status === 'pending' ? 'expired_on_confirmation' : 'expired_on_capture');
  }

  expireOverdue(): void {
    for (const id of this.#open) this.#entry(id);
  }

  /** Bookkeeping of a refund: what went back so far, and what can still go back. */
  refunded(id: string, { refundedMinor, leftMinor }: { refundedMinor: number; leftMinor: number }): void {
    const entry = this.#entry(id);
    const { refunded_amount: _before, ...rest } = entry.object;
    const part = refundedMinor > 0 ? { refunded_amount: amountOf(refundedMinor, rest.amount.currency) } : {};
    this.#save({ ...entry, object: { ...rest, ...part, refundable: leftMinor > 0 } });
  }

  registerReceipt(id: string, status: ReceiptStatus): PspPayment {
    const entry = this.#entry(id);
    if (entry.object.receipt_registration === undefined) throw invalid('Payment has no receipt');
    return this.#save({ ...entry, object: { ...entry.object, receipt_registration: status } });
  }

  /** The payment is gone without a trace, as reconciliation may find. */
  forget(id: string): void {
    this.#entry(id);
    this.#entries.delete(id);
    this.#open.delete(id);
    this.#storage.save('payment', id, null);
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      throw new Refusal({ code: 'not_found', description: "Payment doesn't exist or access denied", parameter: 'payment_id' });
    }
    if (!this.#open.has(id) || this.#now() < entry.deadlineMs) return entry;
    this.#cancel(entry, entry.object.status === 'pending' ? 'expired_on_confirmation' : 'expired_on_capture');
    return this.#entry(id);
  }

  #waiting(id: string, what: string): Entry {
    const entry = this.#entry(id);
    if (entry.object.status === 'waiting_for_capture') return entry;
    throw invalid(`Payment is ${entry.object.status}, only one that waits for capture can be ${what}`, 'payment_id');
  }

  #succeed(entry: Entry, object: PspPayment): PspPayment {
    const registered = object.receipt_registration !== undefined && !this.#settings.receiptsByHand
      ? { receipt_registration: 'succeeded' as const } : {};
    return this.#move({
      ...entry,
      object: { ...object, status: 'succeeded', paid: true, refundable: true, captured_at: isoOf(this.#now()), ...registered },
    });
  }

  #cancel(entry: Entry, reason: PaymentCancelReason): PspPayment {
    const { confirmation: _unused, expires_at: _over, ...rest } = entry.object;
    const cancellation_details = { party: PARTY[reason] ?? 'payment_network', reason } as const;
    return this.#move({ ...entry, object: { ...rest, status: 'canceled', paid: false, refundable: false, cancellation_details } });
  }

  #move(entry: Entry): PspPayment {
    const object = this.#save(entry);
    if (object.status !== 'pending') this.#onEvent(`payment.${object.status}`, object);
    return object;
  }

  #save(entry: Entry): PspPayment {
    this.#keep(entry);
    this.#storage.save('payment', entry.object.id, entry);
    return entry.object;
  }

  #keep(entry: Entry): void {
    const { id, status } = entry.object;
    this.#entries.set(id, entry);
    this.#lastSequence = Math.max(this.#lastSequence, entry.sequence);
    if (status === 'pending' || status === 'waiting_for_capture') this.#open.add(id);
    else this.#open.delete(id);
  }

  #confirmationOf({ id, asked }: { id: string; asked: PaymentRequest['confirmation'] }): Confirmation {
    const payUrl = `${this.#confirmationBase()}/pay/${id}`;
    switch (asked.type) {
      case 'qr': return { type: 'qr', confirmation_data: payUrl };
      case 'redirect':
      case 'mobile_application': return { type: asked.type, return_url: asked.return_url, confirmation_url: payUrl };
      case 'embedded': return { type: 'embedded', confirmation_token: `ct-${randomBytes(16).toString('hex')}` };
      case 'external': return { type: 'external' };
    }
  }
}
