import { expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import { dayMs } from './testing.ts';

test.each(['SESSION_RETENTION_MS', 'SESSION_COMPLETED_RETENTION_MS', 'SESSION_CONTACT_RETENTION_MS'])('D5 a report that one channel refuses finds the contact of its session: %s of less than 4 days is refused', (name) => {
  expect(() => readConfig({ [name]: String(4 * dayMs - 1) })).toThrow(`${name} `);
  expect(() => readConfig({ [name]: String(4 * dayMs) })).not.toThrow();
});
