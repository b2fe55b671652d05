import Sqlite from 'better-sqlite3';
import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { columns, statement } from './statement.ts';
import { schema, type Tables } from './testing.ts';
import { ConnectedKysely } from './sqlite-dialect.ts';

type Note = { id: string; text: string };

const insert = statement<Tables, Note>()((db, param) => db.insertInto('notes').values(columns<Note>({ id: true, text: true }, param)));
const byId = statement<Tables, { id: string }>()((db, param) => db.selectFrom('notes').selectAll().where('id', '=', param('id')));
const rename = statement<Tables, { before: string; after: string }>()((db, param) =>
  db.updateTable('notes').set({ text: param('after') }).where('text', '=', param('before')));

function inMemory() {
  const sqlite = new Sqlite(':memory:');
  sqlite.exec(schema);
  const db = new ConnectedKysely<Tables>(sqlite);
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

test('a statement takes its parameters by name each time it runs', async () => {
  await using memory = inMemory();
  for (const id of ['a', 'b', 'c']) await insert.run(memory.db, { id, text: `text of ${id}` });
  expect(await byId.first(memory.db, { id: 'b' })).toEqual({ id: 'b', text: 'text of b' });
  expect(await byId.all(memory.db, { id: 'c' })).toEqual([{ id: 'c', text: 'text of c' }]);
  expect(await byId.first(memory.db, { id: 'd' })).toBeUndefined();
});

test('a parameter may come more than once and beside values of the query\'s own', async () => {
  await using memory = inMemory();
  await insert.run(memory.db, { id: 'a', text: 'a' });
  const found = statement<Tables, { word: string }>()((db, param) => db.selectFrom('notes').select(sql<string>`${param('word')} || ${'!'}`.as('said'))
    .where('id', '=', param('word')).where('text', '=', param('word')).limit(1));
  expect(await found.all(memory.db, { word: 'a' })).toEqual([{ said: 'a!' }]);
});

test('a change answers how many rows it changed', async () => {
  await using memory = inMemory();
  for (const id of ['a', 'b']) await insert.run(memory.db, { id, text: 'old' });
  expect(await rename.run(memory.db, { before: 'old', after: 'new' })).toBe(2);
  expect(await rename.run(memory.db, { before: 'old', after: 'new' })).toBe(0);
});

test('a parameter that was forgotten is refused, not taken for NULL', async () => {
  await using memory = inMemory();
  await expect(insert.run(memory.db, { id: 'a' } as Note)).rejects.toThrow('parameter text was not given');
});
