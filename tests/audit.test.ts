/** The audit as its operator meets it: a whole visit in one list, and the command that proves that nobody changed it afterwards, on the databases of a real system. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { kioskAt, prices, type Kiosk } from './kiosk.ts';
import { operate } from './operator.ts';

type Entry = { service: string; id: number; type: string; entityId: string };
type Service = (typeof services)[number];
const services = ['sessions', 'payments', 'reporting'] as const;

let stack: Stack;
let kiosk: Kiosk;
let visit: { sessionId: string; intentId: string; refundId: string; reportId: string };
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kiosk-audit-'));
  stack = await startStack({ settings: { DEV_AUTO_CONFIRM_DELAY_MS: '50' } });
  kiosk = kioskAt(stack.url);
  // Somebody else is there before and after.
  await wholeVisit();
  visit = await wholeVisit();
  await wholeVisit();
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function wholeVisit(): Promise<typeof visit> {
  const { id: sessionId } = await kiosk.openSession({ type: 'thickness', contact: { email: 'owner@example.com' } });
  const { intentId } = await kiosk.openIntent({ id: sessionId }, prices.thickness);
  await kiosk.untilFinal(intentId);
  const { reportId } = await kiosk.must(201, kiosk.requestReport({ id: sessionId, type: 'thickness' }, 'thickness-solaris', null));
  await kiosk.untilSent(reportId);
  const { refundId } = await kiosk.must(201, kiosk.post<{ refundId: string }>(`/api/payments/refund/${intentId}`, { amount: 100, reason: 'The gauge failed' }));
  await kiosk.must(200, kiosk.post(`/api/sessions/${sessionId}/complete`));
  return { sessionId, intentId, refundId, reportId };
}

async function list(query: string): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let cursor = ''; ;) {
    const { entries, nextCursor } = await kiosk.must(200, kiosk.get<{ entries: Entry[]; nextCursor?: string }>(`/api/audit?${query}${cursor}`));
    all.push(...entries);
    if (nextCursor === undefined) return all;
    cursor = `&cursor=${nextCursor}`;
  }
}

test('a session\'s audit is that of its payments, refunds, reports and deliveries too, and of nobody else\'s', async () => {
  const { sessionId, intentId, refundId, reportId } = visit;
  const entries = await list(`sessionId=${sessionId}`);
  const { deliveries: [delivery] } = await kiosk.report(reportId);
  const told = entries.map(({ type, entityId }) => `${type} ${entityId}`);
  expect(told).toEqual(expect.arrayContaining([
    `session.created ${sessionId}`, `session.completed ${sessionId}`, `intent.created ${intentId}`, `intent.confirmed ${intentId}`, `refund.created ${refundId}`,
    `report.created ${reportId}`, `report.ready ${reportId}`, `delivery.sent ${delivery!.deliveryId}`,
  ]));
  expect(new Set(entries.map(({ entityId }) => entityId))).toEqual(new Set([sessionId, intentId, refundId, reportId, delivery!.deliveryId]));
  // However small the pages, and together with the other filters.
  expect(await list(`sessionId=${sessionId}&limit=2`)).toEqual(entries);
  expect(await list(`sessionId=${sessionId}&type=refund.created`)).toMatchObject([{ entityId: refundId }]);
  expect(await list(`sessionId=${sessionId}&entityId=${reportId}`)).toEqual(entries.filter(({ entityId }) => entityId === reportId));
  expect(await list(`entityId=${sessionId}`)).toEqual(entries.filter(({ entityId }) => entityId === sessionId));
  expect(await list('sessionId=ses_00000000000000000000000000')).toEqual([]);
});

const verify = (storage: string, ...args: string[]) => operate('audit:verify', ['--storage', storage, ...args], process.env);

/** A copy of the databases, tampered with by somebody who has the files and knows how to take the guards off and put them back. */
function tampered(name: string, statements: Partial<Record<Service, string>>): string {
  const copy = join(folder, name);
  cpSync(stack.storagePath, copy, { recursive: true });
  for (const [service, statement] of Object.entries(statements)) {
    const database = new DatabaseSync(join(copy, `${service}.sqlite`));
    const guards = database.prepare('SELECT name, sql FROM sqlite_schema WHERE type = \'trigger\' AND name LIKE \'audit%\'').all() as { name: string; sql: string }[];
    for (const guard of guards) database.exec(`DROP TRIGGER ${guard.name}`);
    database.exec(statement);
    for (const guard of guards) database.exec(guard.sql);
    database.close();
  }
  return copy;
}

test('npm run audit:verify finds a running system\'s audit whole, and names what was changed, or removed from the middle or the end', async () => {
  const whole = await verify(stack.storagePath);
  expect(whole).toMatchObject({ code: 0, output: expect.stringMatching(/^(?:\w+: whole, \d+ rows; the newest is \d+:[0-9a-f]{64}\n){3}$/) });
  for (const name of services) await stack.stop(name);
  const found = await verify(tampered('obvious', {
    sessions: 'UPDATE audit_logs SET caller = \'operator:somebody\' WHERE id = 2', payments: 'DELETE FROM audit_logs WHERE id = 3', reporting: 'DELETE FROM audit_logs WHERE id = (SELECT max(id) FROM audit_logs)',
  }));
  expect(found.code).toBe(1);
  expect(found.output.split('\n')).toEqual([
    expect.stringMatching(/^sessions: NOT WHOLE: row 2 \(session\.\w+ of ses_\w+\) does not follow from the row before it/),
    'payments: NOT WHOLE: rows 3 to 3 are missing', expect.stringMatching(/^reporting: NOT WHOLE: rows (\d+) to \1 are missing at the end$/), '',
  ]);

  // One is enough, and the others are told of.
  const one = await verify(tampered('one', { reporting: 'DELETE FROM audit_logs WHERE id = 1' }));
  expect([one.code, one.output]).toEqual([1, expect.stringMatching(/^sessions: whole, .*\npayments: whole, .*\nreporting: NOT WHOLE: rows 1 to 1 are missing\n$/)]);

  // Who also sets back what the database remembers of the end is only found by a hash that was kept elsewhere.
  const [, newest = '', id = ''] = /^payments: .* is ((\d+):\w+)$/m.exec(one.output) ?? [];
  const sneaky = tampered('sneaky', { payments: `DELETE FROM audit_logs WHERE id = ${id}; UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'audit_logs'` });
  expect(await verify(sneaky)).toMatchObject({ code: 0 });
  expect(await verify(sneaky, '--expect', `payments:${newest}`))
    .toMatchObject({ code: 1, output: expect.stringContaining(`payments: NOT WHOLE: row ${id}, which was expected, is missing`) });

  const lost = tampered('lost', {});
  rmSync(join(lost, 'payments.sqlite'));
  expect(await verify(lost)).toMatchObject({ code: 2, output: expect.stringContaining('payments: there is no ') });
}, 120_000);
