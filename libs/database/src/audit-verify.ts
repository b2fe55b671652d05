/** Whether an audit is whole: read from the file itself, which may be in use, in one read transaction. */
import Sqlite from 'better-sqlite3';
import { auditHash, prunedEvent, type AuditAnchor, type AuditRow } from './audit.ts';

export type AuditVerdict = {
  /** How many rows there are. */
  rows: number;
  /** How many of them are from before there was a chain, and prove nothing. */
  unchained: number;
  /** The newest: to be kept elsewhere. */
  head?: { id: number; hash: string };
  /** What is wrong first, as a sentence; absent where nothing is. */
  broken?: string;
};

const triggers = ['audit_logs_append_only', 'audit_logs_chained', 'audit_logs_pruned_only', 'audit_anchor_forward', 'audit_anchor_kept'];

/** `expected`: rows that were seen before. Undefined where the database keeps no audit. Fails where the file is no database. */
export function verifyAudit(path: string, { expected = [] }: { expected?: readonly { id: number; hash: string }[] } = {}): AuditVerdict | undefined {
  const sqlite = new Sqlite(path, { readonly: true, fileMustExist: true, timeout: 5000 });
  try {
    const has = (type: string, name: string) => sqlite.prepare('SELECT 1 FROM sqlite_schema WHERE type = ? AND name = ?').get(type, name) !== undefined;
    if (!has('table', 'audit_logs') || !has('table', 'audit_anchor')) return undefined;
    return sqlite.transaction(() => {
      const verdict = verifyRows(sqlite, expected);
      const missing = triggers.find((name) => !has('trigger', name));
      return missing === undefined ? verdict : { ...verdict, broken: verdict.broken ?? `the database no longer guards its audit: the trigger ${missing} is missing` };
    })();
  } finally {
    sqlite.close();
  }
}

function verifyRows(sqlite: Sqlite.Database, expected: readonly { id: number; hash: string }[]): AuditVerdict {
  const anchor = sqlite.prepare('SELECT * FROM audit_anchor').get() as AuditAnchor | undefined;
  const toFind = new Map(expected.map(({ id, hash }) => [id, hash]));
  const verdict: AuditVerdict = { rows: 0, unchained: 0 };
  let previous = { id: anchor?.last_id ?? 0, hash: anchor?.hash ?? '' };
  let pruned: AuditRow | undefined;
  for (const row of sqlite.prepare('SELECT * FROM audit_logs ORDER BY id').iterate() as IterableIterator<AuditRow>) {
    if (row.hash === '' && previous.hash === '') verdict.unchained += 1;
    else if (row.id !== previous.id + 1) return { ...verdict, broken: `rows ${previous.id + 1} to ${row.id - 1} are missing` };
    else if (row.hash !== auditHash(previous.hash, row)) {
      return { ...verdict, broken: `row ${row.id} (${row.event} of ${row.entity_id}) does not follow from the row before it: one of the two was changed, put in or moved` };
    }
    if (toFind.has(row.id) && toFind.get(row.id) !== row.hash) return { ...verdict, broken: `row ${row.id} is not the one that was expected: the chain was written anew` };
    toFind.delete(row.id);
    if (row.event === prunedEvent) pruned = row;
    verdict.rows += 1;
    previous = { id: row.id, hash: row.hash };
  }
  if (verdict.rows > 0) verdict.head = previous;
  const broken = missingAtEnd(sqlite, previous.id) ?? badAnchor(anchor, pruned) ?? notFound(toFind, anchor);
  return broken === undefined ? verdict : { ...verdict, broken };
}

/** AUTOINCREMENT remembers the highest id that there ever was. */
function missingAtEnd(sqlite: Sqlite.Database, lastId: number): string | undefined {
  const highest = sqlite.prepare('SELECT seq FROM sqlite_sequence WHERE name = \'audit_logs\'').pluck().get() as number | undefined ?? 0;
  if (highest === lastId) return undefined;
  return highest > lastId ? `rows ${lastId + 1} to ${highest} are missing at the end` : `row ${lastId} was not written by the service`;
}

/** What retention removed stands in the chain too: nobody else may remove the oldest rows. */
function badAnchor(anchor: AuditAnchor | undefined, pruned: AuditRow | undefined): string | undefined {
  if (!pruned && (anchor?.hash ?? '') === '') return undefined;
  const { upToId, hash } = (pruned ? JSON.parse(pruned.details) : {}) as { upToId?: unknown; hash?: unknown };
  if (anchor && upToId === anchor.last_id && hash === anchor.hash) return undefined;
  return `the oldest rows were removed by another hand than the retention's: it says up to ${String(upToId)}, and they begin after ${anchor?.last_id ?? 0}`;
}

function notFound(toFind: ReadonlyMap<number, string>, anchor: AuditAnchor | undefined): string | undefined {
  const [id] = [...toFind.keys()].filter((each) => each > (anchor?.last_id ?? 0));
  return id === undefined ? undefined : `row ${id}, which was expected, is missing`;
}
