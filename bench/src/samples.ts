/** What kiosks measured, from docs/samples, in the order of the files' names. */
import { readFileSync, readdirSync } from 'node:fs';

export type Sample = { type: 'thickness' | 'diagnostics'; data: Record<string, unknown> };

const folder = new URL('../../docs/samples/', import.meta.url);

export function readSamples(): Sample[] {
  return readdirSync(folder).filter((name) => name.endsWith('.json')).toSorted().map((name) => {
    const { data } = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { data: Sample['data'] };
    return { type: 'measurements' in data ? 'thickness' : 'diagnostics', data };
  });
}
