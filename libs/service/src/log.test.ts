import { expect, test } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import { createLog, inSpan, startTracing } from './service.ts';
import type { LogFields, LogLevel } from './service.ts';

function logged(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const log = createLog({ service: 'payments', level, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

test('a line has time, level, service, message and the fields that were given', () => {
  const { log, last } = logged();
  log.child({ requestId: 'req-1' }).info({ intentId: 'pay_1', amountMinor: 48_000 }, 'intent created');
  const { time, ...rest } = last();
  expect(new Date(String(time)).toISOString()).toBe(time);
  expect(rest).toEqual({ level: 'info', service: 'payments', msg: 'intent created', requestId: 'req-1', intentId: 'pay_1', amountMinor: 48_000 });
});

test('X2 an unknown field, an object in a known field and an error\'s own properties do not appear', () => {
  const { log, lines, last } = logged();
  const error = Object.assign(new Error('550 canary@example.ru is unknown\n    at canary (canary.ts:1:1)'), { code: 'EENVELOPE', response: 'canary' });
  const fields = { email: 'canary', sessionId: { canary: 1 }, requestId: 'req-1', error } as unknown as LogFields;
  log.error(fields, 'delivery failed');
  log.child(fields).warn(fields, 'again');
  expect(lines.join('')).not.toContain('canary');
  expect(last()['error']).toEqual({ name: 'Error', code: 'EENVELOPE', stack: expect.stringMatching(/^at .*log\.test\.ts/) });
});

test('a fault tells its kind, reason and message, a foreign cause only its name and place', () => {
  const { log, last } = logged();
  const cause = new SyntaxError('Unexpected token in "canary"');
  log.warn({ error: Object.assign(new Error('the session is over', { cause }), { name: 'Fault', kind: 'conflict', reason: 'session_expired' }) }, 'refused');
  expect(last()['error']).toMatchObject({
    name: 'Fault',
    kind: 'conflict',
    reason: 'session_expired',
    message: 'the session is over',
    cause: { name: 'SyntaxError', stack: expect.stringMatching(/^at /) },
  });
  expect(JSON.stringify(last())).not.toContain('canary');
});

test('what was thrown may be no error at all', () => {
  const { log, last } = logged();
  log.error({ error: 'canary' }, 'failed');
  expect(last()['error']).toEqual({ name: 'string' });
});

test('the level decides what is written, and silent writes nothing', () => {
  const warnings = logged('warn');
  warnings.log.info({}, 'no');
  warnings.log.warn({}, 'yes');
  expect(warnings.lines).toHaveLength(1);
  const silent = logged('silent');
  silent.log.error({}, 'no');
  expect(silent.lines).toHaveLength(0);
});

test('a line written inside a span carries its ids', async () => {
  await using tracing = await startTracing({ service: 'payments', endpoint: 'http://127.0.0.1:9', protocol: 'http/json' });
  const { log, last } = logged();
  await inSpan(tracing.tracer, 'work', {}, async () => {
    await Promise.resolve();
    log.info({}, 'inside');
    expect(last()).toMatchObject({ traceId: trace.getActiveSpan()?.spanContext().traceId, spanId: trace.getActiveSpan()?.spanContext().spanId });
  });
  expect(last()['traceId']).toMatch(/^[0-9a-f]{32}$/);
  log.info({}, 'outside');
  expect(last()).not.toHaveProperty('traceId');
});
