/** What this service promises, verb by verb. */
import { newId } from '@kiosk/database';
import { invalid } from '@kiosk/fault';
import type { Changes } from '@kiosk/service';
import { createHash } from 'node:crypto';
import { patchContact, refuseWithoutConsent, type Contact, type ContactPatch } from './contact.ts';
import { inOrder, mergeMetadata, parseMetadata } from './metadata.ts';
import { checkFailureReason, finish, openSession, refuseFinal, type Session, type SessionStatus, type SessionType } from './session.ts';
import type { Key, ListFilter, Origin, Scope, Store } from './store.ts';

const pageLimit = { most: 200, usual: 50 };

export type Sessions = ReturnType<typeof createSessions>;

export function createSessions({ store, changes, now, defaultTtlMs, consentRequired }: {
  store: Store; changes: Changes; now: () => number; defaultTtlMs: number;
  /** Whether a contact is only taken with the customer's consent. */
  consentRequired: boolean;
}) {
  return {
    /** Opens a session, or answers the one that the key opened. */
    async create({ idempotencyKey, type, contact = {}, metadataJson, ttlMs, kioskId }: {
      idempotencyKey: string; type: SessionType; contact?: ContactPatch; metadataJson: string; ttlMs?: number; kioskId?: string;
    }, origin: Origin): Promise<Session> {
      const at = now();
      const session = openSession({
        id: newId('ses', at), type, contact: patched({}, contact, at), metadata: parseMetadata(metadataJson), ttlMs: ttlMs ?? defaultTtlMs, now: at,
        // A kiosk opens sessions of its own only, whatever it says.
        kioskId: scopeOf(origin) ?? kioskId,
      });
      return store.open(session, { key: keyOf(idempotencyKey, session, { ttlMs, origin }), origin });
    },

    get: (id: string, origin: Origin): Promise<Session> => store.get(id, scopeOf(origin), now()),

    /** The session now, and again after each change, until the signal aborts. */
    watch: (id: string, { signal, ...origin }: Origin & { signal: AbortSignal }): AsyncIterable<Session> =>
      changes.watch(id, { read: () => store.get(id, scopeOf(origin), now()), signal }),

    update(id: string, { contact, metadataPatchJson }: { contact?: ContactPatch; metadataPatchJson?: string }, origin: Origin): Promise<Session> {
      const patch = metadataPatchJson === undefined ? undefined : parseMetadata(metadataPatchJson);
      const at = now();
      return store.change(id, {
        scope: scopeOf(origin), now: at, origin,
        change: (session) => {
          refuseFinal(session);
          return {
            ...session,
            contact: contact ? patched(session.contact, contact, at) : session.contact,
            metadata: patch ? mergeMetadata(session.metadata, patch) : session.metadata,
            updatedAt: at,
          };
        },
      });
    },

    complete(id: string, { metadataPatchJson }: { metadataPatchJson?: string }, origin: Origin): Promise<Session> {
      const patch = metadataPatchJson === undefined ? undefined : parseMetadata(metadataPatchJson);
      return end(id, 'completed', origin, (session) => ({ metadata: patch && mergeMetadata(session.metadata, patch) }));
    },

    expire: (id: string, origin: Origin): Promise<Session> => end(id, 'expired', origin),

    async fail(id: string, { reason }: { reason: string }, origin: Origin): Promise<Session> {
      const failureReason = checkFailureReason(reason);
      return end(id, 'failed', origin, () => ({ failureReason }));
    },

    async list(filter: Omit<ListFilter, 'limit' | 'after'> & { limit: number; cursor: string }, origin: Origin): Promise<{ sessions: Session[]; nextCursor: string }> {
      const { limit, cursor, ...rest } = filter;
      if (limit < 0 || limit > pageLimit.most) throw invalid('invalid_limit', `limit must be from 1 to ${pageLimit.most}.`, 'limit');
      if (cursor !== '' && !/^ses_[0-9a-z]{26}$/.test(cursor)) throw invalid('invalid_cursor', 'cursor must be the nextCursor of the page before.', 'cursor');
      if (Number.isNaN(filter.createdFrom)) throw invalid('invalid_created_from', 'createdFrom must be a time.', 'createdFrom');
      if (Number.isNaN(filter.createdTo)) throw invalid('invalid_created_to', 'createdTo must be a time.', 'createdTo');
      const size = limit || pageLimit.usual;
      const page = await store.list({ ...rest, kioskId: scopeOf(origin) ?? rest.kioskId, limit: size + 1, after: cursor || undefined }, now());
      const sessions = page.slice(0, size);
      return { sessions, nextCursor: page.length > size ? sessions.at(-1)!.id : '' };
    },
  };

  function patched(contact: Contact, patch: ContactPatch, at: number): Contact {
    const after = patchContact(contact, patch, at);
    if (consentRequired) refuseWithoutConsent(after);
    return after;
  }

  function end(
    id: string,
    status: Exclude<SessionStatus, 'active'>,
    origin: Origin,
    details: (session: Session) => { failureReason?: string; metadata?: Session['metadata'] } = () => ({}),
  ): Promise<Session> {
    const at = now();
    return store.change(id, { scope: scopeOf(origin), now: at, origin, change: (session) => finish(session, status, { now: at, ...details(session) }) });
  }
}

function scopeOf({ caller }: Origin): Scope {
  return caller.role === 'kiosk' ? caller.name : undefined;
}

/** P2: the same request whatever the order of its names, its white space and its writing of a phone number. */
function keyOf(idempotencyKey: string, { type, contact, metadata, kioskId }: Session, { ttlMs, origin: { caller } }: { ttlMs?: number; origin: Origin }): Key | undefined {
  if (idempotencyKey === '') return undefined;
  if (idempotencyKey.length > 255) throw invalid('invalid_idempotency_key', 'Idempotency-Key must be at most 255 characters.');
  const body = JSON.stringify([type, contact.email ?? null, contact.phone ?? null, inOrder(metadata), ttlMs ?? null, kioskId ?? null, contact.consent ?? null]);
  return { caller: `${caller.role}:${caller.name}`, key: idempotencyKey, bodySha256: createHash('sha256').update(body).digest('hex') };
}
