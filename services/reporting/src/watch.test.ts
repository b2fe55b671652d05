/** Watching a session's reports: they become ready, and each delivery goes its way. */
import { expect, test } from '@jest/globals';
import { create, kiosk, startTestReporting, type TestReporting } from './testing.ts';

const short = (status: string): string => status.replace(/^\w+_STATUS_/, '').toLowerCase();

function watch({ client }: TestReporting, sessionId: string, call = {}) {
  const messages = client.watchSessionReports({ sessionId }, call)[Symbol.asyncIterator]();
  const next = async (): Promise<string[]> => ((await messages.next()).value as { reports: { status: string; deliveries: { status: string; attempts: number }[] }[] }).reports
    .map(({ status, deliveries }) => `${short(status)}: ${deliveries.map((delivery) => `${short(delivery.status)} ${delivery.attempts}`).join(', ')}`);
  return {
    next,
    /** What comes together may be told as one, so only what must come at last is waited for. */
    async until(wanted: string[]): Promise<string[][]> {
      const seen: string[][] = [];
      do seen.push(await next()); while (JSON.stringify(seen.at(-1)) !== JSON.stringify(wanted));
      return seen;
    },
    leave: () => messages.return!(),
  };
}

test('D1 a watcher sees the report, each delivery on its way, and where it ends', async () => {
  await using reporting = await startTestReporting();
  const { visits, sms, service, clock } = reporting;
  const sessionId = visits.open();
  const seen = watch(reporting, sessionId);
  expect(await seen.next()).toEqual([]);
  let arrive = (): void => {};
  sms.obstacle = () => new Promise((resolve) => { arrive = resolve; });
  await create(reporting, { sessionId });
  await seen.until(['ready: sent 1, sending 1']);
  arrive();
  await seen.until(['ready: sent 1, sent 1']);
  // Another's are not told.
  await create(reporting, { sessionId: visits.open({ contact: {} }) });
  clock.advance(1);
  await create(reporting, { sessionId, deliverTo: {} });
  expect((await seen.until(['ready: sent 1, sent 1', 'ready: '])).at(-1)).toHaveLength(2);
  await service.deliverDue();
  await seen.leave();
});

test('S3 another kiosk sees none', async () => {
  await using reporting = await startTestReporting();
  const sessionId = reporting.visits.open({ kioskId: 'k-1', contact: {} });
  await create(reporting, { sessionId }, kiosk('k-1'));
  for (const [name, count] of [['k-2', 0], ['k-1', 1]] as const) {
    const seen = watch(reporting, sessionId, kiosk(name));
    expect(await seen.next()).toHaveLength(count);
    await seen.leave();
  }
});
