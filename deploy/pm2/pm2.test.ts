/** A real PM2, with a home of its own, starts, reloads and stops the four services. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePorts } from '@kiosk/stack';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../tools.ts';
import { until } from '../until.ts';

const workspace = join(import.meta.dirname, '../..');
const bin = join(workspace, 'node_modules/.bin');
const services = ['sessions', 'payments', 'reporting', 'gateway'];

let folder: string;
let env: Record<string, string>;

const pm2 = (...args: string[]): string => run(join(bin, 'pm2'), args, { env, cwd: folder });
type Process = { name: string; pid: number; pm2_env: { status: string; restart_time: number; unstable_restarts: number } };
const processes = (): Process[] => JSON.parse(pm2('jlist').replace(/^[^[]*/, '')) as Process[];
const ready = async (): Promise<number> => (await fetch(`http://127.0.0.1:${env['PORT']}/health/ready`)).status;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kiosk-pm2-'));
  // What `npm run build` made, where it is up to date.
  run(join(bin, 'tsc'), ['-b', ...services.map((service) => `services/${service}`)], { cwd: workspace });
  const names = ['PORT', ...services.slice(0, 3).flatMap((service) => [`${service.toUpperCase()}_GRPC_PORT`, `${service.toUpperCase()}_METRICS_PORT`])];
  const ports = await freePorts(names.length);
  env = {
    ...Object.fromEntries(names.map((name, index) => [name, String(ports[index])])),
    PM2_HOME: join(folder, 'home'), STORAGE_PATH: join(folder, 'storage'), AGENT_ENV: 'DEV', LOG_LEVEL: 'info',
  };
}, 300_000);

afterAll(() => {
  pm2('kill');
  rmSync(folder, { recursive: true, force: true });
});

test('start, reload, stop: every service is up, is replaced in order, and ends in order', async () => {
  pm2('start', join(import.meta.dirname, 'ecosystem.config.cjs'));
  await until(ready, (status) => status === 200, { withinMs: 180_000 });
  const before = processes();
  expect(before.map(({ name }) => name).toSorted()).toEqual(services.map((service) => `kiosk-${service}`).toSorted());

  pm2('reload', 'all');
  await until(ready, (status) => status === 200, { withinMs: 180_000 });
  const after = processes();
  for (const { name, pid, pm2_env: { status, unstable_restarts: unstable } } of after) {
    expect({ name, status, unstable, isNew: pid !== before.find((each) => each.name === name)?.pid }).toEqual({ name, status: 'online', unstable: 0, isNew: true });
  }

  pm2('stop', 'all');
  expect(processes().map(({ pm2_env: { status } }) => status)).toEqual(services.map(() => 'stopped'));
  // A service that was killed for being slow would not say so.
  const said = run('sh', ['-c', 'cat "$PM2_HOME"/logs/kiosk-*-out.log; cat "$PM2_HOME"/logs/kiosk-*-error.log >&2'], { env });
  const stopping = said.split('\n').filter((line) => line.includes('"msg":"stopping"'));
  // Once for the reload, once for the stop.
  for (const service of services) expect(stopping.filter((line) => line.includes(`"service":"${service}"`)).length).toBe(2);
}, 400_000);
