/** For tests: a real Prometheus and a real Alertmanager that watch a running system, with the shipped configuration and short intervals. */
import { freePorts } from '@kiosk/stack';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

export type Sample = { metric: Record<string, string>; value: [at: number, value: string] };
export type Alert = { labels: Record<string, string>; annotations: Record<string, string>; status: { state: string } };

export interface Watching extends AsyncDisposable {
  readonly folder: string;
  /** An instant query. Fails with Prometheus' own words. */
  ask(query: string): Promise<Sample[]>;
  /** What Alertmanager holds to be firing. */
  alerts(): Promise<Alert[]>;
}

/** The shipped configurations, for those who cannot wait. */
export const promptly = {
  prometheus: (text: string) => text.replaceAll(/_interval: 15s/g, '_interval: 2s').replace('global:', 'global:\n  scrape_timeout: 2s'),
  // Nobody is written to from here.
  alertmanager: (text: string) => text.replaceAll(/group_wait: \w+/g, 'group_wait: 1s').replaceAll(/group_interval: \w+/g, 'group_interval: 1s').replaceAll(/ {4}email_configs:\n( {6}.*\n)+/g, ''),
  rules: (text: string, sooner: readonly (readonly [from: RegExp, to: string])[]) => sooner.reduce((before, [from, to]) => before.replaceAll(from, to), text),
};

export type WatchingOptions = {
  /** prometheus.yml or gateway.yml. */
  configuration: string;
  /** In place of the addresses in it, by port. */
  addresses: Readonly<Record<number, string>>;
  /** In the rules, such as [/for: 1m$/gm, 'for: 5s']. */
  sooner?: readonly (readonly [from: RegExp, to: string])[];
};

export async function startWatching({ configuration, addresses, sooner = [] }: WatchingOptions): Promise<Watching> {
  await using starting = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-watching-'));
  starting.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [prometheusPort = 0, alertmanagerPort = 0] = await freePorts(2);
  cpSync(join(import.meta.dirname, 'prometheus/rules'), join(folder, 'rules'), { recursive: true });
  for (const name of readdirSync(join(folder, 'rules'))) {
    const path = join(folder, 'rules', name);
    writeFileSync(path, promptly.rules(readFileSync(path, 'utf8'), sooner));
  }
  const shipped = readFileSync(join(import.meta.dirname, 'prometheus', configuration), 'utf8');
  const withPorts = Object.entries({ ...addresses, 9093: `127.0.0.1:${alertmanagerPort}` }).reduce((text, [port, address]) => {
    if (!text.includes(`127.0.0.1:${port}`)) throw new Error(`${configuration} does not name port ${port}`);
    return text.replaceAll(`127.0.0.1:${port}`, address);
  }, shipped);
  writeFileSync(join(folder, 'prometheus.yml'), promptly.prometheus(withPorts));
  const example = readFileSync(join(import.meta.dirname, 'alertmanager/alertmanager.yml'), 'utf8');
  writeFileSync(join(folder, 'alertmanager.yml'), promptly.alertmanager(example));

  const start = (program: string, args: string[]): void => {
    const out = openSync(join(folder, `${program}.log`), 'a');
    const child = spawn(program, args, { stdio: ['ignore', out, out], cwd: folder });
    starting.defer(() => stopped(child));
  };
  start('prometheus-alertmanager', ['--config.file=alertmanager.yml', '--storage.path=alerts', `--web.listen-address=127.0.0.1:${alertmanagerPort}`, '--cluster.listen-address=']);
  start('prometheus', [
    '--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${prometheusPort}`, '--storage.tsdb.retention.time=1h', '--alertmanager.notification-queue-capacity=100',
  ]);
  const ready = async (port: number): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
  await until(() => ready(alertmanagerPort), Boolean, { withinMs: 30_000 });
  await until(() => ready(prometheusPort), Boolean, { withinMs: 30_000 });

  const running = starting.move();
  return {
    folder,
    async ask(query) {
      const response = await fetch(`http://127.0.0.1:${prometheusPort}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query }) });
      const { status, data, error } = await response.json() as { status: string; data?: { resultType: string; result: Sample[] }; error?: string };
      if (status !== 'success') throw new Error(`${query}: ${error}`);
      return data?.resultType === 'vector' ? data.result : [];
    },
    alerts: async () => await (await fetch(`http://127.0.0.1:${alertmanagerPort}/api/v2/alerts?active=true`)).json() as Alert[],
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
