/** A real Prometheus and a real Alertmanager watch the running system through a visit, and through the loss of a service. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { queries } from './grafana/dashboards.ts';
import { metricsIn } from './promql.ts';
import { describeWith } from './tools.ts';
import { until } from './until.ts';
import { visit } from './visit.ts';
import { startWatching, type Watching } from './watching.ts';

const services = ['gateway', 'payments', 'reporting', 'sessions'];

/** What a day without trouble does not show. */
const quiet = [
  'Visits and money / How long a visit takes', 'Visits and money / Why payments fail', 'Visits and money / Open payments', 'Visits and money / Refunds an hour',
  'Visits and money / Books last compared', 'Reports and delivery / Said to have arrived', 'Reports and delivery / Given up', 'Reports and delivery / May have arrived twice',
  'Reports and delivery / Other channel tried', 'Reports and delivery / Erased today', 'Services / Calls that fail', 'Services / Refused for too much', 'Services / Newest backup',
  'Services / Alarms that fire', 'Services / Answers that are errors',
];

/** What the rules ask for, but for what is watched in PROD only, and what only trouble brings. */
const alarmed = globSync('prometheus/rules/*.yml', { cwd: import.meta.dirname })
  .flatMap((name) => (parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as { groups: { rules: { expr: string }[] }[] }).groups.flatMap(({ rules }) => rules))
  .flatMap(({ expr }) => metricsIn(expr))
  .filter((name) => !/^(kiosk:|backup_|payments_anomaly_)/.test(name));

async function missing(watching: Watching, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map(async (name) => ((await watching.ask(`count({__name__="${name}"})`)).length === 0 ? [name] : [])));
  return found.flat();
}

describeWith(['prometheus', 'prometheus-alertmanager'], 'Prometheus and Alertmanager on the running system', () => {
  const parts = new AsyncDisposableStack();
  let stack: Stack;
  let watching: Watching;
  const address = (port: number | undefined): string => `127.0.0.1:${port}`;
  const up = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await watching.ask('up{job="kiosk"}')).map(({ metric, value }) => [metric['service'] ?? '', value[1]] as const));

  beforeAll(async () => {
    stack = parts.use(await startStack({ settings: { DEV_AUTO_CONFIRM_DELAY_MS: '100', PAYMENT_POLL_INTERVAL_MS: '100', DELIVERY_POLL_INTERVAL_MS: '100' } }));
    const { sessions, payments, reporting } = stack.services;
    // Before the first scrape too: a counter that rises from nothing is not seen to rise.
    await visit(stack);
    watching = parts.use(await startWatching({
      configuration: 'prometheus.yml',
      addresses: { 9101: address(sessions?.metricsPort), 9102: address(payments?.metricsPort), 9103: address(reporting?.metricsPort), 3000: new URL(stack.url).host },
      // Long enough that a scrape which a busy machine misses is no alarm.
      sooner: [[/for: 1m$/gm, 'for: 5s']],
    }));
    await until(up, (answer) => Object.keys(answer).length === services.length && Object.values(answer).every((value) => value === '1'));
    await visit(stack);
  }, 300_000);
  afterAll(() => parts.disposeAsync());

  test('each service is up, by its own page', async () => {
    expect(await up()).toEqual(Object.fromEntries(services.map((service) => [service, '1'])));
  });

  test('every metric that an alarm asks for is there', async () => {
    expect(await missing(watching, alarmed)).toEqual([]);
  });

  test.each(queries)('$name shows what the visit did', async ({ name, expr }) => {
    const isQuiet = quiet.some((beginning) => name.startsWith(beginning));
    const samples = await until(() => watching.ask(expr), (answer) => isQuiet || answer.length > 0, { withinMs: 15_000 });
    expect(isQuiet || samples.length > 0).toBe(true);
  });

  test('a visit moves what counts it', async () => {
    // One of its own: those before the panels may be more than a minute ago.
    await visit(stack);
    for (const counter of ['payments_confirmed_total', 'reports_delivered_total{method="email"}']) {
      const grown = async () => Number((await watching.ask(`sum(increase(${counter}[1m]))`))[0]?.value[1] ?? 0);
      expect(await until(grown, (value) => value > 0)).toBeGreaterThan(0);
    }
  });

  test('nothing is alarmed on a good day', async () => {
    // The disk is this machine's own affair.
    expect((await watching.alerts()).map(({ labels }) => labels['alertname']).filter((name) => !name?.startsWith('Disk'))).toEqual([]);
  });

  test('a service that stops is alarmed to Alertmanager, and the alarm goes when it is back', async () => {
    const down = async () => (await watching.alerts()).filter(({ labels }) => labels['alertname'] === 'ServiceDown');
    await stack.stop('reporting');
    const [alarm] = await until(down, (alerts) => alerts.length > 0, { withinMs: 60_000 });
    expect(alarm).toMatchObject({
      labels: { alertname: 'ServiceDown', service: 'reporting', severity: 'page' }, annotations: { summary: 'reporting is down' },
    });
    await stack.start('reporting');
    expect(await until(down, (alerts) => alerts.length === 0, { withinMs: 30_000 })).toEqual([]);
  });

  test('the gateway alone tells Prometheus the same', async () => {
    await using through = await startWatching({ configuration: 'gateway.yml', addresses: { 3000: new URL(stack.url).host } });
    const seen = async () => (await through.ask('up{job="kiosk"}')).map(({ metric, value }) => `${metric['service']} ${value[1]}`).toSorted();
    const all = services.map((service) => `${service} 1`);
    expect(await until(seen, (found) => found.length === all.length)).toEqual(all);
    expect(await until(() => missing(through, alarmed), (names) => names.length === 0).catch(() => missing(through, alarmed))).toEqual([]);
    await stack.stop('payments');
    expect(await until(seen, (found) => found.includes('payments 0'))).toContain('payments 0');
    await stack.start('payments');
  });
});

describe('without the programs', () => {
  test('the quiet list names panels that there are', () => {
    expect(quiet.filter((beginning) => !queries.some(({ name }) => name.startsWith(beginning)))).toEqual([]);
  });
});
