import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { createLog, prettyLine } from './service.ts';

const entry = { level: 'info', time: '2026-11-27T09:03:04.005Z', service: 'payments', requestId: 'req-1', intentId: 'pay_1', amountMinor: 48_000, msg: 'payment intent created' };
const line = JSON.stringify(entry);

function pretty(write: (log: ReturnType<typeof createLog>) => void): string {
  let written = '';
  write(createLog({ service: 'payments', level: 'info', format: 'pretty', destination: { write: (text) => (written += text) } }));
  return written;
}

test('a pretty line has time, level, service, message and fields, and is one line', () => {
  const written = pretty((log) => log.info({ requestId: 'req-1', amountMinor: 48_000, reason: 'two words' }, 'payment intent created'));
  expect(written).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}payments {2}payment intent created requestId=req-1 reason="two words" amountMinor=48000\n$/);
});

test('a caught error stays on the line, and what could steer the terminal is escaped', () => {
  const written = pretty((log) => log.error({ reason: '\u001b[2J\n', error: new RangeError('canary') }, 'failed'));
  expect(written).toMatch(/^\S+ error payments {2}failed reason="\\u001b\[2J\\n" error=\{"name":"RangeError",.*\n$/);
  expect(written.match(/\n/g)).toHaveLength(1);
  expect(written).not.toContain('canary');
});

test('a service that the reader knows is left out, and another is not', () => {
  expect(prettyLine(line, { knownService: 'payments' })).toMatch(/^\S+ info {2}payment intent created requestId/);
  expect(prettyLine(line, { knownService: 'one-process' })).toMatch(/^\S+ info {2}payments {2}payment intent created requestId/);
});

test.each(['could not start: PORT must be a port', '{', '{"a":1}', '{"time":', ''])('%j is no line of the log and stays as it is', (other) => {
  expect(prettyLine(other)).toBe(other);
});

test.each([
  ['a terminal', '', /^\S+ .*info.* payments {2}ready/],
  ['a terminal, with the format json', `, format: 'json'`, /^\{"level":"info".*"msg":"ready"\}/],
])('in %s', (_, format, expected) => {
  const program = `import { createLog } from '@kiosk/service'; await using log = createLog({ service: 'payments', level: 'info'${format} }); log.info({}, 'ready');`;
  // `script` gives the program a terminal of its own.
  const { stdout, error } = spawnSync('script', ['-qfec', `'${process.execPath}' --conditions=@kiosk/source --input-type=module --eval "${program}"`, '/dev/null'], {
    cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'],
  });
  expect(error).toBeUndefined();
  expect(stdout).toMatch(expected);
});
