/** One service is down: the others live, and the operator sees which. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { expectProblem, kioskAt, prices, type Kiosk } from './kiosk.ts';

let stack: Stack;
let kiosk: Kiosk;

beforeAll(async () => {
  stack = await startStack({ settings: { DEV_MANUAL_MODE: 'true' } });
  kiosk = kioskAt(stack.url);
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

const names = ['sessions', 'payments', 'reporting'] as const;

test.each(names)('%s is down: the metrics page shows up 0 for it and everything of the others, and readiness names it', async (name) => {
  await stack.stop(name);
  const metrics = await kiosk.must(200, kiosk.get<string>('/metrics'));
  for (const each of names) expect(metrics).toMatch(new RegExp(`^up\\{service="${each}"\\} ${each === name ? 0 : 1}$`, 'm'));
  for (const other of [...names, 'gateway'].filter((each) => each !== name)) {
    expect(metrics).toMatch(new RegExp(`^process_cpu_seconds_total\\{.*service="${other}"`, 'm'));
  }
  const ready = await kiosk.get<{ detail: string }>('/health/ready');
  expect([ready.status, JSON.stringify(ready.body)]).toEqual([503, expect.stringContaining(name)]);
  expect((await kiosk.get('/health/live')).status).toBe(200);
  await stack.start(name);
  expect((await kiosk.get('/health/ready')).status).toBe(200);
  expect(await kiosk.must(200, kiosk.get<string>('/metrics'))).toContain(`up{service="${name}"} 1`);
});

test('G1 a call that needs a service which is down is 503 with a time to come back, and works afterwards', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics' });
  await stack.stop('payments');
  const refused = await kiosk.requestIntent(session, prices.diagnostics, 'outage');
  await stack.start('payments');
  expectProblem(refused, { status: 503, reason: 'payments_unavailable' });
  expect(refused.headers.get('retry-after')).toMatch(/^[1-9]/);
  expect(await kiosk.again(() => kiosk.requestIntent(session, prices.diagnostics, 'outage'))).toMatchObject({ status: 'pending' });
});

test('without the reporting service a visit goes on up to its report', async () => {
  await stack.stop('reporting');
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const { intentId } = await kiosk.again(() => kiosk.requestIntent(session, prices.diagnostics));
  await kiosk.must(200, kiosk.post(`/api/payments/confirm/${intentId}`));
  const refused = await kiosk.requestReport(session, 'diagnostics-camry-clean');
  await stack.start('reporting');
  expectProblem(refused, { status: 503 });
  expect(await kiosk.again(() => kiosk.requestReport(session, 'diagnostics-camry-clean'))).toMatchObject({ status: 'ready' });
});
