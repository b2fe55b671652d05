import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { ids, newFolder, open, type Folder } from './testing.ts';

/** A process of its own over the folder's database; `body` may `say` lines. `limitKiB` is the most that it may write into one file. */
function startProcess({ path, migrations }: Folder, body: string, { limitKiB }: { limitKiB?: number } = {}) {
  const script = `
    import { writeSync } from 'node:fs';
    import { add, ids, open } from './testing.ts';
    const say = (line) => writeSync(1, line + '\\n');
    const folder = { path: ${JSON.stringify(path)}, migrations: new URL(${JSON.stringify(migrations.href)}) };
    ${body}
  `;
  const args = ['--conditions=@kiosk/source', '--input-type=module', '--eval', script];
  const options = { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'] };
  const child: ChildProcess = limitKiB === undefined
    ? spawn(process.execPath, args, options)
    // With the signal ignored, a write beyond the limit fails with EFBIG, as on a full disk.
    : spawn('bash', ['-c', `trap '' XFSZ; ulimit -f ${limitKiB}; exec "$@"`, 'bash', process.execPath, ...args], options);
  let output = '';
  child.stdout!.on('data', (chunk: Buffer) => { output += chunk.toString(); });
  const ended = once(child, 'close');
  return {
    child, ended,
    /** The lines that are whole. */
    lines: () => output.split('\n').slice(0, -1),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

test('P12 P13 after kill -9 every acknowledged transaction is there, each of them whole', async () => {
  using folder = newFolder();
  await using writer = startProcess(folder, `
    const database = await open(folder);
    let next = 0;
    await Promise.all(Array.from({ length: 16 }, async () => {
      for (;;) {
        const id = 'note-' + next++;
        await database.transaction(async (tx) => {
          await tx.db.insertInto('notes').values({ id, text: 'x'.repeat(300) }).execute();
          await tx.db.insertInto('copies').values({ note_id: id }).execute();
        });
        say(id);
      }
    }));
  `);
  while (writer.lines().length < 500) await once(writer.child.stdout!, 'data');
  writer.child.kill('SIGKILL');
  await writer.ended;
  await using database = await open(folder);
  const kept = new Set(await ids(database));
  expect(writer.lines().filter((id) => !kept.has(id))).toEqual([]);
  const copies = await database.read.selectFrom('copies').select('note_id').execute();
  expect(new Set(copies.map(({ note_id }) => note_id))).toEqual(kept);
});

test('two processes that read and then write lose no transaction', async () => {
  using folder = newFolder();
  const count = `
    async function count(database) {
      for (let i = 0; i < 200; i++) await database.transaction(async (tx) => {
        const { text } = await tx.db.selectFrom('notes').select('text').where('id', '=', 'counter').executeTakeFirstOrThrow();
        await tx.db.updateTable('notes').set({ text: String(Number(text) + 1) }).where('id', '=', 'counter').execute();
      });
    }`;
  await using database = await open(folder);
  await database.transaction((tx) => tx.db.insertInto('notes').values({ id: 'counter', text: '0' }).execute());
  const body = `${count}
    await using database = await open(folder);
    await count(database);
    say('done');`;
  await using first = startProcess(folder, body);
  await using second = startProcess(folder, body);
  await Promise.all([first.ended, second.ended]);
  expect([...first.lines(), ...second.lines()]).toEqual(['done', 'done']);
  expect(await database.read.selectFrom('notes').selectAll().execute()).toEqual([{ id: 'counter', text: '400' }]);
});

test('P10 P12 a commit that fails on the disk: all in it are unknown, the process is told once, later work is refused, nothing acknowledged is lost', async () => {
  using folder = newFolder();
  await using writer = startProcess(folder, `
    let fatal = 0;
    const database = await open(folder, { onFatal: () => { fatal++; } });
    for (let round = 0; fatal === 0; round++) {
      const results = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => add(database, round + '-' + i, 'x'.repeat(1000))));
      for (const [i, { status, reason }] of results.entries()) say(JSON.stringify({ id: round + '-' + i, status, reason: reason?.name, cause: reason?.cause?.code }));
    }
    const late = await add(database, 'late').catch((error) => error.name);
    say(JSON.stringify({ fatal, late }));
    process.exit(0);
  `, { limitKiB: 256 });
  expect(await writer.ended).toEqual([0, null]);
  const lines = writer.lines().map((line) => JSON.parse(line) as { id: string; status: string; reason?: string; cause?: string });
  expect(lines.pop()).toEqual({ fatal: 1, late: 'OutcomeUnknownError' });
  const unknown = lines.slice(-10);
  for (const line of unknown) expect(line).toMatchObject({ status: 'rejected', reason: 'OutcomeUnknownError', cause: expect.stringMatching(/^SQLITE_(IOERR|FULL)/) });
  const acknowledged = lines.slice(0, -10);
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(new Set(acknowledged.map(({ status }) => status))).toEqual(new Set(['fulfilled']));

  await using database = await open(folder);
  const kept = new Set(await ids(database));
  expect(acknowledged.filter(({ id }) => !kept.has(id))).toEqual([]);
  // Known after the restart: all of the last commit or none of it.
  expect([0, 10]).toContain(unknown.filter(({ id }) => kept.has(id)).length);
});
