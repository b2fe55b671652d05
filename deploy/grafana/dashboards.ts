/** For tests: what the dashboards ask. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Target = { refId: string; expr?: string; queryType?: string; service?: string; datasource: { type: string; uid: string } };
export type Panel = { id: number; type: string; title: string; description?: string; gridPos: { x: number; y: number; w: number; h: number }; datasource?: { type: string; uid: string }; targets?: Target[] };
export type Dashboard = { uid: string; title: string; schemaVersion: number; tags: string[]; panels: Panel[] };

const folder = join(import.meta.dirname, 'dashboards');

export const dashboards: readonly Dashboard[] = globSync('*.json', { cwd: folder }).toSorted().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dashboard);

/** Each query, with what Grafana would put in place of its variables in a view of some seconds. */
export const queries: readonly { name: string; expr: string }[] = dashboards.flatMap(({ title, panels }) => panels.flatMap((panel) =>
  (panel.targets ?? []).flatMap(({ refId, expr }) => (expr === undefined ? [] : [{ name: `${title} / ${panel.title} ${refId}`, expr: expr.replaceAll('$__rate_interval', '20s') }]))));
