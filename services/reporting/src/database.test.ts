/** What the database itself refuses, whatever the code does. */
import { openDatabase } from '@kiosk/database';
import { describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Tables } from './tables.ts';
import { migrations, temporaryFolder } from './testing.ts';

async function openEmpty() {
  const folder = temporaryFolder();
  const path = join(folder.path, 'reporting.sqlite');
  const database = await openDatabase<Tables>({ path, migrations, onFatal: () => {} });
  const sqlite = new DatabaseSync(path);
  sqlite.exec('PRAGMA foreign_keys = ON');
  return {
    database, sqlite,
    run: (sql: string) => sqlite.exec(sql),
    async [Symbol.asyncDispose]() {
      sqlite.close();
      await database[Symbol.asyncDispose]();
      folder.remove();
    },
  };
}

const sha = 'a'.repeat(64);
const insertReport = (id = 'rep_1', status = 'rendering') => `INSERT INTO reports (id, session_id, type, status, template_version, created_at, summary, document)
  VALUES ('${id}', 'ses_1', 'diagnostics', '${status}', 1, 1, 's', '{}')`;
const makeReady = `UPDATE reports SET status = 'ready', sha256 = '${sha}', pages = 2, ready_at = 2 WHERE id = 'rep_1'`;
const insertDelivery = ({ id = 'dlv_1', channel = 'email', recipient = 'a@example.com', cause = 'report', status = 'queued' } = {}) =>
  `INSERT INTO deliveries (id, report_id, channel, recipient, cause, message_id, status, created_at)
   VALUES ('${id}', 'rep_1', '${channel}', ${recipient.startsWith('char') ? recipient : `'${recipient}'`}, '${cause}', '<${id}@kiosk.example>', '${status}', 1)`;
const claim = 'UPDATE deliveries SET status = \'sending\', lease_token = \'t\', lease_until = 9, next_attempt_at = NULL';
const release = 'lease_token = NULL, lease_until = NULL';

describe('reports', () => {
  test.each([
    ['is born ready', 'begins rendering', [insertReport('rep_1', 'ready')]],
    ['is ready without a hash', 'CHECK', [insertReport(), 'UPDATE reports SET status = \'ready\', pages = 1, ready_at = 2']],
    ['has failed without a reason', 'CHECK', [insertReport(), 'UPDATE reports SET status = \'failed\'']],
    ['D8 changes its hash', 'never changes', [insertReport(), makeReady, `UPDATE reports SET sha256 = '${'b'.repeat(64)}'`]],
    ['goes back from ready', 'only moves forward', [insertReport(), makeReady, 'UPDATE reports SET status = \'rendering\'']],
    ['is tried again with the same template', 'only moves forward', [insertReport(), 'UPDATE reports SET status = \'failed\', failure_reason = \'render_failed\'', 'UPDATE reports SET status = \'rendering\', failure_reason = NULL']],
    ['D8 changes what it is made of', 'never changes', [insertReport(), 'UPDATE reports SET document = \'{"a":1}\'']],
    ['X4 is erased but for its data', 'never changes', [insertReport(), 'UPDATE reports SET erased_at = 3, summary = \'\', document = \'{"a":1}\'']],
    ['X4 is no longer erased', 'never changes', [insertReport(), 'UPDATE reports SET erased_at = 3, summary = \'\'', 'UPDATE reports SET erased_at = NULL']],
    ['changes its payment', 'never changes', [insertReport(), 'UPDATE reports SET paid_intent_id = \'pay_1\'', 'UPDATE reports SET paid_intent_id = \'pay_2\'']],
  ])('no report %s', async (_, refusal, statements) => {
    await using empty = await openEmpty();
    for (const statement of statements.slice(0, -1)) empty.run(statement);
    expect(() => empty.run(statements.at(-1)!)).toThrow(refusal);
  });
});

const insertLink = (expiresAt = 9) => `INSERT INTO report_links (token_sha256, report_id, delivery_id, created_at, expires_at) VALUES ('${sha}', 'rep_1', 'dlv_1', 1, ${expiresAt})`;

describe('links', () => {
  test.each([
    ['D10 lives longer than it was made to', 'never changes', [insertLink(), 'UPDATE report_links SET expires_at = 99']],
    ['D10 comes back once it is revoked', 'stays revoked', [insertLink(), 'UPDATE report_links SET revoked_at = 3', 'UPDATE report_links SET revoked_at = NULL']],
    ['D10 is born expired', 'CHECK', [insertLink(1)]],
    ['D10 holds its token', 'CHECK', [insertLink().replace(sha, 'AAAAAAAAAAAAAAAAAAAAAA')]],
  ])('no link %s', async (_, refusal, statements) => {
    await using empty = await openEmpty();
    for (const statement of [insertReport(), insertDelivery(), ...statements.slice(0, -1)]) empty.run(statement);
    expect(() => empty.run(statements.at(-1)!)).toThrow(refusal);
  });
});

