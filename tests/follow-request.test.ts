/** What the log says of one request, in real processes: an operator reads it with `jq 'select(.requestId == "…")'`. */
import { expect, test } from '@jest/globals';
import { startProcesses } from '@kiosk/stack';
import { kioskAt, prices } from './kiosk.ts';
import { until } from './until.ts';

type Line = { service: string; msg: string; requestId?: string };

function linesOf(output: readonly string[], requestId: string): Line[] {
  return output.flatMap((line) => {
    const [, json] = /^\w+ \| (\{.*\})$/.exec(line) ?? [];
    const entry = json === undefined ? undefined : JSON.parse(json) as Line;
    return entry?.requestId === requestId ? [entry] : [];
  });
}

test('one payment intent is followed by its request id through gateway, payments and sessions', async () => {
  await using processes = await startProcesses({ settings: { LOG_LEVEL: 'debug', DEV_MANUAL_MODE: 'true' } });
  const kiosk = kioskAt(processes.url);
  const session = await kiosk.openSession({ type: 'thickness' });
  const { status, headers, body: intent } = await kiosk.requestIntent(session, prices.thickness);
  expect(status).toBe(201);
  const lines = await until(
    () => linesOf(processes.lines, headers.get('x-request-id')!),
    (found) => ['gateway', 'payments', 'sessions'].every((name) => found.some(({ service, msg }) => service === name && ['request', 'call answered'].includes(msg))),
  );
  const durationMs: unknown = expect.any(Number);
  expect(lines).toEqual(expect.arrayContaining([
    { service: 'gateway', level: 'info', msg: 'request', method: 'POST', route: '/api/payments/intent', httpStatus: 201, durationMs },
    { service: 'payments', level: 'info', msg: 'payment intent created', event: 'intent.created', intentId: intent.intentId, sessionId: session.id },
    { service: 'payments', level: 'debug', msg: 'call answered', method: 'kiosk.payments.v1.Payments/CreateIntent', grpcStatus: 'OK', durationMs },
    { service: 'sessions', level: 'debug', msg: 'call answered', method: 'kiosk.sessions.v1.Sessions/GetSession', grpcStatus: 'OK', durationMs },
  ].map((line) => expect.objectContaining(line) as unknown)));
});
