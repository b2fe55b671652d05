import { expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { erasedSessionsName } from '@kiosk/service';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, startClock, standInSessions, startTestPayments, temporaryFolder } from './testing.ts';

test('X4 who comes back with older data is erased before the first answer, though sessions does not answer yet; the money stays', async () => {
  using folder = temporaryFolder();
  const clock = startClock();
  const sessions = standInSessions(clock);
  const told = { description: 'For Ivan', metadataJson: '{"name":"Ivan"}' };
  const [erased, other] = await (async () => {
    await using payments = await startTestPayments({ folder: folder.path, clock, sessions });
    return [await create(payments.client, { sessionId: sessions.open(), ...told }), await create(payments.client, { sessionId: sessions.open(), ...told })];
  })();
  writeFileSync(join(folder.path, erasedSessionsName), `${erased.sessionId}\n`);
  sessions.fail(new Fault({ kind: 'unavailable', reason: 'sessions_unavailable', message: 'away' }));
  await using payments = await startTestPayments({ folder: folder.path, clock, sessions });
  const read = async (intentId: string) => (await payments.client.getIntent({ intentId })).intent;
  expect(await read(erased.id)).toMatchObject({ amountMinor: 48_000, status: 'INTENT_STATUS_FAILED', failureReason: 'canceled_by_customer', metadataJson: '{}' });
  expect((await read(erased.id))?.description).toBeUndefined();
  expect(await read(other.id)).toMatchObject(told);
});
