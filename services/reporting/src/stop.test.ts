/** G5: a process that stops has ten seconds. Whatever it waits for, it waits for all of it at the same time, and begins nothing more. */
import { Fault } from '@kiosk/fault';
import { expect, test } from '@jest/globals';
import type { Pdf } from './rendering.ts';
import { create, failure, hourMs, minuteMs, startTestReporting, standInSms, temporaryFolder, type TestReporting } from './testing.ts';

/** Whoever calls waits; `release` lets all of them go, also those who come later. */
function gate() {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  const waiters: unknown[] = [];
  const wait = (who?: unknown): Promise<void> => {
    waiters.push(who);
    return promise;
  };
  return { wait, waiters, release };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

async function reports(reporting: TestReporting, count: number, deliverTo: { email?: string; phone?: string }): Promise<void> {
  for (let report = 0; report < count; report += 1) await create(reporting, { sessionId: reporting.visits.open(), deliverTo });
}

test('G5 with all lanes at a provider that hangs, none of them takes another delivery once the process stops', async () => {
  await using reporting = await startTestReporting();
  const hanging = gate();
  reporting.email.obstacle = hanging.wait;
  await reports(reporting, 6, { email: 'ivan@example.com' });
  await until(() => hanging.waiters.length === 3);
  const stopped = reporting.service[Symbol.asyncDispose]();
  hanging.release();
  await stopped;
  expect(reporting.sql('SELECT status, attempts, count(*) AS count FROM deliveries GROUP BY 1, 2 ORDER BY 1')).toEqual([
    { status: 'queued', attempts: 0, count: 3 }, { status: 'sent', attempts: 1, count: 3 },
  ]);
});

test('G5 a provider that does not say what became of a message is not waited for, and is asked after the next start', async () => {
  using folder = temporaryFolder();
  const asked: (AbortSignal | undefined)[] = [];
  const sms = Object.assign(standInSms(), {
    report: (_: unknown, { signal }: { signal?: AbortSignal } = {}) => {
      asked.push(signal);
      return new Promise<undefined>((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    },
  });
  await using before = await startTestReporting({ folder: folder.path, sms });
  await reports(before, 3, { phone: '+79123456789' });
  await before.service.deliverDue();
  await before.service[Symbol.asyncDispose]();
  before.clock.advance(hourMs);
  const due = before.sql('SELECT ask_at AS at FROM deliveries');
  {
    await using _after = await startTestReporting({ folder: folder.path, clock: before.clock, visits: before.visits, sms });
    await until(() => asked.length > 0);
  }
  expect(asked).toHaveLength(1);
  expect(before.sql('SELECT ask_at AS at FROM deliveries')).toEqual(due);
});

test('G5 a rendering that hangs holds up no stop', async () => {
  using folder = temporaryFolder();
  await using before = await startTestReporting({ folder: folder.path, pdf: { render: () => Promise.reject(new Fault({ kind: 'unavailable', reason: 'pdf_unavailable', message: '' })) } });
  await failure(create(before, { sessionId: before.visits.open() }));
  await before.service[Symbol.asyncDispose]();
  const hanging = gate();
  const pdf: Pdf = {
    render: (_, { signal }) => new Promise((_resolve, reject) => {
      void hanging.wait();
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    }),
  };
  {
    await using _after = await startTestReporting({ folder: folder.path, clock: before.clock, visits: before.visits, pdf });
    await until(() => hanging.waiters.length > 0);
  }
  expect(before.sql('SELECT status FROM reports')).toEqual([{ status: 'rendering' }]);
});

test('G5 payments is told of no further visit once the process stops', async () => {
  await using reporting = await startTestReporting();
  const { visits } = reporting;
  const slow = gate();
  const recordService = visits.payments.recordService;
  visits.payments.recordService = async (request) => {
    await slow.wait();
    return recordService(request);
  };
  await reports(reporting, 3, {});
  await until(() => slow.waiters.length > 0);
  const stopped = reporting.service[Symbol.asyncDispose]();
  slow.release();
  await stopped;
  expect(visits.recorded.size).toBe(1);
});

test('G5 a stop in the midst of erasures leaves the others to the next start', async () => {
  using folder = temporaryFolder();
  await using before = await startTestReporting({ folder: folder.path });
  const { visits, clock } = before;
  const slow = gate();
  const listErasures = visits.sessions.listErasures;
  for (let customer = 0; customer < 2; customer += 1) {
    const sessionId = visits.open();
    await create(before, { sessionId, deliverTo: {} });
    visits.askErasure(sessionId);
  }
  await before.service[Symbol.asyncDispose]();
  clock.advance(minuteMs);
  visits.sessions.listErasures = async (request) => {
    await slow.wait();
    return listErasures(request);
  };
  await using after = await startTestReporting({ folder: folder.path, clock, visits });
  await until(() => slow.waiters.length > 0);
  const stopped = after.service[Symbol.asyncDispose]();
  slow.release();
  await stopped;
  expect(slow.waiters).toHaveLength(1);
  expect(after.sql('SELECT count(*) AS count FROM reports WHERE erased_at IS NOT NULL')).toEqual([{ count: 0 }]);
});
