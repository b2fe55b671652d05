import Sqlite from 'better-sqlite3';
import { expect, jest, test } from '@jest/globals';
import { schema, type Tables } from './testing.ts';
import { ConnectedKysely } from './sqlite-dialect.ts';

function inMemory() {
  const sqlite = new Sqlite(':memory:');
  sqlite.exec(schema);
  const db = new ConnectedKysely<Tables>(sqlite);
  return { db, prepare: jest.spyOn(sqlite, 'prepare'), [Symbol.asyncDispose]: () => db.destroy() };
}

test('a statement is prepared once, whatever its parameters', async () => {
  await using memory = inMemory();
  for (let i = 0; i < 10; i++) await memory.db.insertInto('notes').values({ id: `note-${i}`, text: '' }).execute();
  for (let i = 0; i < 10; i++) await memory.db.selectFrom('notes').selectAll().where('id', '=', `note-${i}`).execute();
  expect(memory.prepare).toHaveBeenCalledTimes(2);
});

test('a statement that was prepared survives a change of the schema', async () => {
  await using memory = inMemory();
  const all = () => memory.db.selectFrom('notes').selectAll().execute();
  await memory.db.insertInto('notes').values({ id: 'a', text: 'b' }).execute();
  expect(await all()).toEqual([{ id: 'a', text: 'b' }]);
  await memory.db.schema.alterTable('notes').addColumn('author', 'text').execute();
  expect(await all()).toEqual([{ id: 'a', text: 'b', author: null }]);
});

test('statements are forgotten before they pile up', async () => {
  await using memory = inMemory();
  for (let i = 0; i < 1500; i++) await memory.db.selectFrom('notes').select((select) => select.lit(i).as('n')).execute();
  expect(await memory.db.selectFrom('notes').selectAll().execute()).toEqual([]);
});

test('rows, returned rows and counts are Kysely\'s', async () => {
  await using memory = inMemory();
  expect(await memory.db.insertInto('notes').values([{ id: 'a', text: '1' }, { id: 'b', text: '2' }]).returning('id').execute()).toEqual([{ id: 'a' }, { id: 'b' }]);
  expect((await memory.db.updateTable('notes').set({ text: '3' }).executeTakeFirst()).numUpdatedRows).toBe(2n);
  expect((await memory.db.deleteFrom('notes').where('id', '=', 'a').executeTakeFirst()).numDeletedRows).toBe(1n);
});

test('transactions of Kysely\'s own and streams are refused with a sentence', async () => {
  await using memory = inMemory();
  await expect(memory.db.transaction().execute(async () => {})).rejects.toThrow('write through Database.transaction');
  await expect(memory.db.selectFrom('notes').selectAll().stream().next()).rejects.toThrow('page by cursor');
});
