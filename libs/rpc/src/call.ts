/** What travels beside each request, from the gateway's edge to the last service. */
import { Metadata } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';

/** On whose behalf: for the audit, and for what a kiosk may see. Never a key or a contact. */
export type Caller = {
  role: 'anonymous' | 'kiosk' | 'operator' | 'psp' | 'service';
  /** The kiosk's id, the operator's or the service's name. */
  name: string;
  ip?: string;
  userAgent?: string;
};

export type Call = {
  requestId: string;
  caller: Caller;
  /** Epoch milliseconds after which nobody waits for the answer; Infinity for a stream that has no end of its own. */
  deadlineAt: number;
  /** Aborted once nobody waits for the answer. */
  signal: AbortSignal;
};

export const anonymous: Caller = { role: 'anonymous', name: '' };

const neverAborted = new AbortController().signal;

/** A call that starts here: a job, a test, the gateway's edge. */
export function newCall({ requestId = randomUUID(), caller = anonymous, deadlineAt = Date.now() + 10_000, signal = neverAborted }: Partial<Call> = {}): Call {
  return { requestId, caller, deadlineAt, signal };
}

const requestIdKey = 'x-request-id';
const callerKey = 'x-caller-bin';

export function writeCall(metadata: Metadata, call: Partial<Call>): void {
  metadata.set(requestIdKey, call.requestId ?? randomUUID());
  if (call.caller) metadata.set(callerKey, Buffer.from(JSON.stringify(call.caller)));
}

/** Takes only what has the right shape: a foreign client may send anything. */
export function readCall(metadata: Metadata): { requestId: string; caller: Caller } {
  const [requestId] = metadata.get(requestIdKey);
  const [caller] = metadata.get(callerKey);
  return {
    requestId: typeof requestId === 'string' && /^[\w.:-]{1,128}$/.test(requestId) ? requestId : randomUUID(),
    caller: Buffer.isBuffer(caller) ? readCaller(caller) : anonymous,
  };
}

const roles: readonly string[] = ['anonymous', 'kiosk', 'operator', 'psp', 'service'] satisfies Caller['role'][];

function readCaller(bytes: Buffer): Caller {
  try {
    const { role, name, ip, userAgent } = JSON.parse(bytes.toString()) as Partial<Caller>;
    if (typeof role !== 'string' || !roles.includes(role) || typeof name !== 'string') return anonymous;
    return { role, name, ...(typeof ip === 'string' ? { ip } : {}), ...(typeof userAgent === 'string' ? { userAgent } : {}) };
  } catch {
    return anonymous;
  }
}
