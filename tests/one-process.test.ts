/** All services in one process, for a box with little memory. */
import { expect, test } from '@jest/globals';
import { serviceNames, startProcesses, type Processes } from '@kiosk/stack';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { kioskAt } from './kiosk.ts';
import { wholeVisit } from './visit.ts';

const settings = { DEV_AUTO_CONFIRM_DELAY_MS: '100', PAYMENT_POLL_INTERVAL_MS: '50' };

/** Resident memory of all its processes, in KiB, once they have given back what only a start needs. */
async function memoryOf(processes: Processes): Promise<number> {
  await sleep(3000);
  const pids = new Set(serviceNames.map((name) => processes.pid(name)));
  return [...pids].reduce<number>((sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]), 0);
}

test('a visit goes through one process, which takes less than half the memory of four and keeps what it knew when it is killed', async () => {
  await using one = await startProcesses({ settings, oneProcess: true });
  const memory = await memoryOf(one);
  {
    await using four = await startProcesses({ settings });
    expect(memory).toBeLessThan(await memoryOf(four) / 2);
  }
  expect(await wholeVisit(one)).toMatchObject({ status: 'ready', deliveries: [{ status: 'sent' }] });
  const kiosk = kioskAt(one.url);
  const metrics = (await kiosk.get<string>('/metrics')).body;
  for (const service of serviceNames) expect(metrics).toMatch(new RegExp(`rpc_duration_seconds_count\\{.*service="${service}"`));
  const session = await kiosk.openSession({ type: 'diagnostics' });
  await one.kill('gateway', 'SIGKILL');
  await one.up('gateway');
  expect(await kiosk.session(session.id)).toMatchObject({ status: 'active' });
});
