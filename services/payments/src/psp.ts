/** The seam to the payment service provider: what we ask of one, and how it fails. */

export type ReceiptRegistration = 'pending' | 'succeeded' | 'canceled';

/** A payment as the PSP has it. Amounts in minor units, times in epoch milliseconds. */
export type PspPayment = {
  id: string;
  status: 'pending' | 'waiting_for_capture' | 'succeeded' | 'canceled';
  paid: boolean;
  /** Pretend money. */
  test: boolean;
  amountMinor: number;
  currency: string;
  shopId?: string;
  /** Our intent's id, from the metadata that we sent. */
  intentId?: string;
  createdAt: number;
  /** From the PSP's own list of reasons. */
  cancellationReason?: string;
  /** How far the fiscal receipt is, where the shop makes them. */
  receiptRegistration?: ReceiptRegistration;
  /** The string to draw as a QR, where the answer has one. */
  qrCodeData?: string;
  confirmationUrl?: string;
  /** The PSP knows when something will happen: worth asking then. */
  askAgainAt?: number;
};

export type PspRefund = {
  id: string;
  pspPaymentId: string;
  status: 'pending' | 'succeeded' | 'canceled';
  amountMinor: number;
  currency: string;
  createdAt: number;
  cancellationReason?: string;
  receiptRegistration?: ReceiptRegistration;
};

/** Where a fiscal receipt goes. */
export type ReceiptCustomer = { email?: string; phone?: string };

/** What a payment request says, before it is frozen. */
export type PaymentTerms = {
  id: string;
  sessionId: string;
  kioskId?: string;
  amountMinor: number;
  currency: string;
  description?: string;
  metadata: Record<string, unknown>;
  /** What was bought and who gets the receipt, where receipts are made. */
  receipt?: { item: string; customer: ReceiptCustomer };
};

export type RefundTerms = { pspPaymentId: string; amountMinor: number; currency: string; /** The payment's frozen request, whose receipt the refund repeats. */ paymentRequest: string };

/** One page of a list, oldest bound included, newest excluded. */
export type ListQuery = { createdFrom: number; createdTo: number; cursor?: string };
export type RefundQuery = ListQuery & { /** Of this payment only. */ pspPaymentId?: string };
export type Page<T> = { items: T[]; nextCursor?: string };

/** All pages of a list. Fails with a PspError. */
export async function listAll<T, Query extends ListQuery>(list: (query: Query) => Promise<Page<T>>, query: Query): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await list({ ...query, cursor });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return items;
}

/** Every call fails with a PspError. */
export interface Psp {
  readonly name: string;
  /** What a PSP object must say to confirm one of our payments (P7). */
  readonly expected: { shopId?: string; testAllowed: boolean };
  /** The create request's bytes, to be frozen in the row. */
  freezePayment(terms: PaymentTerms): string;
  freezeRefund(terms: RefundTerms): string;
  /** Sends the frozen bytes; the same key and bytes make at most one payment. */
  createPayment(request: { key: string; body: string }): Promise<PspPayment>;
  getPayment(id: string): Promise<PspPayment>;
  listPayments(query: ListQuery): Promise<Page<PspPayment>>;
  /** Sends the frozen bytes; the same key and bytes make at most one refund. */
  createRefund(request: { key: string; body: string }): Promise<PspRefund>;
  getRefund(id: string): Promise<PspRefund>;
  listRefunds(query: RefundQuery): Promise<Page<PspRefund>>;
  /** Whether an id has the form of the PSP's: only such ones may enter a URL. */
  isObjectId(id: string): boolean;
}

/**
 * How a call failed.
 * refused: a definite no, nothing happened · not_found: there is no such object · unknown: timeout, reset, 5xx or nonsense, it may have happened ·
 * throttled: too many requests · misconfigured: our credentials or shop settings are wrong, which is never the customer's fault.
 */
export class PspError extends Error {
  override readonly name = 'PspError';
  readonly outcome: 'refused' | 'not_found' | 'unknown' | 'throttled' | 'misconfigured';
  /** The PSP's machine-readable code or ours (`timeout`), never its free text. */
  readonly code: string;

  constructor(outcome: PspError['outcome'], code: string, options?: ErrorOptions) {
    super(`PSP: ${outcome} (${code})`, options);
    this.outcome = outcome;
    this.code = code;
  }
}
