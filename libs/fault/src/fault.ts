/**
 * The one error that crosses processes. A verb throws it, `libs/rpc` carries it as a gRPC status and back, and the gateway
 * shows it as a problem document. `message` is for people and holds no personal data, secret, SQL or path; `reason` is for
 * programs and part of the contract. Anything thrown that is not a Fault is an internal error, whose words stay inside.
 */
export type FaultKind =
  | 'invalid' // the request breaks a rule; repeating it is useless
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict' // right request, wrong state
  | 'payment_required'
  | 'exhausted' // too much at once; come back after retryAfterMs
  | 'unavailable' // the outcome may be unknown; repeat with the same key
  | 'deadline' // time ran out; the outcome is unknown
  | 'unimplemented'
  | 'internal';

/** What is wrong with one field: `path` as the caller wrote it (`contact.email`). */
export type FieldError = { path: string; message: string };

export class Fault extends Error {
  readonly kind: FaultKind;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  readonly errors: readonly FieldError[];

  constructor({ kind, reason, message, retryAfterMs, errors = [], cause }: {
    kind: FaultKind; reason: string; message: string; retryAfterMs?: number; errors?: readonly FieldError[]; cause?: unknown;
  }) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'Fault';
    this.kind = kind;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.errors = errors;
  }
}

/** A request that breaks a rule, with the field that does. */
export function invalid(reason: string, message: string, path?: string): Fault {
  return new Fault({ kind: 'invalid', reason, message, errors: path === undefined ? [] : [{ path, message }] });
}

export function notFound(reason: string, message: string): Fault {
  return new Fault({ kind: 'not_found', reason, message });
}

export function conflict(reason: string, message: string): Fault {
  return new Fault({ kind: 'conflict', reason, message });
}
