/** What the alarms ask is true, and cheap to ask. */
import { openDatabase, type Database } from '@kiosk/database';
import { describe, expect, test } from '@jest/globals';
import { sql, type CompiledQuery } from 'kysely';
import { join } from 'node:path';
import { SendError } from './send-error.ts';
import type { Tables } from './tables.ts';
import { create, hourMs, migrations, minuteMs, startTestReporting, temporaryFolder, type TestReporting } from './testing.ts';
import { UnfinishedStore } from './unfinished-store.ts';

const both = { email: 'ivan@example.com', phone: '+79001234567' };
const figures = async (reporting: TestReporting) => ({
  unfinished: await reporting.metric('reports_deliveries_unfinished', { method: 'email' }),
  oldestSeconds: await reporting.metric('reports_delivery_oldest_seconds', { method: 'email' }),
  dead: await reporting.metric('reports_deliveries_dead', { method: 'email' }),
  undelivered: await reporting.metric('reports_undelivered'),
});

test('D1 a delivery that waits is counted with its age, one that is given up as dead, and a report that nobody got as undelivered', async () => {
  await using reporting = await startTestReporting();
  expect(await figures(reporting)).toEqual({ unfinished: 0, oldestSeconds: 0, dead: 0, undelivered: 0 });
  reporting.email.obstacle = () => Promise.reject(new SendError({ kind: 'temporary', reason: 'provider_unavailable' }));
  await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { email: 'ivan@example.com' } });
  await reporting.service.deliverDue();
  reporting.clock.advance(10 * minuteMs);
  expect(await figures(reporting)).toEqual({ unfinished: 1, oldestSeconds: 600, dead: 0, undelivered: 0 });
  reporting.clock.advance(73 * hourMs);
  await reporting.service.deliverDue();
  expect(await figures(reporting)).toEqual({ unfinished: 0, oldestSeconds: 0, dead: 1, undelivered: 1 });
  reporting.clock.advance(25 * hourMs);
  expect(await figures(reporting)).toEqual({ unfinished: 0, oldestSeconds: 0, dead: 0, undelivered: 0 });
});

test('D5 a report that arrived by the other channel is not undelivered', async () => {
  await using reporting = await startTestReporting();
  reporting.email.obstacle = () => Promise.reject(new SendError({ kind: 'permanent', reason: 'recipient_refused' }));
  await create(reporting, { sessionId: reporting.visits.open(), deliverTo: both });
  await reporting.service.deliverDue();
  expect(await figures(reporting)).toMatchObject({ dead: 1, undelivered: 0 });
});

describe('no query walks a table', () => {
  async function plansOf(database: Database<Tables>, ask: (store: UnfinishedStore) => Promise<unknown>): Promise<string[]> {
    const sent: CompiledQuery[] = [];
    const read = database.read.withPlugin({
      transformQuery: ({ node, queryId }) => {
        sent.push(database.read.getExecutor().compileQuery(node, queryId));
        return node;
      },
      transformResult: async ({ result }) => result,
    });
    await ask(new UnfinishedStore({ rows: { read, transaction: (work) => database.transaction(work) } }));
    const plans = await Promise.all(sent.map(({ sql: text, parameters }) =>
      sql<{ detail: string }>`EXPLAIN QUERY PLAN ${sql.raw(parameters.reduce<string>((before, value) => before.replace('?', () => JSON.stringify(value).replaceAll('"', '\'')), text))}`.execute(database.read)));
    return plans.flatMap(({ rows }) => rows.map(({ detail }) => detail));
  }

  test.each<[string, (store: UnfinishedStore) => Promise<unknown>]>([
    ['how many deliveries are unfinished', (store) => store.unfinished('email')],
    ['the oldest of them', (store) => store.oldestUnfinished('email')],
    ['how many are dead', (store) => store.dead({ channel: 'email', since: Date.now() })],
    ['how many reports nobody got', (store) => store.undelivered(Date.now())],
  ])('%s', async (_, ask) => {
    using folder = temporaryFolder();
    await using database = await openDatabase<Tables>({ path: join(folder.path, 'reporting.sqlite'), migrations, onFatal: () => {} });
    const plans = await plansOf(database, ask);
    expect(plans.length).toBeGreaterThan(0);
    expect(plans.filter((step) => /^SCAN (?!.*USING .*INDEX)/.test(step))).toEqual([]);
    expect(plans).toContainEqual(expect.stringMatching(/USING (COVERING )?INDEX deliveries_(unfinished|dead)/));
  });
});
