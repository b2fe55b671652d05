import { setTimeout } from 'node:timers/promises';

/** One reading for each service that the gateway calls. */
const readings = ['/api/sessions?limit=1', '/api/payments?limit=1', '/api/reports/session/ses_01hv3abcdefghjkmnpqrstvwxy'];

/**
 * Resolves when the gateway has found every service: it may have looked for one before that was there, and looks again only after a while.
 * `key` is an operator's, where there are keys.
 */
export async function untilFound(url: string, { key }: { key?: string } = {}): Promise<void> {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  for (const path of readings) {
    while ((await fetch(url + path, { headers })).status === 503) await setTimeout(100);
  }
}
