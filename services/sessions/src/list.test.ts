import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ListSessionsRequest, Session } from '@kiosk/contracts/sessions/v1/sessions';
import type { Call } from '@kiosk/rpc';
import { failure, kiosk, startFixture, startOfTest, type Fixture } from './testing.ts';

let fixture: Fixture;
const opened: Session[] = [];
const ttlMs = 600_000;

/** 250 sessions, one a second, of two types and three kiosks; each fifth completed, each fifth failed, the older half past its time. */
beforeAll(async () => {
  fixture = await startFixture();
  const { client, clock } = fixture;
  for (let i = 0; i < 250; i++) {
    clock.now = startOfTest + i * 1000;
    opened.push(await fixture.open({ type: i % 2 ? 'SESSION_TYPE_DIAGNOSTICS' : 'SESSION_TYPE_THICKNESS', kioskId: `kiosk-${i % 3}`, ttlMs }));
  }
  for (const [i, { id }] of opened.entries()) {
    if (i % 5 === 3) await client.completeSession({ sessionId: id });
    if (i % 5 === 4) await client.failSession({ sessionId: id, reason: 'test' });
  }
  clock.now = startOfTest + 125_000 + ttlMs - 1;
});
afterAll(async () => { await fixture[Symbol.asyncDispose](); });

const list = (request: Partial<ListSessionsRequest> = {}, call?: Partial<Call>) =>
  fixture.client.listSessions({ type: 'SESSION_TYPE_UNSPECIFIED', status: 'SESSION_STATUS_UNSPECIFIED', limit: 0, cursor: '', ...request }, call);

/** The numbers of all sessions that a filter lists, page by page. */
async function all(request: Partial<ListSessionsRequest> = {}, call?: Partial<Call>): Promise<number[]> {
  const numbers: number[] = [];
  let cursor = '';
  do {
    const page = await list({ limit: 30, ...request, cursor }, call);
    expect(page.sessions.length).toBeLessThanOrEqual(request.limit ?? 30);
    numbers.push(...page.sessions.map(({ id }) => opened.findIndex((session) => session.id === id)));
    cursor = page.nextCursor;
  } while (cursor !== '');
  return numbers;
}

const newestFirst = Array.from({ length: 250 }, (_, i) => 249 - i);

test.each([1, 7, 50, 125, 200])('pages of %i hold every session once, newest first', async (limit) => {
  expect(await all({ limit })).toEqual(newestFirst);
});

test('a page has fifty sessions unless told otherwise', async () => {
  const page = await list();
  expect(page.sessions).toHaveLength(50);
  expect(page.nextCursor).toBe(page.sessions.at(-1)!.id);
});

test('the last page has no cursor, even when it is full', async () => {
  const { nextCursor } = await list({ limit: 200 });
  expect(await list({ limit: 50, cursor: nextCursor })).toMatchObject({ nextCursor: '', sessions: { length: 50 } });
});

test('sessions that are opened while somebody pages do not shift the pages', async () => {
  const first = await list({ limit: 10 });
  const { id } = await fixture.open({ kioskId: 'late' });
  const second = await list({ limit: 10, cursor: first.nextCursor });
  await fixture.sql('DELETE FROM sessions WHERE id = ?', id);
  expect(second.sessions.map((session) => session.id)).toEqual(newestFirst.slice(10, 20).map((i) => opened[i]!.id));
});

const overdue = (i: number) => i < 125;
const statusOf = (i: number) => (i % 5 === 3 ? 'COMPLETED' : i % 5 === 4 ? 'FAILED' : overdue(i) ? 'EXPIRED' : 'ACTIVE');

