/**
 * Fault ↔ gRPC status: one total switch each way. The kind is the code; the exact kind and reason travel in trailers, so that faults that share a
 * code come back as they were. Anything that is not a Fault keeps its words to itself.
 */
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { Fault, type FaultKind, type FieldError } from '@kiosk/fault';

export const codeOf: Record<FaultKind, status> = {
  invalid: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  not_found: status.NOT_FOUND,
  conflict: status.FAILED_PRECONDITION,
  payment_required: status.FAILED_PRECONDITION,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  deadline: status.DEADLINE_EXCEEDED,
  unimplemented: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
};

const kindOf: Partial<Record<status, FaultKind>> = {
  [status.CANCELLED]: 'deadline',
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.OUT_OF_RANGE]: 'invalid',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.PERMISSION_DENIED]: 'forbidden',
  [status.NOT_FOUND]: 'not_found',
  [status.FAILED_PRECONDITION]: 'conflict',
  [status.ABORTED]: 'conflict',
  [status.ALREADY_EXISTS]: 'conflict',
  [status.RESOURCE_EXHAUSTED]: 'exhausted',
  [status.UNAVAILABLE]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'deadline',
  [status.UNIMPLEMENTED]: 'unimplemented',
};

/** What a server sends for whatever a handler threw. */
export function statusOf(error: unknown): { code: status; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  if (!(error instanceof Fault)) {
    // A commit whose outcome is unknown may be asked again with the same key; everything else is our mistake.
    const unknown = error instanceof Error && error.name === 'OutcomeUnknownError';
    return statusOf(new Fault(unknown
      ? { kind: 'unavailable', reason: 'outcome_unknown', message: 'The outcome is not known; repeat with the same key.' }
      : { kind: 'internal', reason: 'internal', message: 'Internal error.' }));
  }
  metadata.set('fault-kind', error.kind);
  metadata.set('fault-reason', error.reason);
  if (error.retryAfterMs !== undefined) metadata.set('fault-retry-after-ms', String(Math.ceil(error.retryAfterMs)));
  if (error.errors.length > 0) metadata.set('fault-errors-bin', Buffer.from(JSON.stringify(error.errors)));
  return { code: codeOf[error.kind], details: error.message, metadata };
}

/** What a client throws for a status. `peer` names the service for the operator. */
export function faultOf(error: ServiceError, peer: string): Fault {
  const [kind] = error.metadata.get('fault-kind');
  const [reason] = error.metadata.get('fault-reason');
  if (typeof kind === 'string' && Object.hasOwn(codeOf, kind) && typeof reason === 'string') {
    const [retryAfterMs] = error.metadata.get('fault-retry-after-ms');
    return new Fault({
      kind: kind as FaultKind,
      reason,
      message: error.details,
      retryAfterMs: typeof retryAfterMs === 'string' && /^\d{1,12}$/.test(retryAfterMs) ? Number(retryAfterMs) : undefined,
      errors: readErrors(error.metadata.get('fault-errors-bin')[0]),
    });
  }
  return faultOfCode(error.code, peer);
}

function faultOfCode(code: status, peer: string): Fault {
  const kind = kindOf[code] ?? 'internal';
  switch (kind) {
    case 'unavailable':
      return new Fault({ kind, reason: `${peer}_unavailable`, message: `The ${peer} service cannot be reached.`, retryAfterMs: 1000 });
    case 'deadline':
      return new Fault({ kind, reason: 'deadline_exceeded', message: `The ${peer} service did not answer in time; the outcome is unknown.` });
    case 'internal':
      return new Fault({ kind, reason: 'internal', message: 'Internal error.' });
    default:
      return new Fault({ kind, reason: kind, message: `The ${peer} service refused the call (${status[code]}).` });
  }
}

function readErrors(bytes: unknown): FieldError[] {
  if (!Buffer.isBuffer(bytes)) return [];
  try {
    const errors: unknown = JSON.parse(bytes.toString());
    return Array.isArray(errors) ? errors.filter((e): e is FieldError => typeof e?.path === 'string' && typeof e?.message === 'string') : [];
  } catch {
    return [];
  }
}
