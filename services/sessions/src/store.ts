/** Every query of this service. A method is one whole transaction: load, decide with a pure function, save, append the audit. */
import { biteRows, columns, idFloor, inBites, listAudit, pruneAudit, statement, type AuditFilter, type AuditRow, type AuditTables, type Database, type Tx } from '@kiosk/database';
import { invalid, notFound } from '@kiosk/fault';
import type { Selectable } from 'kysely';
import type { Events } from './events.ts';
import { asOf, type Session, type SessionStatus, type SessionType } from './session.ts';

export type SessionRow = {
  id: string;
  type: SessionType;
  status: SessionStatus;
  email: string | null;
  phone: string | null;
  metadata: string;
  kiosk_id: string | null;
  failure_reason: string | null;
  created_at: number;
  updated_at: number;
  completed_at: number | null;
  expires_at: number;
  erased_at: number | null;
  consent_text_version: string | null;
  consent_at: number | null;
};

type KeyRow = { caller: string; key: string; body_sha256: string | null; session_id: string; created_at: number };

type ErasureRow = { id: string; session_id: string; known: number; asked_at: number; done_at: number | null };

export type Tables = AuditTables & { sessions: SessionRow; idempotency_keys: KeyRow; erasures: ErasureRow };

/** The part of a database that a store uses. */
export type Rows = Pick<Database<Tables>, 'read' | 'transaction'>;

/** A caller's idempotency key and what it was used for. */
export type Key = { caller: string; key: string; bodySha256: string };

export type ListFilter = {
  type?: SessionType;
  status?: SessionStatus;
  kioskId?: string;
  createdFrom?: number;
  createdTo?: number;
  limit: number;
  /** The id of the last session of the page before. */
  after?: string;
};

/** What a kiosk's key may see: its own sessions only (S3). Undefined: all. */
export type Scope = string | undefined;

const sessionById = statement<Tables, { id: string }>()((db, param) => db.selectFrom('sessions').selectAll().where('id', '=', param('id')));
const insertSession = statement<Tables, SessionRow>()((db, param) => db.insertInto('sessions').values(columns<SessionRow>({
  id: true, type: true, status: true, email: true, phone: true, metadata: true, kiosk_id: true, failure_reason: true,
  created_at: true, updated_at: true, completed_at: true, expires_at: true, erased_at: true, consent_text_version: true, consent_at: true,
}, param)));
const sessionOfKey = statement<Tables, Pick<Key, 'caller' | 'key'>>()((db, param) => db.selectFrom('idempotency_keys').innerJoin('sessions', 'sessions.id', 'session_id')
  .selectAll('sessions').select('body_sha256').where('caller', '=', param('caller')).where('key', '=', param('key')));
const insertKey = statement<Tables, KeyRow>()((db, param) => db.insertInto('idempotency_keys').values(columns<KeyRow>({
  caller: true, key: true, body_sha256: true, session_id: true, created_at: true,
}, param)));
const overdueSessions = statement<Tables, { now: number; limit: number }>()((db, param) => db.selectFrom('sessions').selectAll()
  .where('status', '=', 'active').where('expires_at', '<=', param('now')).limit(param('limit')));
const expireSession = statement<Tables, { id: string; updatedAt: number }>()((db, param) => db.updateTable('sessions')
  .set({ status: 'expired', updated_at: param('updatedAt') }).where('id', '=', param('id')));

export class Store {
  readonly #database: Rows;
  readonly #events: Events;

  constructor({ database, events }: { database: Rows; events: Events }) {
    this.#database = database;
    this.#events = events;
  }

