import { expect, test } from '@jest/globals';
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { erasedSessionsName, readErasedSessions } from './service.ts';

test('X4 a session a line, whatever people write beside them; none without a file', () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'kiosk-erased-'));
  expect(readErasedSessions(folder.path)).toEqual([]);
  writeFileSync(join(folder.path, erasedSessionsName), '# from the log\n\nses_01  # Tuesday\n  ses_02\r\n');
  expect(readErasedSessions(folder.path)).toEqual(['ses_01', 'ses_02']);
});

test('X4 a line that is no session is refused by its number, and never shown', () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'kiosk-erased-'));
  writeFileSync(join(folder.path, erasedSessionsName), 'ses_01\nivan@example.com\nnull\n');
  expect(() => readErasedSessions(folder.path)).toThrow(expect.objectContaining({ problems: [
    expect.stringMatching(/line 2 is no session's id/), expect.stringMatching(/line 3 is no session's id/),
  ] }));
  expect(() => readErasedSessions(folder.path)).not.toThrow(/ivan/);
});
