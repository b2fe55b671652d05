import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { spawnSync } from 'node:child_process';
import { truncateSync, openSync, writeSync, closeSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { add, failure, ids, newFolder, open } from './testing.ts';

const pragmas = sql<object>`SELECT * FROM pragma_journal_mode, pragma_synchronous, pragma_foreign_keys`;

test.each(['a new database', 'an old one'])('O1 P12 after the migrations %s is in WAL with synchronous FULL and foreign keys, on both connections', async (which) => {
  using folder = newFolder();
  if (which === 'an old one') await (await open(folder))[Symbol.asyncDispose]();
  await using database = await open(folder);
  const expected = { rows: [{ journal_mode: 'wal', synchronous: 2, foreign_keys: 1 }] };
  expect(await pragmas.execute(database.read)).toMatchObject(expected);
  expect(await database.transaction((tx) => pragmas.execute(tx.db))).toMatchObject(expected);
  // A write must not bring the build's default back either.
  await add(database, 'a');
  expect(await database.transaction((tx) => pragmas.execute(tx.db))).toMatchObject(expected);
});

test('a foreign key that points nowhere is refused', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  await expect(database.transaction((tx) => tx.db.insertInto('copies').values({ note_id: 'none' }).execute())).rejects.toThrow('FOREIGN KEY');
});

test('the reading connection cannot write', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  await expect(database.read.insertInto('notes').values({ id: 'a', text: '' }).execute()).rejects.toThrow('readonly');
});

async function filled() {
  const folder = newFolder();
  const database = await open(folder);
  for (let i = 0; i < 20; i++) await add(database, `note-${i}`, 'x'.repeat(2000));
  await database[Symbol.asyncDispose]();
  return folder;
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

test.each<[string, (path: string) => void]>([
  ['whose pages were overwritten', (path) => overwrite(path, 4096 * 2, Buffer.alloc(4096 * 4, 0xa5))],
  ['that was cut off', (path) => truncateSync(path, statSync(path).size - 4096 * 5)],
  ['whose header is gone', (path) => overwrite(path, 0, Buffer.alloc(100, 0xa5))],
  ['that is something else', (path) => writeFileSync(path, 'The quick brown fox jumps over the lazy dog. '.repeat(500))],
])('O1 a file %s is refused with a sentence that says what to do', async (_, damage) => {
  using folder = await filled();
  damage(folder.path);
  expect((await failure(open(folder))).message).toMatch(/^the database is damaged \(.+\): restore the newest backup$/);
});

test('O1 a file that takes long to look through is opened at once, and the process told to stop when damage is found', async () => {
  using folder = await filled();
  overwrite(folder.path, statSync(folder.path).size - 4096, Buffer.alloc(4096, 0xa5));
  let found: (error: Error) => void = () => {};
  const fatal = new Promise<Error>((resolve) => {
    found = resolve;
  });
  await using database = await open(folder, { checkFirstLimitBytes: 0, onFatal: found });
  expect((await fatal).message).toMatch(/^the database is damaged \(.+\): restore the newest backup$/);
  void database;
});

test('O1 a large file that is whole stops nobody, and closing does not wait for the look', async () => {
  using folder = await filled();
  const fatal: Error[] = [];
  const look = () => spawnSync(process.execPath, [fileURLToPath(new URL('./soundness.ts', import.meta.url)), folder.path], { encoding: 'utf8' });
  expect(look()).toMatchObject({ status: 0, stdout: '' });
  {
    await using database = await open(folder, { checkFirstLimitBytes: 0, onFatal: (error) => fatal.push(error) });
    expect(await ids(database)).toHaveLength(20);
  }
  expect(fatal).toEqual([]);
});

test('a folder that does not exist is refused', async () => {
  using folder = newFolder();
  await expect(open({ ...folder, path: `${folder.path}/none/notes.sqlite` })).rejects.toThrow('directory does not exist');
});

test('closing waits for what was asked before and refuses what is asked after', async () => {
  using folder = newFolder();
  const database = await open(folder);
  const asked = Array.from({ length: 300 }, (_, i) => add(database, `note-${i}`));
  const closed = database[Symbol.asyncDispose]();
  await expect(add(database, 'late')).rejects.toThrow('the database is closed');
  await Promise.all(asked);
  await closed;
  expect(statSync(`${folder.path}-wal`, { throwIfNoEntry: false })).toBeUndefined();
  await using again = await open(folder);
  expect(await ids(again)).toHaveLength(300);
});
