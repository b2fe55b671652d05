/**
 * Anything that can happen, in any order; then all faults are over, time passes until nothing is left to do, and the books must agree with the PSP's own.
 * KIOSK_TORTURE_RUNS: how many sequences, 300 unless it is set. KIOSK_TORTURE_SEED: the seed that a failure has printed.
 */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { brokenPromises } from './books.fixture.ts';
import { anyCommands } from './commands.fixture.ts';
import { hourMs, minuteMs, openShop, operator, type Shop } from './shop.fixture.ts';
import { endAllSessions, newWorld } from './world.fixture.ts';

const runs = Number(process.env['KIOSK_TORTURE_RUNS'] ?? 300);
const seed = process.env['KIOSK_TORTURE_SEED'] === undefined ? undefined : Number(process.env['KIOSK_TORTURE_SEED']);
const started = performance.now();

test(`P1–P14, W1–W8, R1–R4: ${runs} random lives keep every promise`, async () => {
  let steps = 0;
  let lives = 0;
  await fc.assert(fc.asyncProperty(anyCommands, async (commands) => {
    await using shop = await openShop({ settings: { YOOKASSA_TIMEOUT_MS: '100', REFUND_UNSERVED: 'true' } });
    const world = newWorld(shop);
    await fc.asyncModelRun(() => ({ model: {}, real: world }), commands);
    if (shop.steps.killedAt) await shop.restart();
    shop.steps.arm();
    await endAllSessions(world);
    const broken = async (reconciled: boolean) => brokenPromises({ payments: shop.payments, psp: shop.psp, now: shop.clock.now(), settled: true, reconciled });
    await shop.drain({ leastMs: 20 * minuteMs });
    expect(await broken(false)).toEqual([]);
    await reconcileAll(shop);
    await shop.drain({ leastMs: 20 * minuteMs });
    expect(await broken(true)).toEqual([]);
    lives++;
    steps += [...commands].length;
  }), { numRuns: runs, seed });
  console.info(`${lives} lives, ${steps} commands, ${Math.round((performance.now() - started) / 1000)} s`);
}, 60_000 + runs * 2000);

/** P14: each day that has a payment. What it still lists must be something that the operator knows of anyway. */
async function reconcileAll(shop: Shop): Promise<void> {
  const created = [...shop.psp.payments(), ...shop.psp.refunds()].map(({ created_at }) => Date.parse(created_at));
  const days = new Set(created.map((at) => new Date(at + 3 * hourMs).toISOString().slice(0, 10)));
  const known = await shop.payments.rows.selectFrom('anomalies').select('kind').execute();
  for (const day of days) {
    const { differences } = await shop.payments.client.reconcile({ day }, operator);
    for (const difference of differences) {
      const told = known.some(({ kind }) => kind.startsWith('mismatch_') || kind === 'refund_canceled' || kind === 'refund_unknown');
      if (!told) throw new Error(`P14 ${day} does not add up: ${JSON.stringify(difference)}`);
    }
  }
}
