import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { rmSync } from 'node:fs';
import { MigrationError, type Database } from './database.ts';
import { add, failure, ids, newFolder, open, schema, type Folder, type Tables } from './testing.ts';

async function openedOnce(folder: Folder): Promise<void> {
  await using database = await open(folder, { now: () => 1000 });
  await add(database, 'kept');
}

const columns = (database: Database<Tables>) => sql<{ name: string }>`SELECT name FROM pragma_table_info('notes')`.execute(database.read);
const applied = (database: Database<Tables>) => sql<{ number: number; name: string; checksum: string; applied_at: number }>`SELECT * FROM schema_migrations`.execute(database.read);

test('each migration is applied once, in order, and remembered', async () => {
  using folder = newFolder();
  folder.write('0002_author.sqlite.sql', 'ALTER TABLE notes ADD COLUMN author TEXT;');
  folder.write('0002_author.postgres.sql', 'this is for another database');
  await openedOnce(folder);
  folder.write('0003_place.sqlite.sql', 'ALTER TABLE notes ADD COLUMN place TEXT;');
  await using database = await open(folder, { now: () => 2000 });
  expect((await columns(database)).rows.map(({ name }) => name)).toEqual(['id', 'text', 'author', 'place']);
  expect((await applied(database)).rows).toEqual([
    { number: 1, name: '0001_notes.sqlite.sql', checksum: expect.stringMatching(/^[0-9a-f]{64}$/), applied_at: 1000 },
    { number: 2, name: '0002_author.sqlite.sql', checksum: expect.any(String), applied_at: 1000 },
    { number: 3, name: '0003_place.sqlite.sql', checksum: expect.any(String), applied_at: 2000 },
  ]);
  expect(await ids(database)).toEqual(['kept']);
});

test.each<[string, (folder: Folder) => void, string]>([
  ['a file that changed after it was applied', (folder) => folder.write('0001_notes.sqlite.sql', `${schema}-- more`),
    'migration 0001_notes.sqlite.sql is not the one that was applied: restore the file and put the change into a new migration'],
  ['a gap', (folder) => folder.write('0003_place.sqlite.sql', 'SELECT 1;'), 'migration 0003_place.sqlite.sql is out of order: number 2 is missing'],
  ['a number used twice', (folder) => folder.write('0001_other.sqlite.sql', 'SELECT 1;'), 'migration 0001_other.sqlite.sql is out of order: number 2 is missing'],
  ['a name without a number', (folder) => folder.write('later.sqlite.sql', 'SELECT 1;'), 'migration later.sqlite.sql is out of order: number 2 is missing'],
  ['a migration that fails', (folder) => folder.write('0002_broken.sqlite.sql', 'ALTER TABLE notes ADD COLUMN author TEXT; INSERT INTO nowhere VALUES (1);'),
    'migration 0002_broken.sqlite.sql failed: no such table: nowhere'],
])('O1 %s is refused with a sentence and changes nothing', async (_, change, sentence) => {
  using folder = newFolder();
  await openedOnce(folder);
  change(folder);
  const error = await failure(open(folder));
  expect(error).toBeInstanceOf(MigrationError);
  expect(error.message).toBe(sentence);

  // The files as they were: the database must be as it was, too.
  for (const name of ['0003_place', '0001_other', 'later', '0002_broken']) rmSync(new URL(`${name}.sqlite.sql`, folder.migrations), { force: true });
  folder.write('0001_notes.sqlite.sql', schema);
  await using database = await open(folder);
  expect((await columns(database)).rows.map(({ name }) => name)).toEqual(['id', 'text']);
  expect(await ids(database)).toEqual(['kept']);
});

test('O1 a database from the future is refused with a sentence that says what to start', async () => {
  using folder = newFolder();
  folder.write('0002_author.sqlite.sql', 'ALTER TABLE notes ADD COLUMN author TEXT;');
  await openedOnce(folder);
  rmSync(new URL('0002_author.sqlite.sql', folder.migrations));
  const error = await failure(open(folder));
  expect(error).toBeInstanceOf(MigrationError);
  expect(error.message).toBe('the database has migration 0002_author.sqlite.sql, which this version does not know: start the newer version that wrote it');
});

test('what an earlier migration did stays when a later one fails', async () => {
  using folder = newFolder();
  folder.write('0002_author.sqlite.sql', 'ALTER TABLE notes ADD COLUMN author TEXT;');
  folder.write('0003_broken.sqlite.sql', 'ALTER TABLE notes ADD COLUMN place TEXT; nonsense;');
  await failure(open(folder));
  folder.write('0003_broken.sqlite.sql', 'ALTER TABLE notes ADD COLUMN place TEXT;');
  await using database = await open(folder);
  expect((await columns(database)).rows.map(({ name }) => name)).toEqual(['id', 'text', 'author', 'place']);
});
