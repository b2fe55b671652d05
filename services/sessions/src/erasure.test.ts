import { expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { dayMs, hourMs, startFixture, type Fixture } from './testing.ts';

const contact = { email: 'canary.customer@example.com', phone: '+79123456780', consent: { textVersion: 'offer-1', at: new Date(Date.UTC(2026, 6, 1, 8)) } };

/** Whether the database's files name the customer anywhere, also where no row is any more. */
function namesCustomer({ databasePath }: Fixture): boolean {
  return [databasePath, `${databasePath}-wal`].some((path) => existsSync(path) && /canary\.customer|9123456780/.test(readFileSync(path, 'latin1')));
}

async function contactOf({ client }: Fixture, sessionId: string): Promise<unknown> {
  return (await client.getSession({ sessionId })).session?.contact;
}

test('X4 the contact of an ended session goes after SESSION_CONTACT_RETENTION_MS, from the files too; the session and the audit stay', async () => {
  await using sessions = await startFixture({ SESSION_CONTACT_RETENTION_MS: String(5 * dayMs), SESSION_RETENTION_MS: String(60 * dayMs) });
  const { client, clock } = sessions;
  const ended = { completed: await sessions.open({ contact }), expired: await sessions.open({ contact }), failed: await sessions.open({ contact }) };
  clock.now += hourMs / 2;
  await client.completeSession({ sessionId: ended.completed.id });
  await client.expireSession({ sessionId: ended.expired.id });
  await client.failSession({ sessionId: ended.failed.id, reason: 'The gauge failed' });

  // To the millisecond, from the end and not from the beginning.
  clock.now += 5 * dayMs;
  await sessions.service().retain();
  for (const { id } of Object.values(ended)) expect(await contactOf(sessions, id)).toEqual(contact);
  expect(namesCustomer(sessions)).toBe(true);

  clock.now += 1;
  await sessions.service().retain();
  for (const [status, { id }] of Object.entries(ended)) {
    expect(await client.getSession({ sessionId: id })).toMatchObject({ session: { status: `SESSION_STATUS_${status.toUpperCase()}`, contact: {} } });
    const events = await sessions.sql(`SELECT event FROM audit_logs WHERE entity_id = '${id}' ORDER BY id`);
    expect(events.map(({ event }) => event)).toEqual(['session.created', 'session.consent', `session.${status}`, 'session.contact_erased']);
  }
  expect(namesCustomer(sessions)).toBe(false);

  // Once is enough.
  await sessions.service().retain();
  expect(await sessions.sql('SELECT id FROM audit_logs WHERE event = \'session.contact_erased\'')).toHaveLength(3);
});

test('X4 the contact of a session that goes on is kept, however old others are', async () => {
  await using sessions = await startFixture({ SESSION_CONTACT_RETENTION_MS: String(4 * dayMs) });
  const old = await sessions.open({ contact });
  await sessions.client.completeSession({ sessionId: old.id });
  sessions.clock.now += 4 * dayMs + 1;
  const active = await sessions.open({ contact: { email: 'another@example.com' } });
  await sessions.service().retain();
  expect(await contactOf(sessions, old.id)).toEqual({});
  expect(await contactOf(sessions, active.id)).toEqual({ email: 'another@example.com' });
});
