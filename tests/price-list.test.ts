/** What a service costs is the operator's to say. */
import { expect, test } from '@jest/globals';
import { startStack } from '@kiosk/stack';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectProblem, kioskAt } from './kiosk.ts';

const shipped = JSON.parse(readFileSync(join(import.meta.dirname, '../config/service.json'), 'utf8')) as { PRICES: object[] };

test('P6 where the price list is enforced, exactly its prices are taken', async () => {
  await using stack = await startStack({ settings: { PRICES: JSON.stringify(shipped.PRICES), PRICES_ENFORCED: 'true', DEV_MANUAL_MODE: 'true' } });
  const kiosk = kioskAt(stack.url);
  const diagnostics = await kiosk.openSession({ type: 'diagnostics' });
  const thickness = await kiosk.openSession({ type: 'thickness' });
  for (const amount of [47_999, 48_001, 35_000]) expectProblem(await kiosk.requestIntent(diagnostics, amount), { status: 400, reason: 'amount_not_listed' });
  expect(await kiosk.paymentsOf(diagnostics)).toEqual([]);
  for (const amount of [48_000, 32_000]) await kiosk.openIntent(diagnostics, amount);
  for (const amount of [35_000, 40_000]) await kiosk.openIntent(thickness, amount);
});
