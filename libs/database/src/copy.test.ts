import { expect, test } from '@jest/globals';
import { closeSync, existsSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { copyDatabase, inspectDatabase, isInUse, standingOf } from './copy.ts';
import { add, failure, ids, newFolder, open } from './testing.ts';

test('O2 a copy taken under writes is one file of one moment, holds whole transactions only, and opens by itself', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  const pair = (i: number) => database.transaction(async (tx) => {
    await tx.db.insertInto('notes').values({ id: `note-${i}`, text: 'x'.repeat(500) }).execute();
    await tx.db.insertInto('copies').values({ note_id: `note-${i}` }).execute();
  });
  for (let i = 0; i < 200; i++) await pair(i);
  const to = `${folder.path}.copy`;
  const [content] = await Promise.all([copyDatabase({ from: folder.path, to }), (async () => {
    for (let i = 200; i < 300; i++) await pair(i);
  })()]);
  expect(content.rows['notes']).toBeGreaterThanOrEqual(200);
  expect(content.rows['notes']).toBe(content.rows['copies']);
  expect(content.migrations).toEqual(['0001_notes.sqlite.sql']);
  expect(inspectDatabase(to)).toEqual(content);
  expect(readdirSync(new URL('.', folder.migrations)).filter((name) => name.startsWith('notes.sqlite.copy'))).toEqual(['notes.sqlite.copy']);
  await using restored = await open({ ...folder, path: to });
  expect(await ids(restored)).toHaveLength(content.rows['notes']!);
});

test('O2 a copy never starts over, however much is written between its steps', async () => {
  using folder = newFolder();
  await using database = await open(folder);
  for (let i = 0; i < 100; i++) await add(database, `note-${i}`, 'x'.repeat(100_000));
  let done = false;
  const writing = (async () => {
    for (let i = 100; !done; i++) await add(database, `note-${i}`);
  })();
  const content = await copyDatabase({ from: folder.path, to: `${folder.path}.copy` });
  done = true;
  await writing;
  expect(statSync(`${folder.path}.copy`).size).toBeGreaterThan(10_000_000);
  expect((await ids(database)).length).toBeGreaterThan(content.rows['notes']!);
});

test('O2 a source with a damaged page gives an error and no file', async () => {
  using folder = newFolder();
  const database = await open(folder);
  for (let i = 0; i < 50; i++) await add(database, `note-${i}`, 'x'.repeat(3000));
  await database[Symbol.asyncDispose]();
  const file = openSync(folder.path, 'r+');
  writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, 4096 * 6);
  closeSync(file);
  const to = `${folder.path}.copy`;
  expect(await failure(copyDatabase({ from: folder.path, to }))).toMatchObject({ name: 'DamagedDatabaseError' });
  expect(existsSync(to)).toBe(false);
  expect(() => inspectDatabase(folder.path)).toThrow(expect.objectContaining({ name: 'DamagedDatabaseError' }));
});

test('O2 what is no database at all is damage, too', () => {
  using folder = newFolder();
  writeFileSync(folder.path, 'nothing of the kind, and long enough to be read as a header of a hundred bytes'.repeat(10));
  expect(() => inspectDatabase(folder.path)).toThrow(expect.objectContaining({ name: 'DamagedDatabaseError', message: 'file is not a database' }));
});

test('a database is in use while somebody has it open, idle or not, and by nobody after that', async () => {
  using folder = newFolder();
  expect(isInUse(folder.path)).toBe(false);
  const database = await open(folder);
  await add(database, 'a');
  expect(isInUse(folder.path)).toBe(true);
  await add(database, 'b');
  await database[Symbol.asyncDispose]();
  expect(isInUse(folder.path)).toBe(false);
  await using again = await open(folder);
  expect(await ids(again)).toEqual(['a', 'b']);
});

test('O1 how a database stands to the migrations: as they are, behind, from the future, changed', async () => {
  using folder = newFolder();
  await (await open(folder))[Symbol.asyncDispose]();
  const standing = () => standingOf(folder);
  expect(standing()).toEqual({ behind: [] });
  folder.write('0002_more.sqlite.sql', 'CREATE TABLE more (id TEXT) STRICT;');
  expect(standing()).toEqual({ behind: ['0002_more.sqlite.sql'] });
  await (await open(folder))[Symbol.asyncDispose]();
  folder.write('0002_more.sqlite.sql', 'CREATE TABLE other (id TEXT) STRICT;');
  expect(standing()).toMatchObject({ strange: expect.stringContaining('0002_more.sqlite.sql is not the one that was applied') });
  rmSync(new URL('0002_more.sqlite.sql', folder.migrations));
  expect(standing()).toMatchObject({ strange: expect.stringContaining('start the newer version that wrote it') });
});
