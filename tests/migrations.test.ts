/** The check of migrations finds what would stop a service on a database that has them. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const workspace = join(import.meta.dirname, '..');
const migrations = 'services/sessions/migrations';

let root = '';
const at = (name: string): string => join(root, migrations, name);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kiosk-migrations-'));
  cpSync(join(workspace, migrations), join(root, migrations), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

function check(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(workspace, 'tools/migrations.mjs'), root, ...args], { encoding: 'utf8' });
  return { status, stderr };
}

test('O1 what is shipped is as it was written down', () => {
  expect(check('--check')).toEqual({ status: 0, stderr: '' });
});

test.each<[what: string, change: () => void, sentence: RegExp]>([
  ['two with the same number', () => writeFileSync(at('0002_twin.sqlite.sql'), ''), /0002_twin\.sqlite\.sql should be number 0003: 0002_idempotency_keys\.sqlite\.sql has its number too/],
  ['a changed one', () => appendFileSync(at('0001_sessions.sqlite.sql'), '-- a word\n'), /0001_sessions\.sqlite\.sql has changed/],
  ['a renamed one', () => renameSync(at('0003_audit_chain.sqlite.sql'), at('0003_audit.sqlite.sql')), /0003_audit_chain\.sqlite\.sql was there and is gone/],
  ['one after a gap', () => writeFileSync(at('0099_later.sqlite.sql'), ''), /0099_later\.sqlite\.sql should be number \d{4}: one is missing/],
  ['a name that no service reads', () => writeFileSync(at('9999-later.sql'), ''), /9999-later\.sql is not called/],
])('O1 %s is refused', (_, change, sentence) => {
  change();
  expect(check('--check')).toEqual({ status: 1, stderr: expect.stringMatching(sentence) });
});

test('a new one is asked for, and written down once', () => {
  const count = Number(spawnSync('sh', ['-c', `ls '${join(root, migrations)}' | grep -c sql$`], { encoding: 'utf8' }).stdout);
  writeFileSync(at(`${String(count + 1).padStart(4, '0')}_new.sqlite.sql`), 'SELECT 1;\n');
  expect(check('--check')).toEqual({ status: 1, stderr: expect.stringMatching(/_new\.sqlite\.sql is not in released\.sha256: npm run migrations/) });
  expect(check()).toEqual({ status: 0, stderr: '' });
  expect(check('--check')).toEqual({ status: 0, stderr: '' });
  appendFileSync(at(`${String(count + 1).padStart(4, '0')}_new.sqlite.sql`), '-- later\n');
  expect(check()).toMatchObject({ status: 1 });
});
