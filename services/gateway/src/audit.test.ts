import { expect, test } from '@jest/globals';
import type { AuditEntry, ListAuditRequest } from '@kiosk/contracts/sessions/v1/sessions';
import { Fault } from '@kiosk/fault';
import { auditServices } from './schemas.ts';
import { problemOf, startTestGateway } from './testing.ts';

type Shown = { service: (typeof auditServices)[number]; id: number; at: string };
type Page = { entries: Shown[]; count: number; nextCursor?: string };

const start = Date.UTC(2026, 10, 23, 9);

/** A service's audit as the service lists it: newest first, ids in the order of writing. */
function auditOf(times: readonly number[]) {
  const entries = times.map((at, index): AuditEntry => ({
    id: index + 1, at: new Date(start + at), event: 'e.happened', entityId: 'x', detailsJson: '{}', requestId: 'r', caller: 'service:x', hash: 'ab'.repeat(32),
  })).toSorted((a, b) => b.at!.getTime() - a.at!.getTime() || b.id - a.id);
  return async ({ before, from, to, limit }: ListAuditRequest) => ({
    entries: entries.filter(({ at, id }) => {
      const ms = at!.getTime();
      const isAfterCursor = before === undefined || ms < before.at!.getTime() || (ms === before.at!.getTime() && id < before.id);
      return isAfterCursor && (from === undefined || ms >= from.getTime()) && (to === undefined || ms < to.getTime());
    }).slice(0, limit),
  });
}

async function pages(times: Record<(typeof auditServices)[number], readonly number[]>, limit: number): Promise<Page[]> {
  await using gateway = await startTestGateway({
    sessions: { listAudit: auditOf(times.sessions) }, payments: { listAudit: auditOf(times.payments) }, reporting: { listAudit: auditOf(times.reporting) },
  });
  const all: Page[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const page: Page = await (await gateway.send(`/api/audit?limit=${limit}${cursor && `&cursor=${cursor}`}`)).json() as Page;
    all.push(page);
    cursor = page.nextCursor;
  }
  return all;
}

test.each([1, 2, 3, 7, 200])('pages of %i give every entry of every service once, newest first', async (limit) => {
  const times = { sessions: [1, 2, 2, 2, 9, 10, 10, 11], payments: [2, 2, 3, 10, 10], reporting: [2, 5, 5, 10, 12, 12] };
  const all = await pages(times, limit);
  const entries = all.flatMap((page) => page.entries);
  const expected = auditServices.flatMap((service) => times[service].map((at, index) => ({ service, id: index + 1, at: start + at })))
    .toSorted((a, b) => b.at - a.at || a.service.localeCompare(b.service) || b.id - a.id);
  expect(entries.map(({ service, id, at }) => ({ service, id, at: Date.parse(at) }))).toEqual(expected);
  for (const { count, entries: of } of all) expect([count, of.length <= limit]).toEqual([of.length, true]);
});

test('a service whose clock went back loses no entry', async () => {
  const entries = (await pages({ sessions: [5, 9, 3, 4], payments: [4], reporting: [] }, 2)).flatMap((page) => page.entries);
  expect(entries.map(({ service, id }) => `${service} ${id}`)).toEqual(['sessions 2', 'sessions 1', 'payments 1', 'sessions 4', 'sessions 3']);
});

test('filters go to each service, and one alone is asked where it is named', async () => {
  await using gateway = await startTestGateway();
  await gateway.send('/api/audit?entityId=ses_1&type=session.created&from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00%2B03:00&limit=7');
  const request = { entityId: 'ses_1', event: 'session.created', from: new Date('2026-11-23T00:00:00Z'), to: new Date('2026-11-23T21:00:00Z'), limit: 7, before: undefined, sessionId: undefined };
  expect(gateway.asked.splice(0).map(({ request: each }) => each)).toEqual([request, request, request]);
  const answer = await (await gateway.send('/api/audit?service=sessions')).json() as Page;
  expect(gateway.asked).toHaveLength(1);
  expect(answer).toEqual({
    entries: [{
      service: 'sessions', id: 1, at: '2026-11-23T09:00:00.123Z', type: 'session.created', entityId: expect.any(String), details: { type: 'thickness' },
      requestId: 'r-1', caller: 'kiosk:k-1', hash: 'ab'.repeat(32),
    }],
    count: 1,
  });
});

test('a service that is away makes it 503 that names it: no list has a hole', async () => {
  await using gateway = await startTestGateway({
    payments: {
      listAudit: async () => {
        throw new Fault({ kind: 'unavailable', reason: 'payments_unavailable', message: 'The payments service does not answer.' });
      },
    },
  });
  const response = await gateway.send('/api/audit');
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, expect.any(String)]);
  expect(await problemOf(response)).toMatchObject({ reason: 'payments_unavailable' });
  expect((await gateway.send('/api/audit?service=sessions')).status).toBe(200);
});

test.each(['cursor=1', 'cursor=1.nobody.1', 'cursor=x.sessions.1', 'type=Session', 'type=a.b.c', 'service=gateway', 'from=yesterday', 'limit=0', 'colour=red'])('%s is 400', async (query) => {
  await using gateway = await startTestGateway();
  expect((await gateway.send(`/api/audit?${query}`)).status).toBe(400);
  expect(gateway.asked).toEqual([]);
});