describe('deliveries', () => {
  test.each([
    ['D1 repeats a channel of its report', 'UNIQUE', [insertDelivery(), insertDelivery({ id: 'dlv_2', recipient: 'b@example.com' })]],
    ['D8 is sent before its report is ready', 'only a ready report', [insertDelivery(), claim]],
    ['is born sent', 'begins queued', [insertDelivery({ status: 'sent' })]],
    ['is sent without a time', 'CHECK', [makeReady, insertDelivery(), claim, `UPDATE deliveries SET status = 'sent', ${release}`]],
    ['is sent from the queue', 'only moves forward', [makeReady, insertDelivery(), 'UPDATE deliveries SET status = \'sent\', sent_at = 3']],
    ['goes back from sent', 'only moves forward', [makeReady, insertDelivery(), claim, `UPDATE deliveries SET status = 'sent', sent_at = 3, ${release}`, 'UPDATE deliveries SET status = \'queued\'']],
    ['comes back from the dead', 'only moves forward', [insertDelivery(), 'UPDATE deliveries SET status = \'dead\', dead_at = 3', 'UPDATE deliveries SET status = \'queued\', dead_at = NULL']],
    ['is being sent without a lease', 'CHECK', [makeReady, insertDelivery(), 'UPDATE deliveries SET status = \'sending\'']],
    ['keeps its lease in the queue', 'CHECK', [makeReady, insertDelivery(), claim, 'UPDATE deliveries SET status = \'queued\'']],
    ['D4 changes its Message-ID', 'never changes', [insertDelivery(), 'UPDATE deliveries SET message_id = \'<other@kiosk.example>\'']],
    ['changes its recipient', 'never changes', [insertDelivery(), 'UPDATE deliveries SET recipient = \'b@example.com\'']],
    ['D9 has a line break in its recipient', 'CHECK', [insertDelivery({ recipient: 'char(97, 64, 101, 46, 114, 117, 13, 10)' })]],
    ['D9 has a NUL in its recipient', 'CHECK', [insertDelivery({ recipient: 'char(97, 64, 101, 46, 114, 117, 0)' })]],
    ['D9 has two mailboxes', 'CHECK', [insertDelivery({ recipient: 'a@example.com,b@example.com' })]],
    ['D9 has an address in upper case', 'CHECK', [insertDelivery({ recipient: 'A@example.com' })]],
    ['X4 is erased in the queue', 'CHECK', [insertDelivery(), 'UPDATE deliveries SET recipient = \'\', erased_at = 3']],
    ['X4 has no recipient without being erased', 'CHECK', [insertDelivery({ recipient: '' })]],
    ['X4 gets its recipient back', 'never changes', [insertDelivery(), 'UPDATE deliveries SET status = \'dead\', dead_at = 3, recipient = \'\', erased_at = 3', 'UPDATE deliveries SET recipient = \'a@example.com\', erased_at = NULL']],
    ['has a phone that is not E.164', 'CHECK', [insertDelivery({ channel: 'sms', recipient: '89123456789' })]],
  ])('no delivery %s', async (_, refusal, statements) => {
    await using empty = await openEmpty();
    empty.run(insertReport());
    for (const statement of statements.slice(0, -1)) empty.run(statement);
    expect(() => empty.run(statements.at(-1)!)).toThrow(refusal);
  });

  test('the way from the queue to delivered is open', async () => {
    await using empty = await openEmpty();
    for (const statement of [
      insertReport(), makeReady, insertDelivery(), claim, `UPDATE deliveries SET status = 'queued', next_attempt_at = 5, ${release}`, claim,
      `UPDATE deliveries SET status = 'sent', sent_at = 3, ${release}`, 'UPDATE deliveries SET status = \'delivered\', delivered_at = 4',
    ]) empty.run(statement);
    expect(empty.sqlite.prepare('SELECT status FROM deliveries').get()).toEqual({ status: 'delivered' });
  });
});

test('P1 one caller\'s key is claimed once, and for good', async () => {
  await using empty = await openEmpty();
  empty.run(insertReport());
  const insertKey = `INSERT INTO idempotency_keys VALUES ('kiosk:mall', 'k', '${sha}', 'rep_1', 1)`;
  empty.run(insertKey);
  expect(() => empty.run(insertKey)).toThrow('UNIQUE');
  expect(() => empty.run(`UPDATE idempotency_keys SET body_sha256 = '${'b'.repeat(64)}'`)).toThrow('names one request');
});

test('the audit is append-only', async () => {
  await using empty = await openEmpty();
  const insert = (id: number, hash: string) =>
    empty.run(`INSERT INTO audit_logs (id, at, event, entity_id, details, request_id, caller, hash) VALUES (${id}, 1, 'e', 'x', '{}', 'r', 'c', '${hash}')`);
  expect(() => insert(1, '')).toThrow('follows the one before it');
  insert(1, sha);
  expect(() => insert(3, sha)).toThrow('follows the one before it');
  expect(() => empty.run('DELETE FROM audit_logs')).toThrow('append-only');
  expect(() => empty.run('UPDATE audit_logs SET event = \'other\'')).toThrow('append-only');
});
