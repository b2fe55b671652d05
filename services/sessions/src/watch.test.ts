/** Watching a session: what it is now, and what becomes of it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { failure, hourMs, kiosk, startFixture, type Fixture } from './testing.ts';

let fixture: Fixture;
beforeAll(async () => { fixture = await startFixture(); });
afterAll(async () => { await fixture[Symbol.asyncDispose](); });

const watch = (sessionId: string, call?: Parameters<Fixture['client']['watchSession']>[1]) => fixture.client.watchSession({ sessionId }, call)[Symbol.asyncIterator]();

test('a watcher sees the session, each change of it and its end', async () => {
  const { client } = fixture;
  const opened = await fixture.open();
  const seen = watch(opened.id);
  expect((await seen.next()).value).toEqual({ session: opened });
  const { session: changed } = await client.updateSession({ sessionId: opened.id, contact: { email: 'a@b.ru' } });
  expect((await seen.next()).value).toEqual({ session: changed });
  const { session: completed } = await client.completeSession({ sessionId: opened.id });
  expect((await seen.next()).value).toEqual({ session: completed });
  await seen.return!();
});

test('S2 a watcher sees that the time is over once the sweep has recorded it, and one who comes before that at once', async () => {
  const { clock } = fixture;
  const { id } = await fixture.open({ ttlMs: 1000 });
  const seen = watch(id);
  await seen.next();
  clock.now += 1000;
  const late = watch(id);
  expect((await late.next()).value).toMatchObject({ session: { status: 'SESSION_STATUS_EXPIRED' } });
  await fixture.service().sweep();
  expect((await seen.next()).value).toMatchObject({ session: { status: 'SESSION_STATUS_EXPIRED' } });
  await Promise.all([seen.return!(), late.return!()]);
});

test('S3 another kiosk\'s session, and one that is not there, cannot be watched', async () => {
  const { id } = await fixture.open({}, kiosk('k-1'));
  for (const seen of [watch(id, kiosk('k-2')), watch('ses_none')]) expect(await failure(seen.next())).toMatchObject({ kind: 'not_found', reason: 'session_not_found' });
  const own = watch(id, kiosk('k-1'));
  expect((await own.next()).done).toBe(false);
  await own.return!();
});

test('G5 a stop does not wait for who watches: they are told to come back', async () => {
  const { id } = await fixture.open({ ttlMs: hourMs });
  const seen = watch(id);
  await seen.next();
  const end = failure(seen.next());
  await fixture.stop();
  expect(await end).toMatchObject({ kind: 'unavailable', reason: 'service_stopping' });
  await fixture.start();
  const again = watch(id);
  expect((await again.next()).value).toMatchObject({ session: { id } });
  await again.return!();
});
