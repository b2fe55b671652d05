/** The configuration and the rules are valid, and each alarm is proven to fire and to keep silent (promtool runs prometheus/tests). */
import { describe, expect, test } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { describeWith, run } from '../tools.ts';

const folder = import.meta.dirname;
const documents = join(folder, '../../docs/watching.md');
type Rule = { alert?: string; record?: string; expr: string; labels?: Record<string, string>; annotations?: Record<string, string> };
type Case = { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] };

const read = <T>(pattern: string): T[] => globSync(pattern, { cwd: folder }).map((name) => parse(readFileSync(join(folder, name), 'utf8')) as T);
const rules = read<{ groups: { rules: Rule[] }[] }>('rules/*.yml').flatMap(({ groups }) => groups.flatMap((group) => group.rules));
const alerts = rules.filter((rule) => rule.alert !== undefined);
const cases = read<{ tests: Case[] }>('tests/*.yml').flatMap(({ tests }) => tests.flatMap((each) => each.alert_rule_test));

test('there are alarms', () => {
  expect(alerts.length).toBeGreaterThan(20);
});

describe.each(alerts)('the alarm $alert', ({ alert, labels, annotations }) => {
  test('has a severity, a summary and a description', () => {
    expect(labels?.['severity']).toMatch(/^(page|ticket)$/);
    expect(annotations).toEqual({ summary: expect.stringMatching(/./), description: expect.stringMatching(/\.$/) });
  });

  test('is shown to fire and to keep silent', () => {
    const own = cases.filter(({ alertname }) => alertname === alert);
    expect({ fires: own.some((each) => each.exp_alerts.length > 0), keepsSilent: own.some((each) => each.exp_alerts.length === 0) }).toEqual({ fires: true, keepsSilent: true });
  });

  test('is explained', () => {
    expect(readFileSync(documents, 'utf8')).toContain(`### ${alert}\n`);
  });
});

describeWith(['promtool'], 'promtool', () => {
  test.each(['prometheus.yml', 'gateway.yml'])('%s is valid', (name) => {
    expect(run('promtool', ['check', 'config', join(folder, name)])).toContain('SUCCESS');
  });

  test('the rules are valid', () => {
    expect(run('promtool', ['check', 'rules', ...globSync(join(folder, 'rules/*.yml'))])).not.toContain('FAILED');
  });

  test('each case comes out as it says', () => {
    expect(run('promtool', ['test', 'rules', ...globSync(join(folder, 'tests/*.yml'))])).not.toContain('FAILED');
  });
});

describeWith(['amtool'], 'amtool', () => {
  test('the example of an Alertmanager is valid', () => {
    expect(run('amtool', ['check-config', join(folder, '../alertmanager/alertmanager.yml')])).toContain('SUCCESS');
  });
});