test.each<[string, Partial<ListSessionsRequest>, (i: number) => boolean]>([
  ['type', { type: 'SESSION_TYPE_DIAGNOSTICS' }, (i) => i % 2 === 1],
  ['kiosk', { kioskId: 'kiosk-1' }, (i) => i % 3 === 1],
  ['a kiosk that has none', { kioskId: 'kiosk-9' }, () => false],
  ['a kiosk without a name', { kioskId: '' }, () => false],
  ['active', { status: 'SESSION_STATUS_ACTIVE' }, (i) => statusOf(i) === 'ACTIVE'],
  ['expired', { status: 'SESSION_STATUS_EXPIRED' }, (i) => statusOf(i) === 'EXPIRED'],
  ['completed', { status: 'SESSION_STATUS_COMPLETED' }, (i) => statusOf(i) === 'COMPLETED'],
  ['failed', { status: 'SESSION_STATUS_FAILED' }, (i) => statusOf(i) === 'FAILED'],
  ['created from, inclusive', { createdFrom: new Date(startOfTest + 200_000) }, (i) => i >= 200],
  ['created to, exclusive', { createdTo: new Date(startOfTest + 10_000) }, (i) => i < 10],
  ['a range', { createdFrom: new Date(startOfTest + 5000), createdTo: new Date(startOfTest + 6000) }, (i) => i === 5],
  ['an empty range', { createdFrom: new Date(startOfTest + 6000), createdTo: new Date(startOfTest + 5000) }, () => false],
  ['a range beyond all time', { createdFrom: new Date(-8.64e15), createdTo: new Date(8.64e15) }, () => true],
  ['the far future', { createdFrom: new Date(8.64e15) }, () => false],
  ['all at once', {
    type: 'SESSION_TYPE_THICKNESS', kioskId: 'kiosk-0', status: 'SESSION_STATUS_EXPIRED', createdFrom: new Date(startOfTest), createdTo: new Date(startOfTest + 60_000),
  }, (i) => i % 2 === 0 && i % 3 === 0 && statusOf(i) === 'EXPIRED' && i < 60],
])('S2 a list by %s has what belongs to it now, before and after the sweep', async (_, request, belongs) => {
  expect(await all(request)).toEqual(newestFirst.filter(belongs));
  const page = await list({ ...request, limit: 200 });
  for (const { id, status } of page.sessions) expect(status).toBe(`SESSION_STATUS_${statusOf(opened.findIndex((one) => one.id === id))}`);
});

test('S2 the sweep changes no list', async () => {
  const expired = await all({ status: 'SESSION_STATUS_EXPIRED' });
  await fixture.service().sweep();
  expect(await all({ status: 'SESSION_STATUS_EXPIRED' })).toEqual(expired);
});

test('S3 a kiosk lists its own sessions only, whatever it asks for', async () => {
  const own = newestFirst.filter((i) => i % 3 === 2);
  expect(await all({}, kiosk('kiosk-2'))).toEqual(own);
  expect(await all({ kioskId: 'kiosk-1' }, kiosk('kiosk-2'))).toEqual(own);
  expect(await all({ status: 'SESSION_STATUS_COMPLETED' }, kiosk('kiosk-2'))).toEqual(own.filter((i) => statusOf(i) === 'COMPLETED'));
  expect(await all({}, kiosk('kiosk-9'))).toEqual([]);
  expect(await all({}, kiosk(''))).toEqual([]);
});

test.each<[string, Partial<ListSessionsRequest>, string]>([
  ['limit -1', { limit: -1 }, 'invalid_limit'], ['limit 201', { limit: 201 }, 'invalid_limit'],
  ['a foreign cursor', { cursor: 'pay_0000000000' }, 'invalid_cursor'], ['a cursor with more in it', { cursor: '\' OR 1=1 --' }, 'invalid_cursor'],
  ['a type from the future', { type: 99 as never }, 'invalid_type'], ['a status from the future', { status: 99 as never }, 'invalid_status'],
  ['a time that is none', { createdFrom: { getTime: () => 9e18 } as Date }, 'invalid_created_from'],
  ['an end that is none', { createdTo: { getTime: () => 9e18 } as Date }, 'invalid_created_to'],
])('a list with %s is refused', async (_, request, reason) => {
  expect(await failure(list(request))).toMatchObject({ kind: 'invalid', reason });
});
