/** What the alarms ask is true, and cheap to ask. */
import { expect, test } from '@jest/globals';
import { SendError } from './send-error.ts';
import { create, hourMs, minuteMs, startTestReporting, type TestReporting } from './testing.ts';

const both = { email: 'ivan@example.com', phone: '+79001234567' };
const figures = async (reporting: TestReporting) => ({
  unfinished: await reporting.metric('reports_deliveries_unfinished', { method: 'email' }),
  oldestSeconds: await reporting.metric('reports_delivery_oldest_seconds', { method: 'email' }),
  dead: await reporting.metric('reports_deliveries_dead', { method: 'email' }),
  undelivered: await reporting.metric('reports_undelivered'),
});

test('D1 a delivery that waits is counted with its age, one that is given up as dead, and a report that nobody got as undelivered', async () => {
  await using reporting = await startTestReporting();
  expect(await figures(reporting)).toEqual({ unfinished: 0, oldestSeconds: 0, dead: 0, undelivered: 0 });
  reporting.email.obstacle = () => Promise.reject(new SendError({ kind: 'temporary', reason: 'provider_unavailable' }));
  await create(reporting, { sessionId: reporting.visits.open(), deliverTo: { email: 'ivan@example.com' } });
  await reporting.service.deliverDue();
  reporting.clock.advance(10 * minuteMs);
  expect(await figures(reporting)).toEqual({ unfinished: 1, oldestSeconds: 600, dead: 0, undelivered: 0 });
  for (let hour = 0; hour < 73; hour += 1) {
    reporting.clock.advance(hourMs);
    await reporting.service.deliverDue();
  }
  expect(await figures(reporting)).toEqual({ unfinished: 0, oldestSeconds: 0, dead: 1, undelivered: 1 });
  reporting.clock.advance(25 * hourMs);
  expect(await figures(reporting)).toEqual({ unfinished: 0, oldestSeconds: 0, dead: 0, undelivered: 0 });
});

test('D5 a report that arrived by the other channel is not undelivered', async () => {
  await using reporting = await startTestReporting();
  reporting.email.obstacle = () => Promise.reject(new SendError({ kind: 'permanent', reason: 'recipient_refused' }));
  await create(reporting, { sessionId: reporting.visits.open(), deliverTo: both });
  await reporting.service.deliverDue();
  expect(await figures(reporting)).toMatchObject({ dead: 1, undelivered: 0 });
});
