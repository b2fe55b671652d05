import Sqlite from 'better-sqlite3';
import { expect, test } from '@jest/globals';
import { add, commitsIn, failure, ids, newFolder, open } from './testing.ts';

const names = (count: number) => Array.from({ length: count }, (_, i) => `note-${String(i).padStart(3, '0')}`);

test.each([[1, 1], [100, 1], [128, 1], [300, 3]])('%i concurrent transactions share %i commits', async (count, commits) => {
  using folder = newFolder();
  await using database = await open(folder);
  const before = commitsIn(folder);
  await Promise.all(names(count).map((id) => add(database, id)));
  expect(commitsIn(folder) - before).toBe(commits);
  expect(await ids(database)).toEqual(names(count));
});

test('a batch ends when its time is over; who has not begun shares the next', async () => {
  using folder = newFolder();
  await using database = await open(folder, { longestBatchMs: 0 });
  const before = commitsIn(folder);
  const results = await Promise.allSettled(names(5).map((id, i) => (i === 2 ? database.transaction(async () => { throw new Error(id); }) : add(database, id))));
  expect(commitsIn(folder) - before).toBe(4);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
});

test('transactions that come one after the other have a commit each', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  const before = commitsIn(folder);
  for (const id of names(10)) await add(database, id);
  expect(commitsIn(folder) - before).toBe(10);
});

test('P13 a transaction that throws rolls back alone and whole, with its own error', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  const refusal = new Error('refused by the verb');
  const results = await Promise.allSettled(names(99).map((id, i) => database.transaction(async (tx) => {
    await tx.db.insertInto('notes').values({ id, text: '' }).execute();
    await tx.db.insertInto('copies').values({ note_id: id }).execute();
    if (i % 3 === 1) throw refusal;
    if (i % 3 === 2) await tx.db.insertInto('notes').values({ id: `${id}-x`, text: 'refused' }).execute();
    return id;
  })));
  expect(await ids(database)).toEqual(names(99).filter((_, i) => i % 3 === 0));
  expect(results).toMatchObject(names(99).map((id, i) => [
    { status: 'fulfilled', value: id },
    { status: 'rejected', reason: refusal },
    { status: 'rejected', reason: { code: 'SQLITE_CONSTRAINT_CHECK' } },
  ][i % 3]));
});

test('work that throws before its first await is a rejection, and the others go on', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  const [first, second] = await Promise.allSettled([
    database.transaction(() => { throw new Error('at once'); }),
    add(database, 'a'),
  ]);
  expect(first).toMatchObject({ status: 'rejected', reason: { message: 'at once' } });
  expect(second).toMatchObject({ status: 'fulfilled' });
});

test('P12 nobody is answered, and no effect runs, before the shared commit is on disk', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  const other = new Sqlite(folder.path, { readonly: true });
  const onDisk = other.prepare('SELECT count(*) FROM notes').pluck();
  const seen: unknown[] = [];
  await Promise.all(names(20).map((id) => database.transaction(async (tx) => {
    await tx.db.insertInto('notes').values({ id, text: '' }).execute();
    tx.afterCommit(() => seen.push(onDisk.get()));
    seen.push(onDisk.get());
  }).then(() => seen.push(onDisk.get()))));
  other.close();
  expect(seen).toEqual([...Array<number>(20).fill(0), ...Array<number>(40).fill(20)]);
});

test('effects run in the order of their transactions, before the answer, and never for one that failed', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  const seen: string[] = [];
  await Promise.all(['a', 'b', 'c'].map((id) => database.transaction(async (tx) => {
    tx.afterCommit(() => seen.push(`${id}1`));
    await tx.db.insertInto('notes').values({ id, text: '' }).execute();
    tx.afterCommit(() => seen.push(`${id}2`));
    if (id === 'b') throw new Error('b fails');
  }).then(() => seen.push(`${id} answered`), () => seen.push(`${id} failed`))));
  expect(seen.filter((word) => word !== 'b failed')).toEqual(['a1', 'a2', 'c1', 'c2', 'a answered', 'c answered']);
  expect(seen).toContain('b failed');
});

test('readers see committed rows only, the transaction its own', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  await database.transaction(async (tx) => {
    await tx.db.insertInto('notes').values({ id: 'a', text: '' }).execute();
    expect(await ids(database)).toEqual([]);
    expect(await tx.db.selectFrom('notes').select('id').execute()).toEqual([{ id: 'a' }]);
  });
  expect(await ids(database)).toEqual(['a']);
});

test('a transaction sees what those before it in the same commit did', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  const claim = () => database.transaction(async (tx) => {
    const { length } = await tx.db.selectFrom('notes').select('id').execute();
    await tx.db.insertInto('notes').values({ id: String(length).padStart(3, '0'), text: '' }).execute();
  });
  await Promise.all(names(50).map(claim));
  expect(await ids(database)).toHaveLength(50);
});

test('while another process holds the database, transactions fail after 5 s and nothing has happened', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  const other = new Sqlite(folder.path);
  other.exec('BEGIN IMMEDIATE');
  const startedAt = Date.now();
  const error = await failure(add(database, 'a'));
  expect(error).toMatchObject({ code: 'SQLITE_BUSY' });
  expect(Date.now() - startedAt).toBeLessThan(30_000);
  other.exec('ROLLBACK');
  other.close();
  await add(database, 'a');
  expect(await ids(database)).toEqual(['a']);
});

test('an effect that throws stops the process, but whoever shared its commit is answered', async () => {
  using folder = newFolder();
  const fatal: Error[] = [];
  await using database = await open(folder, { onFatal: (error) => fatal.push(error) });
  const results = await Promise.allSettled([
    database.transaction(async (tx) => { tx.afterCommit(() => { throw new Error('no such label'); }); }),
    add(database, 'a'),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect(fatal).toHaveLength(1);
});
