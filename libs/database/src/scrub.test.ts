import { expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { readFileSync, statSync } from 'node:fs';
import { isToWait } from './scrub.ts';
import { add, failure, newFolder, open } from './testing.ts';

type Notes = Awaited<ReturnType<typeof open>>;

/** How often the text is in the database's files. */
function count(path: string, text: string): number {
  return [path, `${path}-wal`].filter((file) => statSync(file, { throwIfNoEntry: false }))
    .reduce((sum, file) => sum + readFileSync(file).toString('latin1').split(text).length - 1, 0);
}

/** Rows that grow and move to other pages. */
async function fill(database: Notes): Promise<void> {
  for (let bite = 0; bite < 10; bite++) {
    await database.transaction(async ({ db }) => {
      for (let i = 0; i < 200; i++) await db.insertInto('notes').values({ id: `n-${(i * 7919 + bite) % 2003}-${bite}-${i}`, text: 'x'.repeat(50) }).execute();
    });
    await database.transaction(async ({ db }) => {
      await db.updateTable('notes').set({ text: `canary${'y'.repeat(100 + bite * 60)}` }).where('id', 'like', `%${bite}%`).execute();
    });
  }
}

test('X4 after a scrub nothing of what was overwritten or deleted is in any file', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  await fill(database);
  expect(count(folder.path, 'canary')).toBeGreaterThan(1000);
  await database.transaction(async ({ db }) => {
    await db.updateTable('notes').set({ text: '' }).where('id', 'like', '%3%').execute();
    await db.deleteFrom('notes').where('id', 'not like', '%3%').execute();
  });
  // The log alone has it: deleting is not enough.
  expect(count(folder.path, 'canary')).toBeGreaterThan(0);
  await database.scrub();
  expect(count(folder.path, 'canary')).toBe(0);
  expect(statSync(`${folder.path}-wal`).size).toBe(0);
});

test('transactions wait for a scrub and reads do not; what was asked before it is done before it', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  await fill(database);
  const order: string[] = [];
  const note = (what: string) => () => void order.push(what);
  await Promise.all([
    add(database, 'before').then(note('before')), database.scrub().then(note('scrub')), add(database, 'after').then(note('after')),
    database.read.selectFrom('notes').select('id').limit(1).execute().then(note('read')),
  ]);
  expect(order.indexOf('read')).toBeLessThan(order.indexOf('scrub'));
  expect(order.filter((what) => what !== 'read')).toEqual(['before', 'scrub', 'after']);
  await database.scrub();
  await add(database, 'later');
});

test('it is not repeated within the time that is given, across a restart too', async () => {
  using folder = newFolder();
  const hourMs = 3_600_000;
  let now = 1000 * hourMs;
  const bytes = () => count(folder.path, 'canary');
  const session = async (work: (database: Notes) => Promise<unknown>) => {
    await using database = await open(folder, { now: () => now });
    await work(database);
  };
  const leave = async (database: Notes) => {
    await add(database, `${now}`, 'canary');
    await database.transaction(({ db }) => db.deleteFrom('notes').execute());
  };
  await session((database) => database.scrub());
  await session(async (database) => {
    await leave(database);
    now += 23 * hourMs;
    await database.scrub({ unlessWithinMs: 24 * hourMs });
    expect(bytes()).toBeGreaterThan(0);
    now += hourMs;
    await database.scrub({ unlessWithinMs: 24 * hourMs });
    expect(bytes()).toBe(0);
  });
});

test('a reader elsewhere that does not let go makes it fail, and nothing is harmed', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  await fill(database);
  const reader = new Sqlite(folder.path, { readonly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM notes').get();
  expect((await failure(database.scrub())).message).toMatch(/cannot be scrubbed now|locked/);
  reader.close();
  await database.scrub();
  expect(await database.read.selectFrom('notes').select('id').execute()).toHaveLength(2000);
});

test('what nobody asked for and takes long is done at night, or after a week; a small file at any time', () => {
  const hourMs = 3_600_000;
  const large = 60 * 1024 * 1024;
  const waits = (bytes: number, ageHours: number, hour: number) =>
    isToWait({ bytes, ageMs: ageHours * hourMs, now: new Date(2026, 5, 1, hour, 30).getTime(), unlessWithinMs: 24 * hourMs });
  expect([waits(large, 25, 2), waits(large, 25, 3), waits(large, 25, 4), waits(large, 25, 5), waits(large, 25, 14)]).toEqual([true, false, false, true, true]);
  expect([waits(large, 23, 3), waits(large, 167, 14), waits(large, 168, 14)]).toEqual([true, true, false]);
  expect([waits(1000, 23, 14), waits(1000, 24, 14)]).toEqual([true, false]);
});
