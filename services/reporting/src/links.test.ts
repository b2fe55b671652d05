import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createLinks, readLinkKey, tokenCharacters, tokenSha256Of } from './links.ts';
import { temporaryFolder } from './testing.ts';

const options = { publicUrl: 'https://kiosk.example', ttlMs: 1000 };
const delivery = { id: 'dlv_1', createdAt: 5 };

test('D4 D10 a delivery has the same link in every attempt, and another key or delivery gives another', () => {
  const key = Buffer.alloc(32, 1);
  const link = createLinks({ key, ...options }).of(delivery);
  expect(createLinks({ key, ...options }).of(delivery)).toEqual(link);
  expect(createLinks({ key, ...options }).of({ ...delivery, id: 'dlv_2' }).url).not.toBe(link.url);
  expect(createLinks({ key: Buffer.alloc(32, 2), ...options }).of(delivery).url).not.toBe(link.url);
  const token = link.url.slice('https://kiosk.example/r/'.length);
  expect(token).toHaveLength(tokenCharacters);
  expect(Buffer.from(token, 'base64url')).toHaveLength(16);
  expect(tokenSha256Of(token)).toBe(link.tokenSha256);
  expect(link.expiresAt).toBe(1005);
});

test('the key is made once, for its owner only, and a damaged one is refused', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'report-links.key');
  const key = readLinkKey(path);
  expect(readLinkKey(path)).toEqual(key);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(existsSync(`${path}.part`)).toBe(false);
  writeFileSync(path, 'short');
  expect(() => readLinkKey(path)).toThrow('restore report-links.key from a backup');
});
