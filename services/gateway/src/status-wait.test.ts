/** GET /api/payments/status/:id?wait=…: the long poll of old screens. */
import { IntentStatus, type GetIntentStatusResponse } from '@kiosk/contracts/payments/v1/payments';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import type { Call } from '@kiosk/rpc';
import { Changes } from '@kiosk/service';
import { intentId, problemOf, startTestGateway, type TestGateway } from './testing.ts';

const at = new Date('2026-11-23T09:00:00.123Z');
const pending: GetIntentStatusResponse = { intentId, status: IntentStatus.INTENT_STATUS_PENDING, final: false, updatedAt: at };
const confirmed: GetIntentStatusResponse = { intentId, status: IntentStatus.INTENT_STATUS_CONFIRMED, final: true, updatedAt: new Date(at.getTime() + 1) };
const path = `/api/payments/status/${intentId}`;
const etagOf = (status: string, { updatedAt }: GetIntentStatusResponse) => `"${intentId}.${status}.${updatedAt!.getTime()}"`;

let status: GetIntentStatusResponse;
let fault: Fault | undefined;
let changes: Changes;
let gateway: TestGateway;
beforeEach(async () => {
  status = pending;
  fault = undefined;
  changes = new Changes();
  gateway = await startTestGateway({
    payments: {
      getIntentStatus: async () => status,
      async *watchIntentStatus(_: unknown, call?: Partial<Call>) {
        for await (const now of changes.watch('x', { read: async () => status, signal: call!.signal! })) {
          if (fault) throw fault;
          yield { now };
        }
        throw new Fault({ kind: 'deadline', reason: 'deadline', message: 'Left.' });
      },
    },
    config: { mostStreamsPerCaller: 2, places: { vital: 1, visit: 1, report: 1, list: 1 } },
  });
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
});

function become(next: GetIntentStatusResponse): void {
  status = next;
  changes.touch('x');
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const waiting = (count: number) => until(() => changes.watchers === count);

test.each([['with the last ETag', { 'if-none-match': etagOf('pending', pending) }], ['without one', {}]])('%s the answer comes when the status changes', async (_, headers) => {
  const answer = gateway.send(`${path}?wait=25`, { headers: headers as Record<string, string> });
  await waiting(1);
  // Another look at the same is no change.
  become({ ...pending });
  become(confirmed);
  const response = await answer;
  expect([response.status, response.headers.get('etag')]).toEqual([200, etagOf('confirmed', confirmed)]);
  expect(await response.json()).toMatchObject({ status: 'confirmed', final: true });
  await waiting(0);
});

test.each<[string, number, Record<string, string>]>([['304 with the last ETag', 304, { 'if-none-match': etagOf('pending', pending) }], ['the same without one', 200, {}]])(
  'after the time that was asked for, in seconds, it is %s', async (_, expected, headers) => {
    const startedAt = performance.now();
    const response = await gateway.send(`${path}?wait=1`, { headers });
    expect(response.status).toBe(expected);
    expect(performance.now() - startedAt).toBeGreaterThan(950);
    await waiting(0);
  });

test('a status that is news, or final, is answered at once', async () => {
  const news = await gateway.send(`${path}?wait=25`, { headers: { 'if-none-match': '"pay_1.pending.1"' } });
  expect(await news.json()).toMatchObject({ status: 'pending' });
  become(confirmed);
  expect((await gateway.send(`${path}?wait=25`)).status).toBe(200);
  expect((await gateway.send(`${path}?wait=25`, { headers: { 'if-none-match': etagOf('confirmed', confirmed) } })).status).toBe(304);
  expect((await gateway.send(`${path}?wait=0`)).status).toBe(200);
});

test.each(['26', '-1', '1.5', 'x', ''])('wait=%s is refused', async (wait) => {
  const response = await gateway.send(`${path}?wait=${wait}`);
  expect(response.status).toBe(400);
  expect(await problemOf(response)).toMatchObject({ reason: 'invalid_request', errors: [{ path: 'wait' }] });
});

test('what else an old screen puts into the address is left alone', async () => {
  expect((await gateway.send(`${path}?_=1795424400000`)).status).toBe(200);
});

test('who waits takes nobody\'s place, and where too many wait the next one is answered at once', async () => {
  const answers = [gateway.send(`${path}?wait=25`), gateway.send(`${path}?wait=25`)];
  await waiting(2);
  const third = await gateway.send(`${path}?wait=25`);
  expect(await third.json()).toMatchObject({ status: 'pending' });
  become(confirmed);
  for (const answer of answers) expect(await (await answer).json()).toMatchObject({ status: 'confirmed' });
});

test('a wait ends with its client', async () => {
  const leave = new AbortController();
  const answer = gateway.send(`${path}?wait=25`, { signal: leave.signal });
  await waiting(1);
  leave.abort();
  await expect(answer).rejects.toThrow('aborted');
  await waiting(0);
});

test('a payments service that goes away meanwhile is a 503 with a time to come back', async () => {
  const answer = gateway.send(`${path}?wait=25`);
  await waiting(1);
  fault = new Fault({ kind: 'unavailable', reason: 'service_stopping', message: 'It stops.', retryAfterMs: 500 });
  become({ ...pending });
  const response = await answer;
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
});

test('G5 a gateway that stops answers who waits at once', async () => {
  const answer = gateway.send(`${path}?wait=25`);
  await waiting(1);
  const [response] = await Promise.all([answer, gateway[Symbol.asyncDispose]()]);
  expect(await response.json()).toMatchObject({ status: 'pending' });
});
