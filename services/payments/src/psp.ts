/** The seam to the payment service provider: what we ask of one, and how it fails. */

/** A payment as the PSP has it. Amounts in minor units. */
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
  /** From the PSP's own list of reasons. */
  cancellationReason?: string;
  /** The string to draw as a QR, where the answer has one. */
  qrCodeData?: string;
  confirmationUrl?: string;
  /** The PSP knows when something will happen: worth asking then. */
  askAgainAt?: number;
};

export interface Psp {
  readonly name: string;
  /** What a PSP object must say to confirm one of our payments (P7). */
  readonly expected: { shopId?: string; testAllowed: boolean };
  /** The create request's bytes, to be frozen in the intent's row. */
  freeze(intent: { id: string; sessionId: string; amountMinor: number; currency: string; description?: string; metadata: Record<string, unknown> }): string;
  /** Sends the frozen bytes; the same key and bytes make at most one payment. Fails with a PspError. */
  createPayment(request: { key: string; body: string }): Promise<PspPayment>;
  /** Fails with a PspError. */
  getPayment(id: string): Promise<PspPayment>;
  /** Whether an id has the form of the PSP's: only such ones may enter a URL. */
  isPaymentId(id: string): boolean;
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
