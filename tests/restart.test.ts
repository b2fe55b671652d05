/** Services are restarted one after the other while kiosks are at work. */
import { expect, test } from '@jest/globals';
import { startProcesses } from '@kiosk/stack';
import { randomUUID } from 'node:crypto';
import { kioskAt, prices, type Intent, type Session } from './kiosk.ts';

test.each([
  [['sessions', 'payments', 'reporting', 'gateway']],
  [['gateway', 'reporting', 'payments', 'sessions']],
  [['payments', 'gateway', 'sessions', 'reporting']],
] as const)('G5 restarted in the order %s under load: no request fails for good, nothing is lost or doubled', async (order) => {
  await using processes = await startProcesses({ settings: { DEV_MANUAL_MODE: 'true', LOG_LEVEL: 'info' } });
  const kiosk = kioskAt(processes.url);
  let done = false;
  const working = [0, 1, 2, 3].map(async () => {
    const made: { session: Session; intent: Intent }[] = [];
    while (!done) {
      const key = randomUUID();
      const session = await kiosk.again(() => kiosk.post<Session>('/api/sessions', { type: 'diagnostics' }));
      made.push({ session, intent: await kiosk.again(() => kiosk.requestIntent(session, prices.diagnostics, key)) });
    }
    return made;
  });
  for (const name of order) {
    const startedAt = performance.now();
    await processes.kill(name, 'SIGTERM');
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await processes.up(name);
  }
  done = true;
  const made = (await Promise.all(working)).flat();
  expect(made.length).toBeGreaterThan(4);
  for (const { session, intent } of made) expect((await kiosk.paymentsOf(session)).map(({ intentId }) => intentId)).toEqual([intent.intentId]);
  // An orderly stop is one: nobody was killed, nobody failed.
  expect(processes.lines.filter((line) => /exited with code [^0]|was killed|could not stop/.test(line))).toEqual([]);
}, 60_000);
