import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';

let folder = '';
const children: Child[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiosk-child-'));
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
  await rm(folder, { recursive: true });
});

/** Runs a program and tells what is heard of it. */
async function supervised(source: string) {
  const program = join(folder, 'program.mjs');
  await writeFile(program, source);
  const heard: string[] = [];
  let listen: () => void = () => {};
  const tell = (what: string): void => {
    heard.push(what);
    listen();
  };
  const child = new Child({
    program, execArgv: [], env: { FOLDER: folder },
    onLine: (line) => tell(`line ${line}`),
    onUp: (ready) => tell(`up ${ready}`),
    onDown: (how, again) => tell(`down ${how} ${again ?? 'for good'}`),
  });
  children.push(child);
  return {
    child,
    heard,
    /** Resolves when `count` things that begin with `start` have been heard. */
    hears: async (start: string, count = 1): Promise<void> => {
      while (heard.filter((what) => what.startsWith(start)).length < count) {
        await new Promise<void>((resolve) => {
          listen = resolve;
        });
      }
    },
  };
}

const good = `
  process.on('disconnect', () => { console.log('draining'); process.exit(0); });
  setInterval(() => {}, 1000);
  console.log('hello');
  process.send({ ready: 'at your service' });
`;

test('G5 a process that is killed is started again, and says that it is up', async () => {
  const { child, heard, hears } = await supervised(good);
  await child.up();
  const first = child.pid;
  await child.kill('SIGKILL');
  await child.up();
  expect(child.pid).not.toBe(first);
  await hears('up', 2);
  expect(heard.filter((what) => !what.startsWith('line'))).toEqual(['up at your service', 'down was killed by SIGKILL 200', 'up at your service']);
});

test('the pause before a new start doubles while the process keeps dying', async () => {
  const { heard, hears } = await supervised(`process.send({ ready: 'briefly' }, () => process.exit(3));`);
  await hears('down', 3);
  expect(heard.filter((what) => what.startsWith('down'))).toEqual([
    'down exited with code 3 200', 'down exited with code 3 400', 'down exited with code 3 800',
  ]);
});

test('a first start that fails with code 1 is final, and its sentence is heard', async () => {
  const { heard, hears } = await supervised(`console.error('PORT must be a port'); process.exitCode = 1;`);
  await hears('down');
  await hears('line');
  expect(heard.toSorted()).toEqual(['down exited with code 1 for good', 'line PORT must be a port']);
});

test('a first start that crashes otherwise is tried again', async () => {
  const { hears, child } = await supervised(`
    import { existsSync, writeFileSync } from 'node:fs';
    const mark = process.env.FOLDER + '/mark';
    if (!existsSync(mark)) { writeFileSync(mark, ''); process.kill(process.pid, 'SIGKILL'); }
    ${good}
  `);
  await hears('down was killed by SIGKILL');
  await child.up();
  expect(child.pid).toBeGreaterThan(0);
});

test('a stop lets the process drain and does not start it again', async () => {
  const { child, heard } = await supervised(good);
  await child.up();
  await child.stop();
  expect(heard).toEqual(expect.arrayContaining(['line draining']));
  expect(child.pid).toBeUndefined();
});

test('a stop during the pause before a new start is final as well', async () => {
  const { child, hears } = await supervised(good);
  await child.up();
  void child.kill('SIGKILL');
  await hears('down');
  await child.stop();
  expect(child.pid).toBeUndefined();
});
