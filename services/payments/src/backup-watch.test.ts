import { expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startClock, startTestPayments, temporaryFolder } from './testing.ts';

const settings = { BACKUP_AGE_LIMIT_MS: String(26 * 3_600_000) };

test('O2 the age of the newest backup is a metric, and one that is missing or too old is an error in the log', async () => {
  using storage = temporaryFolder();
  const clock = startClock();
  const look = async (content?: string) => {
    if (content !== undefined) writeFileSync(join(storage.path, 'newest-backup.json'), content);
    await using payments = await startTestPayments({ folder: storage.path, clock, settings });
    expect(await payments.metric('backup_age_limit_seconds')).toBe(26 * 3600);
    return { taken: await payments.metric('backup_newest_timestamp_seconds'), errors: payments.logged.filter(({ check }) => check === 'backup').map(({ msg }) => msg) };
  };
  expect(await look()).toEqual({ taken: 0, errors: ['there is no backup: npm run backup'] });
  const takenAt = new Date(clock.now() - 25 * 3_600_000);
  expect(await look(JSON.stringify({ takenAt }))).toEqual({ taken: takenAt.getTime() / 1000, errors: [] });
  clock.advance(2 * 3_600_000);
  expect(await look()).toEqual({ taken: takenAt.getTime() / 1000, errors: [expect.stringContaining('the newest backup is too old')] });
  expect(await look('half a fi')).toMatchObject({ taken: 0 });
});

test('in DEV nobody asks for backups', async () => {
  await using payments = await startTestPayments();
  expect(payments.logged.filter(({ check }) => check === 'backup')).toEqual([]);
});
