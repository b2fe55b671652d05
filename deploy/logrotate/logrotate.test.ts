/** A real logrotate turns over a file that a process keeps open. */
import { expect, test } from '@jest/globals';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, run } from '../tools.ts';

describeWith(['logrotate'], 'logrotate', () => {
  test('what was written is kept beside, and who has the file open goes on writing to its beginning', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kiosk-logrotate-'));
    const log = join(folder, 'kiosk.log');
    const rules = readFileSync(join(import.meta.dirname, 'kiosk'), 'utf8').replaceAll('/var/log/kiosk', folder).replace(/^ *su .*$/m, '');
    writeFileSync(join(folder, 'rules'), rules, { mode: 0o644 });
    // Append, as >> does.
    const open = openSync(log, 'a');
    const rotate = (): string => run('logrotate', ['--force', '--state', join(folder, 'state'), join(folder, 'rules')]);
    writeSync(open, 'before\n');
    rotate();
    expect(readFileSync(`${log}.1`, 'utf8')).toBe('before\n');
    writeSync(open, 'after\n');
    expect(readFileSync(log, 'utf8')).toBe('after\n');
    rotate();
    expect(run('gzip', ['-dc', `${log}.2.gz`])).toBe('before\n');
    closeSync(open);
    rmSync(folder, { recursive: true });
  });
});
