/** What a kiosk does with a session besides paying. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { createClock } from './clock.ts';
import { expectProblem, kioskAt, type Kiosk, type Session } from './kiosk.ts';

const clock = createClock();
let stack: Stack;
let kiosk: Kiosk;

beforeAll(async () => {
  stack = await startStack({ now: clock.now });
  kiosk = kioskAt(stack.url);
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

test('a merge patch changes what it names, removes what is null and leaves the rest', async () => {
  const { id } = await kiosk.openSession({ type: 'thickness', contact: { email: 'a@example.com', phone: '89001234567' }, metadata: { a: 1, b: { c: 2, d: 3 } } });
  const patched = await kiosk.must(200, kiosk.patch<Session>(`/api/sessions/${id}`, { contact: { phone: null }, metadata: { a: null, b: { c: 4 }, e: 5 } }));
  expect(patched).toMatchObject({ contact: { email: 'a@example.com' }, metadata: { b: { c: 4, d: 3 }, e: 5 } });
  expect(patched.contact).not.toHaveProperty('phone');
  expect(patched.metadata).not.toHaveProperty('a');
  expect(await kiosk.session(id)).toEqual(patched);
});

test.each(['complete', 'expire', 'fail'])('S1 after %s the same step answers the same, every other one is 409 and changes nothing', async (step) => {
  const { id } = await kiosk.openSession({ type: 'diagnostics' });
  const take = (name: string) => kiosk.post<Session>(`/api/sessions/${id}/${name}`, name === 'fail' ? { reason: 'scanner_lost' } : {});
  const final = await kiosk.must(200, take(step));
  expect(await kiosk.must(200, take(step))).toEqual(final);
  for (const other of ['complete', 'expire', 'fail'].filter((name) => name !== step)) expectProblem(await take(other), { status: 409 });
  expectProblem(await kiosk.patch(`/api/sessions/${id}`, { metadata: { late: true } }), { status: 409 });
  expect(await kiosk.session(id)).toEqual(final);
});

test('S2 an overdue session reads expired at once, and can no longer be completed', async () => {
  const session = await kiosk.openSession({ type: 'diagnostics', ttlMs: 60_000 });
  expect(Date.parse(session.expiresAt) - Date.parse(session.createdAt)).toBe(60_000);
  clock.pass(60_000);
  expect(await kiosk.session(session.id)).toMatchObject({ status: 'expired' });
  expectProblem(await kiosk.post(`/api/sessions/${session.id}/complete`), { status: 409 });
});

test('lists are newest first, filter, and page by cursor without a gap or a repetition', async () => {
  const opened: string[] = [];
  for (let i = 0; i < 7; i++) opened.push((await kiosk.openSession({ type: i % 2 === 0 ? 'thickness' : 'diagnostics', kioskId: 'lister' })).id);
  type Page = { sessions: Session[]; count: number; nextCursor?: string };
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page: Page = await kiosk.must(200, kiosk.get<Page>(`/api/sessions?kioskId=lister&limit=3${cursor ? `&cursor=${cursor}` : ''}`));
    expect(page.count).toBe(page.sessions.length);
    seen.push(...page.sessions.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  expect(seen).toEqual(opened.toReversed());
  const thickness = await kiosk.must(200, kiosk.get<Page>('/api/sessions?kioskId=lister&type=thickness&status=active'));
  expect(thickness.sessions.map(({ id }) => id)).toEqual(opened.filter((_, i) => i % 2 === 0).toReversed());
});

test('every answer carries the request\'s id, the caller\'s own where it has one', async () => {
  expect((await kiosk.get('/api/sessions', { 'x-request-id': 'kiosk-7:42' })).headers.get('x-request-id')).toBe('kiosk-7:42');
  expect((await kiosk.get('/api/sessions')).headers.get('x-request-id')).toMatch(/^[\w-]{16,}$/);
});
