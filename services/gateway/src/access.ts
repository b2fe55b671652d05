/** Who may call what: a key makes a caller, and a route's roles let the caller in. */
import { Fault } from '@kiosk/fault';
import type { Caller } from '@kiosk/rpc';
import type { Request, Response } from 'express';
import { isLoopback } from './addresses.ts';
import { ownerOf, type ApiKey } from './keys.ts';
import { callerOf } from './request.ts';

/**
 * Whom a route is for. `public`: anybody, with or without a key. `local`: whoever asks from this machine. An operator may do what a kiosk may;
 * what a kiosk reads and changes is its own, which the services see to (S3).
 */
export type Roles = readonly ['public'] | readonly ['kiosk', 'operator'] | readonly ['operator'] | readonly ['local', 'operator'];

export type Identify = (request: Pick<Request, 'headers'>) => Pick<Caller, 'role' | 'name'>;

const anonymous = { role: 'anonymous', name: '' } as const;

/** Without keys everybody is anonymous and everything is open; `readConfig` lets that be on a development machine only. */
export function identifyBy(keys: readonly ApiKey[]): Identify {
  if (keys.length === 0) return () => anonymous;
  return (request) => {
    const key = keyOf(request);
    return (key === undefined ? undefined : ownerOf(key, keys)) ?? anonymous;
  };
}

/** Whether a request comes with a key; every one does where none is needed. */
export function knowBy(keys: readonly ApiKey[]): (request: Pick<Request, 'headers'>) => boolean {
  const identify = identifyBy(keys);
  return (request) => keys.length === 0 || identify(request) !== anonymous;
}

/** Lets in whom the roles name. Fails with `unauthenticated` or `operator_only`. */
export function admit(roles: Roles, { open }: { open: boolean }): (request: Request, response: Response) => void {
  const allowed: readonly string[] = roles;
  return (request, response) => {
    const { role } = callerOf(response);
    if (open || allowed.includes('public') || allowed.includes(role) || (allowed.includes('local') && isLocal(request, callerOf(response)))) return;
    if (role === 'kiosk') throw new Fault({ kind: 'forbidden', reason: 'operator_only', message: 'Only an operator may ask this.' });
    // RFC 6750, 3: who sent a key hears that it is none, who sent nothing only hears that one is needed.
    response.set('www-authenticate', keyOf(request) === undefined ? 'Bearer realm="kiosk"' : 'Bearer realm="kiosk", error="invalid_token"');
    throw new Fault({ kind: 'unauthenticated', reason: 'unauthenticated', message: 'An API key is needed: Authorization: Bearer <key>, or X-API-Key.' });
  };
}

function keyOf(request: Pick<Request, 'headers'>): string | undefined {
  const { authorization = '', 'x-api-key': key } = request.headers;
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
  return bearer ?? (typeof key === 'string' ? key : undefined);
}

/** A proxy on this machine speaks for somebody else, also one that nobody named in TRUSTED_PROXIES. */
function isLocal(request: Request, { ip = '' }: Caller): boolean {
  return isLoopback(ip) && !['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => name in request.headers);
}
