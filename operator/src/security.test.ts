import { expect, test } from '@jest/globals';
import { strict } from '@kiosk/stack/runnable';
import { checkSecurity } from './security.ts';

test('X1 X2 X3 S3 G1 W1 D10 every claim of docs/security.md holds on a running system', async () => {
  const verdicts = await checkSecurity();
  expect(verdicts.filter(({ holds }) => !holds)).toEqual([]);
  expect(verdicts.length).toBeGreaterThanOrEqual(8);
}, 120_000);

test('a command that should fail and does not is noticed', () => {
  expect(strict('! grep -q x file')).toMatch(/^if grep -q x file; then .*exit 1; fi$/);
  expect(strict('test 1 = 1')).toBe('test 1 = 1');
});
