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

/** It never fires, so nobody who listens has to be kept: the list of all whose calls are under way would be walked for each. */
export const neverAborted: AbortSignal = Object.assign(new AbortController().signal, { addEventListener() {}, removeEventListener() {} });

/** A call that starts here: a job, a test, the gateway's edge. */
export function newCall({ requestId = randomUUID(), caller = anonymous, deadlineAt = Date.now() + 10_000, signal = neverAborted }: Partial<Call> = {}): Call {
  return { requestId, caller, deadlineAt, signal };
}

const requestIdKey = 'x-request-id';
const callerKey = 'x-caller-bin';

/** `carrier` is the trace, by header. */
export function metadataOf({ requestId, caller, carrier }: { requestId: string; caller?: Caller; carrier: Record<string, string> }): Metadata {
  const metadata = new Metadata();
  metadata.set(requestIdKey, requestId);
  if (caller) metadata.set(callerKey, Buffer.from(JSON.stringify(caller)));
  for (const [name, value] of Object.entries(carrier)) metadata.set(name, value);
  return metadata;
}

export function readCall(metadata: Metadata): { requestId: string; caller: Caller } {
  const [caller] = metadata.get(callerKey);
  return checkCall({ requestId: metadata.get(requestIdKey)[0], caller: Buffer.isBuffer(caller) ? parse(caller) : undefined });
}

/** Takes only what has the right shape: a foreign client may send anything. */
export function checkCall({ requestId, caller }: { requestId?: unknown; caller?: unknown }): { requestId: string; caller: Caller } {
  return {
    requestId: typeof requestId === 'string' && /^[\w.:-]{1,128}$/.test(requestId) ? requestId : randomUUID(),
    caller: checkCaller(caller),
  };
}

const roles: readonly string[] = ['anonymous', 'kiosk', 'operator', 'psp', 'service'] satisfies Caller['role'][];

function checkCaller(caller: unknown): Caller {
  const { role, name, ip, userAgent } = (caller ?? {}) as Partial<Caller>;
  if (typeof role !== 'string' || !roles.includes(role) || typeof name !== 'string') return anonymous;
  return { role, name, ...(typeof ip === 'string' ? { ip } : {}), ...(typeof userAgent === 'string' ? { userAgent } : {}) };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
