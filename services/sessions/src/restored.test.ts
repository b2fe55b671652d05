import { expect, test } from '@jest/globals';
import { erasedSessionsName } from '@kiosk/service';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { startFixture } from './testing.ts';

test('X4 who comes back with older data is erased before the first answer, and remembered for the other services', async () => {
  await using fixture = await startFixture();
  const contact = { email: 'ivan@example.com', phone: '+79123456789' };
  const session = await fixture.open({ contact, metadataJson: '{"name":"Ivan"}' });
  const other = await fixture.open({ contact });
  await fixture.stop();
  // One of them is younger than the backup.
  writeFileSync(join(dirname(fixture.databasePath), erasedSessionsName), `${session.id}\nses_younger\n`);
  await fixture.start();
  expect((await fixture.client.getSession({ sessionId: session.id })).session).toMatchObject({ status: 'SESSION_STATUS_EXPIRED', contact: {}, metadataJson: '{}', erasedAt: expect.any(Date) });
  expect((await fixture.client.getSession({ sessionId: other.id })).session).toMatchObject({ status: 'SESSION_STATUS_ACTIVE', contact });
  const listed = async () => (await fixture.client.listErasures({ after: '', limit: 0 })).erasures.map(({ sessionId }) => sessionId);
  expect(new Set(await listed())).toEqual(new Set([session.id, 'ses_younger']));
  // Each start reads the file again; an erasure is one all the same.
  await fixture.stop();
  await fixture.start();
  expect(await listed()).toHaveLength(2);
  expect(await fixture.sql("SELECT count(*) AS n FROM audit_logs WHERE event = 'session.erased'")).toEqual([{ n: 1 }]);
});

test('X4 the service does not start on a list of erased sessions that it cannot read', async () => {
  await using fixture = await startFixture();
  await fixture.stop();
  writeFileSync(join(dirname(fixture.databasePath), erasedSessionsName), 'ivan@example.com\n');
  await expect(fixture.start()).rejects.toThrow(/line 1 is no session's id/);
});
