/**
 * The audit: who did what, appended in the transaction that did it, as a chain. Each row carries the SHA-256 of the row before it and of itself, and ids
 * count without a gap, so that a row which was changed, removed, put in or moved afterwards is found by audit-verify.ts. Retention removes the oldest rows
 * only; the hash of the last of them stays as the anchor of those that follow, and is itself written into the chain.
 *
 * What a chain cannot do: who may write the file and knows this text can write the whole chain anew. Against that its newest hash is kept elsewhere
 * (`npm run audit:verify` shows it and compares).
 *
 * The tables are each service's own, made by its migrations; all have the same columns, because an entry of the audit is the same thing everywhere.
 */
import { CompiledQuery, type Generated, type Kysely } from 'kysely';
import { hash } from 'node:crypto';
import { biteRows, inBites } from './bites.ts';
import type { Tx } from './write-queue.ts';

export type AuditRow = {
  id: number;
  at: number;
  event: string;
  entity_id: string;
  /** A JSON object as text. Never a contact. */
  details: string;
  request_id: string;
  /** `role:name` */
  caller: string;
  ip: string | null;
  user_agent: string | null;
  /** Empty in rows from before there was a chain. */
  hash: string;
};

/** The last of the rows that are gone. */
export type AuditAnchor = { one: number; last_id: number; hash: string };

/** What a service that keeps an audit adds to its tables. */
export type AuditTables = { audit_logs: { [Column in keyof AuditRow]: Column extends 'id' ? Generated<number> : AuditRow[Column] }; audit_anchor: AuditAnchor };

/** `at` is epoch milliseconds. */
export type AuditEntry = {
  at: number; event: string; entityId: string; details: object; requestId: string; caller: { role: string; name: string; ip?: string; userAgent?: string };
};

export type AuditFilter = {
  entityId?: string;
  /** One of these. */
  entityIds?: readonly string[];
  event?: string;
  /** Epoch ms; from is included, to is not. */
  from?: number;
  to?: number;
  /** Only rows before this one in the order of the list. */
  before?: { at: number; id: number };
  limit: number;
};

/** The part of a Kysely instance that is used here, whatever its tables are. */
type Queries = Pick<Kysely<unknown>, 'executeQuery'>;
type Transaction = Pick<Tx<unknown>, 'afterCommit'> & { db: Queries };

/** Of the retention's own entries. */
export const prunedEvent = 'audit.pruned';
/** Removed with one entry that says so. They lie side by side in every index, so they cost less than others. */
const pruneRows = 10 * biteRows;

/** The hash of a row that follows one with the hash `previous`. */
export function auditHash(previous: string, row: Omit<AuditRow, 'hash'>): string {
  return hash('sha256', JSON.stringify([
    previous, row.id, row.at, row.event, row.entity_id, row.details, row.request_id, row.caller, row.ip, row.user_agent,
  ]));
}

// As text: building a query costs more than the chain.
const headQuery = 'SELECT id, hash FROM audit_logs ORDER BY id DESC LIMIT 1';
const anchorQuery = 'SELECT last_id AS id, hash FROM audit_anchor';
const insertQuery = 'INSERT INTO audit_logs (id, at, event, entity_id, details, request_id, caller, ip, user_agent, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** Appends an entry. Transactions run one after the other, so the row before it is the one that the transaction sees. */
export async function appendAudit({ db }: { db: Queries }, { at, event, entityId, details, requestId, caller }: AuditEntry): Promise<void> {
  const head = await first(db, headQuery) ?? await first(db, anchorQuery) ?? { id: 0, hash: '' };
  const row = {
    id: head.id + 1, at, event, entity_id: entityId, details: JSON.stringify(details), request_id: requestId, caller: `${caller.role}:${caller.name}`,
    ip: caller.ip ?? null, user_agent: caller.userAgent ?? null,
  };
  await db.executeQuery(CompiledQuery.raw(insertQuery, [...Object.values(row), auditHash(head.hash, row)]));
}

async function first(db: Queries, query: string): Promise<{ id: number; hash: string } | undefined> {
  const { rows } = await db.executeQuery<{ id: number; hash: string }>(CompiledQuery.raw(query));
  return rows[0];
}

/** Newest first: by time, and by id within a millisecond. */
export async function listAudit(read: Queries, { entityId, entityIds, event, from, to, before, limit }: AuditFilter): Promise<AuditRow[]> {
  const conditions: [sql: string, ...values: (string | number)[]][] = [];
  if (entityId !== undefined) conditions.push(['entity_id = ?', entityId]);
  if (entityIds !== undefined) conditions.push([`entity_id IN (${entityIds.map(() => '?').join(', ')})`, ...entityIds]);
  // With entities their few rows are looked through: without the sign the index of the event's many rows would be.
  const ofEvent = entityId === undefined && entityIds === undefined ? 'event' : '+event';
  if (event !== undefined) conditions.push([`${ofEvent} = ?`, event]);
  if (from !== undefined) conditions.push(['at >= ?', from]);
  if (to !== undefined) conditions.push(['at < ?', to]);
  if (before !== undefined) conditions.push(['at <= ?', before.at], ['(at, id) < (?, ?)', before.at, before.id]);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.map(([sql]) => sql).join(' AND ')}`;
  const query = `SELECT * FROM audit_logs ${where} ORDER BY at DESC, id DESC LIMIT ?`;
  return (await read.executeQuery<AuditRow>(CompiledQuery.raw(query, [...conditions.flatMap(([, ...values]) => values), limit]))).rows;
}

/** Removes the oldest entries as long as they are from before then, a bite at a time. Answers how many. */
export async function pruneAudit(
  transaction: (work: (tx: Transaction) => Promise<number>) => Promise<number>, { before, now, signal }: { before: number; now: number; signal?: AbortSignal },
): Promise<number> {
  return inBites(() => transaction((tx) => pruneBite(tx, { before, now })), { rows: pruneRows, signal });
}

async function pruneBite({ db }: Transaction, { before, now }: { before: number; now: number }): Promise<number> {
  const { rows } = await db.executeQuery<AuditRow>(CompiledQuery.raw('SELECT * FROM audit_logs ORDER BY id LIMIT ?', [pruneRows]));
  const kept = rows.findIndex(({ at }) => at >= before);
  const old = kept < 0 ? rows : rows.slice(0, kept);
  const last = old.at(-1);
  // Entries of the retention alone are no reason for another one.
  if (!last || old.every(({ event }) => event === prunedEvent)) return 0;
  await appendAudit({ db }, {
    at: now, event: prunedEvent, entityId: 'audit', details: { upToId: last.id, hash: last.hash, rows: old.length }, requestId: 'retention',
    caller: { role: 'service', name: 'retention' },
  });
  await db.executeQuery(CompiledQuery.raw(
    'INSERT INTO audit_anchor (one, last_id, hash) VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET last_id = excluded.last_id, hash = excluded.hash', [last.id, last.hash],
  ));
  await db.executeQuery(CompiledQuery.raw('DELETE FROM audit_logs WHERE id <= ?', [last.id]));
  return old.length;
}