  /** Claims the key and saves the session, both or neither; or finds the one that the key opened. Fails with `idempotency_key_reused` for another body. */
  async open(session: Session, { key, origin }: { key?: Key; origin: Origin }): Promise<Session> {
    return this.#database.transaction(async (tx) => {
      if (key) {
        const opened = await sessionOfKey.first(tx.db, key);
        if (opened && (opened.body_sha256 ?? key.bodySha256) !== key.bodySha256) {
          throw invalid('idempotency_key_reused', 'This Idempotency-Key was used for another request.');
        }
        if (opened) return asOf(fromRow(opened), session.createdAt);
      }
      await insertSession.run(tx.db, toRow(session));
      if (key) {
        await insertKey.run(tx.db, { caller: key.caller, key: key.key, body_sha256: key.bodySha256, session_id: session.id, created_at: session.createdAt });
      }
      await this.#events.created(tx, session, origin);
      return session;
    });
  }

  /** Fails with `session_not_found`. */
  async get(id: string, scope: Scope, now: number): Promise<Session> {
    return asOf(found(await sessionById.first(this.#database.read, { id }), scope), now);
  }

  /** Saves what `change` makes of the session as of now. The same session back means that nothing is to be written. */
  async change(id: string, { scope, now, origin, change }: { scope: Scope; now: number; origin: Origin; change: (session: Session) => Session }): Promise<Session> {
    return this.#database.transaction(async (tx) => {
      const before = asOf(found(await sessionById.first(tx.db, { id }), scope), now);
      const after = change(before);
      if (after === before) return before;
      const { id: _id, type: _type, kiosk_id: _kioskId, created_at: _createdAt, expires_at: _expiresAt, ...columns } = toRow(after);
      await tx.db.updateTable('sessions').set(columns).where('id', '=', id).execute();
      await this.#events.changed(tx, { before, after, origin });
      return after;
    });
  }

  async list({ type, status, kioskId, createdFrom, createdTo, limit, after }: ListFilter, now: number): Promise<Session[]> {
    let query = this.#database.read.selectFrom('sessions').selectAll();
    if (type) query = query.where('type', '=', type);
    if (kioskId !== undefined) query = query.where('kiosk_id', '=', kioskId);
    if (createdFrom !== undefined) query = query.where('id', '>=', idFloor('ses', createdFrom));
    if (createdTo !== undefined) query = query.where('id', '<', idFloor('ses', createdTo));
    if (after) query = query.where('id', '<', after);
    const isIn = (each: SessionStatus) => query.where('status', '=', each);
    // A union is merged in the order of its indexes, and read no further than the page; an OR would sort all that ever expired.
    let page = query;
    // A session past its time is expired whatever its row says.
    if (status === 'active') page = isIn('active').where('expires_at', '>', now);
    else if (status === 'expired') page = isIn('expired').unionAll(isIn('active').where('expires_at', '<=', now));
    else if (status) page = isIn(status);
    else if (type || kioskId !== undefined) page = isIn('active').unionAll(isIn('completed')).unionAll(isIn('expired')).unionAll(isIn('failed'));
    return (await page.orderBy('id', 'desc').limit(limit).execute()).map((row) => asOf(fromRow(row), now));
  }

  /** Records overdue sessions as expired, a bite at a time. Answers how many. */
  async expireDue(now: number, origin: Origin): Promise<number> {
    return inBites(() => this.#database.transaction(async (tx) => {
      const due = await overdueSessions.all(tx.db, { now, limit: biteRows });
      for (const row of due) {
        const session = fromRow(row);
        const after = asOf(session, now);
        await expireSession.run(tx.db, { id: row.id, updatedAt: after.updatedAt });
        await this.#events.changed(tx, { before: session, after, origin });
      }
      return due.length;
    }));
  }

  /** Deletes sessions that ended before their time limits, old keys and old audit rows. Answers how many sessions. */
  async deleteOld({ unfinishedBefore, completedBefore, keysBefore, auditBefore, now }: {
    unfinishedBefore: number; completedBefore: number; keysBefore: number; auditBefore: number; now: number;
  }): Promise<number> {
    let total = 0;
    for (const [status, before] of [['expired', unfinishedBefore], ['failed', unfinishedBefore], ['completed', completedBefore]] as const) {
      total += await this.#deleteInBites((tx) => tx.db.deleteFrom('sessions')
        .where('id', 'in', tx.db.selectFrom('sessions').select('id').where('status', '=', status).where('updated_at', '<', before).limit(biteRows))
        .executeTakeFirst());
    }
    await this.#deleteInBites((tx) => tx.db.deleteFrom('idempotency_keys').where((or) => or(
      or.refTuple('caller', 'key'), 'in',
      tx.db.selectFrom('idempotency_keys').select(['caller', 'key']).where('created_at', '<', keysBefore).limit(biteRows).$asTuple('caller', 'key'),
    )).executeTakeFirst());
    await pruneAudit((work) => this.#database.transaction(work), { before: auditBefore, now });
    return total;
  }

  async countActive(now: number): Promise<{ type: SessionType; count: number }[]> {
    return this.#database.read.selectFrom('sessions').select((select) => ['type', select.fn.countAll<number>().as('count')])
      .where('status', '=', 'active').where('expires_at', '>', now).groupBy('type').execute();
  }

  /** Of a session there is nothing here but itself. */
  listAudit({ sessionId, ...filter }: AuditFilter & { sessionId?: string }): Promise<AuditRow[]> {
    return listAudit(this.#database.read, { ...filter, entityIds: sessionId === undefined ? undefined : [sessionId] });
  }

  #deleteInBites(remove: (tx: Tx<Tables>) => Promise<{ numDeletedRows: bigint }>): Promise<number> {
    return inBites(async () => Number((await this.#database.transaction(remove)).numDeletedRows));
  }
}

/** Who asked, for the audit. */
export type Origin = { requestId: string; caller: { role: 'anonymous' | 'kiosk' | 'operator' | 'psp' | 'service'; name: string; ip?: string; userAgent?: string } };

function found(row: Selectable<SessionRow> | undefined, scope: Scope): Session {
  if (!row || (scope !== undefined && row.kiosk_id !== scope)) throw notFound('session_not_found', 'There is no such session.');
  return fromRow(row);
}

function fromRow(row: Selectable<SessionRow>): Session {
  return {
    id: row.id,
    type: row.type,
    status: row.status,
    contact: {
      ...(row.email === null ? {} : { email: row.email }),
      ...(row.phone === null ? {} : { phone: row.phone }),
      ...(row.consent_text_version === null || row.consent_at === null ? {} : { consent: { textVersion: row.consent_text_version, at: row.consent_at } }),
    },
    metadata: JSON.parse(row.metadata) as Session['metadata'],
    kioskId: row.kiosk_id ?? undefined,
    failureReason: row.failure_reason ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    completedAt: row.completed_at ?? undefined,
    expiresAt: row.expires_at,
    ...(row.erased_at === null ? {} : { erasedAt: row.erased_at }),
  };
}

/** As of now. */
export function sessionOf(row: Selectable<SessionRow>, now: number): Session {
  return asOf(fromRow(row), now);
}

export function toRow(session: Session): SessionRow {
  return {
    id: session.id,
    type: session.type,
    status: session.status,
    email: session.contact.email ?? null,
    phone: session.contact.phone ?? null,
    metadata: JSON.stringify(session.metadata),
    kiosk_id: session.kioskId ?? null,
    failure_reason: session.failureReason ?? null,
    created_at: session.createdAt,
    updated_at: session.updatedAt,
    completed_at: session.completedAt ?? null,
    expires_at: session.expiresAt,
    erased_at: session.erasedAt ?? null,
    consent_text_version: session.contact.consent?.textVersion ?? null,
    consent_at: session.contact.consent?.at ?? null,
  };
}
