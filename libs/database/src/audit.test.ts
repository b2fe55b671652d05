import { expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { readFileSync } from 'node:fs';
import { appendAudit, listAudit, pruneAudit, verifyAudit, type AuditFilter, type AuditTables, type Database } from './database.ts';
import { failure, newFolder, open as openNotes } from './testing.ts';

const dayMs = 86_400_000;
const start = Date.UTC(2026, 10, 20);
const beforeChain = readFileSync(new URL('../../../services/sessions/migrations/0001_sessions.sqlite.sql', import.meta.url), 'utf8');
const chain = readFileSync(new URL('../../../services/sessions/migrations/0003_audit_chain.sqlite.sql', import.meta.url), 'utf8');

/** A database whose audit is a real service's, with so many entries, a day apart; `tamper` works on the file as whoever has it can. */
async function startAudit(entries: number, { old = 0 }: { old?: number } = {}) {
  const folder = newFolder();
  folder.write('0002_sessions.sqlite.sql', beforeChain);
  if (old > 0) {
    await using database = await openNotes(folder);
    await database.transaction(async ({ db }) => {
      for (let id = 1; id <= old; id++) {
        await (db as never as Database<AuditTables>['read']).insertInto('audit_logs')
          .values({ at: start + id, event: 'session.created', entity_id: 'ses_old', details: '{}', request_id: 'r', caller: 'c' } as never).execute();
      }
    });
  }
  folder.write('0003_chain.sqlite.sql', chain);
  const database = await openNotes(folder) as never as Database<AuditTables>;
  for (let i = 0; i < entries; i++) await append(database, i);
  return {
    database,
    path: folder.path,
    verify: (expected?: { id: number; hash: string }[]) => verifyAudit(folder.path, { expected }),
    list: (filter: Partial<AuditFilter> = {}) => listAudit(database.read, { limit: 200, ...filter }),
    prune: (days: number) => pruneAudit((work) => database.transaction(work), { before: start + days * dayMs, now: start + (days + 90) * dayMs }),
    tamper(...statements: string[]) {
      const sqlite = new Sqlite(folder.path);
      const guards = sqlite.prepare('SELECT name, sql FROM sqlite_schema WHERE type = \'trigger\' AND name LIKE \'audit%\'').all() as { name: string; sql: string }[];
      for (const { name } of guards) sqlite.exec(`DROP TRIGGER ${name}`);
      for (const statement of statements) sqlite.exec(statement);
      for (const { sql } of guards) sqlite.exec(sql);
      sqlite.close();
    },
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

function append(database: Database<AuditTables>, i: number): Promise<void> {
  return database.transaction((tx) => appendAudit(tx, {
    at: start + i * dayMs, event: i % 2 === 0 ? 'session.created' : 'session.completed', entityId: `ses_${Math.floor(i / 2)}`, details: { i }, requestId: `r-${i}`,
    caller: { role: 'kiosk', name: 'k-1', ip: '10.0.0.7' },
  }));
}

test('a whole audit is whole, empty or not, while it is written to', async () => {
  await using empty = await startAudit(0);
  expect(empty.verify()).toEqual({ rows: 0, unchained: 0 });
  await using audit = await startAudit(20);
  expect(audit.verify()).toEqual({ rows: 20, unchained: 0, head: { id: 20, hash: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  const writing = Promise.all(Array.from({ length: 50 }, (_, i) => append(audit.database, 20 + i)));
  expect(audit.verify()).not.toHaveProperty('broken');
  await writing;
  expect(audit.verify()).toMatchObject({ rows: 70, head: { id: 70 } });
});

test('entries that share a commit follow one another, and one that is rolled back leaves no gap', async () => {
  await using audit = await startAudit(1);
  const outcomes = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => audit.database.transaction(async (tx) => {
    await appendAudit(tx, { at: start, event: 'e', entityId: 'x', details: {}, requestId: `r-${i}`, caller: { role: 'service', name: 's' } });
    if (i % 3 === 0) throw new Error('rolled back');
  })));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
  expect(audit.verify()).toMatchObject({ rows: 21, head: { id: 21 } });
});

const copyOf10 = 'INSERT INTO audit_logs SELECT 11, at, event, entity_id, details, request_id, caller, ip, user_agent, hash FROM audit_logs WHERE id = 10';

test.each<[what: string, statements: string[], sentence: string | RegExp]>([
  ...['at = at + 1', 'event = \'session.failed\'', 'entity_id = \'ses_9\'', 'details = \'{}\'', 'request_id = \'x\'', 'caller = \'operator:eve\'', 'ip = NULL', 'user_agent = \'x\'']
    .map((change): [string, string[], string | RegExp] => [`row 10 changed: ${change}`, [`UPDATE audit_logs SET ${change} WHERE id = 10`], /^row 10 \(.*\) does not follow/]),
  ['a row with another hash', [`UPDATE audit_logs SET hash = '${'0'.repeat(64)}' WHERE id = 10`], /^row 10 \(.*\) does not follow/],
  ['a row without a hash', ['UPDATE audit_logs SET hash = \'\' WHERE id = 10'], /^row 10 \(.*\) does not follow/],
  ['the first rows without hashes', ['UPDATE audit_logs SET hash = \'\' WHERE id < 10'], /^row 10 \(.*\) does not follow/],
  ['a row removed', ['DELETE FROM audit_logs WHERE id = 10'], 'rows 10 to 10 are missing'],
  ['a row removed and the gap closed', ['DELETE FROM audit_logs WHERE id = 10', 'UPDATE audit_logs SET id = id - 1 WHERE id > 10'], /^row 10 \(.*\) does not follow/],
  ['rows removed at the end', ['DELETE FROM audit_logs WHERE id > 18'], 'rows 19 to 20 are missing at the end'],
  ['the oldest rows removed', ['DELETE FROM audit_logs WHERE id < 5'], 'rows 1 to 4 are missing'],
  ['the oldest rows removed and an anchor put in their place',
    ['INSERT INTO audit_anchor SELECT 1, id, hash FROM audit_logs WHERE id = 4', 'DELETE FROM audit_logs WHERE id < 5'], /^the oldest rows were removed by another hand/],
  ['a row put in', ['UPDATE audit_logs SET id = -id WHERE id > 10', 'UPDATE audit_logs SET id = 1 - id WHERE id < 0', copyOf10], /^row 11 \(.*\) does not follow/],
  ['a row put in at the end', ['INSERT INTO audit_logs SELECT 21, at, event, entity_id, details, request_id, caller, ip, user_agent, hash FROM audit_logs WHERE id = 10'], /^row 21 \(.*\) does not follow/],
  ['two rows exchanged', ['UPDATE audit_logs SET id = 99 WHERE id = 10', 'UPDATE audit_logs SET id = 10 WHERE id = 11', 'UPDATE audit_logs SET id = 11 WHERE id = 99'], /^row 10 \(.*\) does not follow/],
])('the verification finds %s', async (_, statements, sentence) => {
  await using audit = await startAudit(20);
  audit.tamper(...statements);
  expect(audit.verify()!.broken).toMatch(sentence);
});

test.each(['audit_logs_append_only', 'audit_logs_chained', 'audit_logs_pruned_only', 'audit_anchor_forward', 'audit_anchor_kept'])(
  'the verification finds that the guard %s is gone', async (name) => {
    await using audit = await startAudit(2);
    const sqlite = new Sqlite(audit.path);
    sqlite.exec(`DROP TRIGGER ${name}`);
    sqlite.close();
    expect(audit.verify()!.broken).toContain(name);
  },
);

test('a chain that was written anew is found by a hash that was kept elsewhere, and so is one that was cut off', async () => {
  await using audit = await startAudit(20);
  const { head } = audit.verify()!;
  expect(audit.verify([head!])).not.toHaveProperty('broken');
  await using other = await startAudit(21);
  expect(other.verify([{ ...head!, hash: 'a'.repeat(64) }])!.broken).toMatch(/^row 20 is not the one that was expected/);
  audit.tamper('DELETE FROM audit_logs WHERE id = 20', 'UPDATE sqlite_sequence SET seq = 19 WHERE name = \'audit_logs\'');
  expect(audit.verify()).not.toHaveProperty('broken');
  expect(audit.verify([head!])!.broken).toBe('row 20, which was expected, is missing');
});

test('the database itself refuses a change, a removal, a gap and a row without a hash', async () => {
  await using audit = await startAudit(3);
  const sqlite = new Sqlite(audit.path);
  const refused = (statement: string) => expect(() => sqlite.exec(statement)).toThrow(/the audit is|a row of the audit follows/);
  refused('UPDATE audit_logs SET at = 1');
  refused('DELETE FROM audit_logs WHERE id = 1');
  refused(`INSERT INTO audit_logs (id, at, event, entity_id, details, request_id, caller, hash) VALUES (5, 1, 'e', 'x', '{}', 'r', 'c', '${'a'.repeat(64)}')`);
  refused('INSERT INTO audit_logs (id, at, event, entity_id, details, request_id, caller) VALUES (4, 1, \'e\', \'x\', \'{}\', \'r\', \'c\')');
  await audit.prune(1);
  refused('DELETE FROM audit_anchor');
  refused('UPDATE audit_anchor SET last_id = 0');
  refused('UPDATE audit_anchor SET last_id = 100');
  sqlite.close();
});

test('retention removes the oldest rows only, says so in the chain, and the rest stays provable', async () => {
  await using audit = await startAudit(20);
  expect(await audit.prune(10)).toBe(10);
  expect((await audit.list()).map(({ id }) => id).toSorted((a, b) => a - b)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]);
  expect(audit.verify()).toMatchObject({ rows: 11, head: { id: 21 } });
  expect(await audit.prune(10)).toBe(0);
  await append(audit.database, 20);
  expect(await audit.prune(15)).toBe(5);
  expect(audit.verify()).not.toHaveProperty('broken');
  // An idle system does not write down that it removed what it wrote down.
  expect(await audit.prune(1000)).toBeGreaterThan(0);
  expect(await audit.prune(2000)).toBe(0);
  expect(audit.verify()).toMatchObject({ rows: 1 });
  await append(audit.database, 21);
  expect(audit.verify()).not.toHaveProperty('broken');
  audit.tamper('UPDATE audit_anchor SET last_id = last_id + 1', 'DELETE FROM audit_logs WHERE id = (SELECT min(id) FROM audit_logs)');
  expect(audit.verify()).toHaveProperty('broken');
});

test('more than one bite is removed whole', async () => {
  await using audit = await startAudit(0);
  await Promise.all(Array.from({ length: 1203 }, () => append(audit.database, 0)));
  expect(await audit.prune(1)).toBe(1203);
  expect(audit.verify()).not.toHaveProperty('broken');
});

test('rows from before there was a chain stay, and are counted as proving nothing', async () => {
  await using audit = await startAudit(5, { old: 3 });
  expect(audit.verify()).toMatchObject({ rows: 8, unchained: 3 });
  audit.tamper('DELETE FROM audit_logs WHERE id = 5');
  expect(audit.verify()!.broken).toBe('rows 5 to 5 are missing');
});

test('the list is newest first and filters by entity, type and time, by an index', async () => {
  await using audit = await startAudit(20);
  const ids = async (filter: Partial<AuditFilter>) => (await audit.list(filter)).map(({ id }) => id);
  expect(await ids({ limit: 3 })).toEqual([20, 19, 18]);
  expect(await ids({ limit: 3, before: { at: start + 17 * dayMs, id: 18 } })).toEqual([17, 16, 15]);
  expect(await ids({ limit: 1, before: { at: start + 17 * dayMs, id: 19 } })).toEqual([18]);
  expect(await ids({ entityId: 'ses_3' })).toEqual([8, 7]);
  expect(await ids({ entityIds: ['ses_3', 'ses_4', 'ses_none'] })).toEqual([10, 9, 8, 7]);
  expect(await ids({ entityIds: ['ses_3', 'ses_4'], entityId: 'ses_4', event: 'session.completed' })).toEqual([10]);
  expect(await ids({ event: 'session.completed', from: start + 10 * dayMs })).toEqual([20, 18, 16, 14, 12]);
  expect(await ids({ from: start + 2 * dayMs, to: start + 4 * dayMs })).toEqual([4, 3]);
  const sqlite = new Sqlite(audit.path, { readonly: true });
  const plan = (where: string) => (sqlite.prepare(`EXPLAIN QUERY PLAN SELECT * FROM audit_logs ${where} ORDER BY at DESC, id DESC LIMIT 50`).all() as { detail: string }[])
    .map(({ detail }) => detail).join('; ');
  expect(plan('')).toBe('SCAN audit_logs USING INDEX audit_logs_by_time');
  expect(plan('WHERE at <= 5 AND (at, id) < (5, 5)')).toMatch(/^SEARCH audit_logs USING INDEX audit_logs_by_time \(at<\?\)$/);
  expect(plan('WHERE event = \'e\' AND at >= 5')).toMatch(/^SEARCH audit_logs USING INDEX audit_logs_by_event \(event=\? AND at>\?\)$/);
  expect(plan('WHERE entity_id = \'x\'')).toMatch(/^SEARCH audit_logs USING INDEX audit_logs_by_entity \(entity_id=\?\)/);
  expect(plan('WHERE entity_id IN (\'x\', \'y\')')).toMatch(/^SEARCH audit_logs USING INDEX audit_logs_by_entity \(entity_id=\?\)/);
  sqlite.close();
});

test('a file that keeps no audit is told apart from a broken one', async () => {
  using folder = newFolder();
  await using _database = await openNotes(folder);
  expect(verifyAudit(folder.path)).toBeUndefined();
  expect(await failure((async () => verifyAudit(`${folder.path}.none`))())).toMatchObject({ code: 'SQLITE_CANTOPEN' });
});
