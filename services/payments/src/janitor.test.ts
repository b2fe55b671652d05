/** The janitor's job as it runs in the service, woken by real notifications. */
import { expect, test } from '@jest/globals';
import { create, standInSessions, startClock, startTestPayments } from './testing.ts';

test('P11 W8 payments that are all due at once are asked about at a bounded pace, however often notifications hurry', async () => {
  const clock = startClock();
  const sessions = standInSessions(clock);
  const askedAt: number[] = [];
  await using payments = await startTestPayments({
    clock, sessions,
    around: (step, run) => {
      if (step === 'psp get') askedAt.push(performance.now());
      return run();
    },
  });
  const count = 40;
  await Promise.all(Array.from({ length: count }, () => create(payments.client, { sessionId: sessions.open() })));
  clock.advance(2000);
  const body = Buffer.from(JSON.stringify({ type: 'notification', event: 'payment.succeeded', object: { id: 'unknown' } }));
  while (askedAt.length < count) {
    await payments.client.receiveNotification({ body, sourceIp: '185.71.76.1' });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Eight at a time, and a tenth of a second from one eight to the next; a timer may be early by a little.
  const pausesMs = askedAt.slice(16).map((at, index) => at - askedAt[index]!);
  expect(Math.min(...pausesMs)).toBeGreaterThan(90);
});
