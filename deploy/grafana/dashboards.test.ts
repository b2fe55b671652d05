/** The dashboards are what Grafana takes, and every query is one that Prometheus understands. */
import { describe, expect, test } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { metricsIn, mistakesIn } from '../promql.ts';
import { dashboards, queries } from './dashboards.ts';

const provisioned = globSync('provisioning/datasources/*.yaml', { cwd: import.meta.dirname })
  .flatMap((name) => (parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as { datasources: { uid: string; type: string }[] }).datasources);

describe.each(dashboards.map((dashboard) => [dashboard.title, dashboard] as const))('the dashboard %s', (_, { uid, tags, panels }) => {
  test('has an address of its own, and the tag that links it to the others', () => {
    expect(uid).toMatch(/^kiosk-[a-z]+$/);
    expect(dashboards.filter((other) => other.uid === uid)).toHaveLength(1);
    expect(tags).toContain('kiosk');
  });

  test('has panels that do not overlap, each with a sentence that says what it shows', () => {
    const taken = new Set<string>();
    for (const { title, description, gridPos: { x, y, w, h } } of panels) {
      expect({ title, description }).toEqual({ title, description: expect.stringMatching(/\./) });
      expect(x + w).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column++) {
        for (let line = y; line < y + h; line++) {
          expect(taken.has(`${column},${line}`)).toBe(false);
          taken.add(`${column},${line}`);
        }
      }
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test('asks only what is provisioned', () => {
    const asked = panels.flatMap(({ datasource, targets = [] }) => [datasource, ...targets.map((target) => target.datasource)]);
    expect(asked.length).toBeGreaterThan(0);
    for (const datasource of asked) expect(provisioned).toContainEqual(expect.objectContaining({ ...datasource }));
  });
});

describe.each(queries)('$name', ({ expr }) => {
  test('is PromQL that names a metric', () => {
    expect(mistakesIn(expr)).toEqual([]);
    expect(metricsIn(expr).length).toBeGreaterThan(0);
  });
});
