/** Why an attempt to send failed, in the words that the seams `Email` and `Sms`, the worker and the metrics share. */

/**
 * temporary: not taken, worth another attempt. permanent: not taken, and never will be. ambiguous: it may have been taken, and we were not told;
 * it is sent again with the same Message-ID and counted.
 */
export type SendErrorKind = 'temporary' | 'permanent' | 'ambiguous';

/** A fixed set: it is a metric's label and stands in answers. */
export const sendErrorReasons = [
  'provider_unavailable', // not reached, or down as a whole: asked again within minutes, for as long as it takes
  // What the operator has to put right; asked again within minutes too.
  'credentials_refused',
  'connection_insecure', // the provider's certificate is not good, or it has no TLS
  'sender_refused',
  'account_unfunded',
  'rate_limited',
  'recipient_deferred', // greylisting, a full mailbox, a busy server
  'recipient_refused',
  'message_refused',
  'undeliverable', // taken, and then reported as not arrived
  'sms_budget', // the phone has had its text messages of the day
  'erased', // the customer's data is gone
  'timeout',
  'connection_lost',
  'answer_unreadable',
  'interrupted', // our own process ended between sending and writing it down
  'payment_required',
  'payments_unavailable',
  'file_unusable',
  'internal',
] as const;
export type SendErrorReason = (typeof sendErrorReasons)[number];

/** Nothing but the operator's hand helps: credentials, certificates, the sender's registration, money. */
export const operatorTroubles: readonly SendErrorReason[] = ['credentials_refused', 'connection_insecure', 'sender_refused', 'account_unfunded'];

export class SendError extends Error {
  readonly kind: SendErrorKind;
  readonly reason: SendErrorReason;

  constructor({ kind, reason, cause }: { kind: SendErrorKind; reason: SendErrorReason; cause?: unknown }) {
    super(`not sent: ${reason}`, cause === undefined ? undefined : { cause });
    this.name = 'SendError';
    this.kind = kind;
    this.reason = reason;
  }
}
