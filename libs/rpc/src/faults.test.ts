import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { expect, test } from '@jest/globals';
import { Fault, type FaultKind } from '@kiosk/fault';
import { connectEcho, failure, startEcho } from './testing.ts';
import { codeOf, faultOf } from './status.ts';

test.each(Object.entries(codeOf))('a fault of kind %s arrives as it was thrown, under code %i', async (kind, code) => {
  const thrown = new Fault({
    kind: kind as FaultKind, reason: 'some_reason', message: 'Сессия 100 % не та: "a\nb" \u{1F697}', retryAfterMs: 1499.5,
    errors: [{ path: 'contact.email', message: 'не адрес' }, { path: 'type', message: 'is missing' }],
  });
  await using server = await startEcho({ act: async () => { throw thrown; } });
  await using client = connectEcho(server.port);
  const fault = await failure(client.act({ text: '' }));
  expect(fault).toBeInstanceOf(Fault);
  expect(fault).toMatchObject({ kind, reason: 'some_reason', message: thrown.message, retryAfterMs: 1500, errors: thrown.errors });
  expect(client.observed).toEqual([{ side: 'client', method: 'kiosk.test.Echo/Act', requestId: expect.any(String), code: status[code], seconds: expect.any(Number) }]);
  expect(server.observed).toEqual([{ side: 'server', method: 'kiosk.test.Echo/Act', requestId: expect.any(String), code: status[code], seconds: expect.any(Number) }]);
  expect(server.errors).toEqual([]);
});

test('a fault without the optional parts arrives without them', async () => {
  await using server = await startEcho({ act: async () => { throw new Fault({ kind: 'conflict', reason: 'session_final', message: 'no' }); } });
  await using client = connectEcho(server.port);
  expect(await failure(client.act({ text: '' }))).toMatchObject({ kind: 'conflict', retryAfterMs: undefined, errors: [] });
});

test.each<[string, () => Promise<never>]>([
  ['rejected', async () => { throw new Error('SQLITE_FULL: canary at /var/db'); }],
  ['thrown before the first await', () => { throw new Error('SQLITE_FULL: canary at /var/db'); }],
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a foreign library may
  ['not even an Error', () => Promise.reject('canary')],
])('G1 an error that is no fault, %s, becomes "internal" without its words and is told once', async (_, act) => {
  await using server = await startEcho({ act });
  await using client = connectEcho(server.port);
  const fault = await failure(client.act({ text: '' }, { requestId: 'req-1' }));
  expect(fault).toMatchObject({ kind: 'internal', reason: 'internal', message: 'Internal error.' });
  expect(server.errors).toHaveLength(1);
  expect(server.errors[0]).toMatchObject({ method: 'kiosk.test.Echo/Act', requestId: 'req-1' });
  expect(server.observed.map(({ code }) => code)).toEqual(['INTERNAL']);
});

test('a commit whose outcome is unknown is unavailable, says so, and is told to the operator', async () => {
  const lost = Object.assign(new Error('disk I/O error'), { name: 'OutcomeUnknownError' });
  await using server = await startEcho({ act: async () => { throw lost; } });
  await using client = connectEcho(server.port);
  const fault = await failure(client.act({ text: '' }));
  expect(fault).toMatchObject({ kind: 'unavailable', reason: 'outcome_unknown' });
  expect((fault as Fault).message).not.toContain('disk');
  expect(server.errors.map(({ error }) => error)).toEqual([lost]);
});

test('two hundred field errors fit into an answer', async () => {
  const errors = Array.from({ length: 200 }, (_, i) => ({ path: `measurements.${i}.value`, message: 'must be a whole number of µm from 0 to 20000' }));
  await using server = await startEcho({ act: async () => { throw new Fault({ kind: 'invalid', reason: 'invalid_measurements', message: 'no', errors }); } });
  await using client = connectEcho(server.port);
  const fault = await failure(client.act({ text: '' }));
  expect(fault).toMatchObject({ kind: 'invalid', reason: 'invalid_measurements' });
});

function statusFrom(code: status, trailers: Record<string, string | Buffer> = {}): ServiceError {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  return Object.assign(new Error('canary'), { code, details: 'canary', metadata });
}

test.each<[string, FaultKind, string]>([
  ['CANCELLED', 'deadline', 'deadline_exceeded'], ['UNKNOWN', 'internal', 'internal'], ['INVALID_ARGUMENT', 'invalid', 'invalid'],
  ['DEADLINE_EXCEEDED', 'deadline', 'deadline_exceeded'], ['NOT_FOUND', 'not_found', 'not_found'], ['ALREADY_EXISTS', 'conflict', 'conflict'],
  ['PERMISSION_DENIED', 'forbidden', 'forbidden'], ['RESOURCE_EXHAUSTED', 'exhausted', 'exhausted'], ['FAILED_PRECONDITION', 'conflict', 'conflict'],
  ['ABORTED', 'conflict', 'conflict'], ['OUT_OF_RANGE', 'invalid', 'invalid'], ['UNIMPLEMENTED', 'unimplemented', 'unimplemented'],
  ['INTERNAL', 'internal', 'internal'], ['UNAVAILABLE', 'unavailable', 'sessions_unavailable'], ['DATA_LOSS', 'internal', 'internal'],
  ['UNAUTHENTICATED', 'unauthenticated', 'unauthenticated'],
])('a bare %s is a fault of kind %s whose words are ours', (code, kind, reason) => {
  const fault = faultOf(statusFrom(status[code as keyof typeof status]), 'sessions');
  expect(fault).toMatchObject({ kind, reason });
  expect(fault.message).not.toContain('canary');
});

test.each<[string, Record<string, string | Buffer>, object]>([
  ['a kind that is none', { 'fault-kind': 'toString', 'fault-reason': 'x' }, { kind: 'internal', reason: 'internal' }],
  ['no reason', { 'fault-kind': 'invalid' }, { kind: 'internal' }],
  ['a time that is none', { 'fault-kind': 'exhausted', 'fault-reason': 'x', 'fault-retry-after-ms': 'soon' }, { kind: 'exhausted', retryAfterMs: undefined }],
  ['broken JSON', { 'fault-kind': 'invalid', 'fault-reason': 'x', 'fault-errors-bin': Buffer.from('[{') }, { errors: [] }],
  ['errors of another shape', { 'fault-kind': 'invalid', 'fault-reason': 'x', 'fault-errors-bin': Buffer.from('[null,{"path":1}]') }, { errors: [] }],
])('trailers with %s make no nonsense fault', (_, trailers, fault) => {
  expect(faultOf(statusFrom(status.INTERNAL, trailers), 'sessions')).toMatchObject(fault);
});
