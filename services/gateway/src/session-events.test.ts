import { IntentStatus } from '@kiosk/contracts/payments/v1/payments';
import { DeliveryChannel, DeliveryStatus, type Delivery } from '@kiosk/contracts/reporting/v1/reporting';
import { SessionStatus } from '@kiosk/contracts/sessions/v1/sessions';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Fault, notFound } from '@kiosk/fault';
import type { Call } from '@kiosk/rpc';
import { Changes } from '@kiosk/service';
import { request } from 'node:http';
import { deliveryEvent, intentAnswer, reportAnswer, sessionAnswer } from './answers.ts';
import { readConfig } from './config.ts';
import { aReport, aSession, anIntent, problemOf, reportId, sessionId, startTestGateway, type TestGateway } from './testing.ts';

const delivery: Delivery = { id: 'dlv_1', channel: DeliveryChannel.DELIVERY_CHANNEL_SMS, toMasked: '+7900***4567', status: DeliveryStatus.DELIVERY_STATUS_QUEUED, attempts: 0 };
const address = `/api/sessions/${sessionId}/events`;
type Part = 'sessions' | 'payments' | 'reporting';

/** The services' side: what each says now, and who is away. */
function createServices() {
  const changes = new Changes();
  const state = { session: aSession, intents: [anIntent], reports: [{ ...aReport, deliveries: [delivery] }] };
  const away = new Map<Part, Fault>();
  let sessionReads = 0;
  async function* watch<State>(part: Part, read: () => State, call?: Partial<Call>): AsyncGenerator<State> {
    for await (const now of changes.watch('x', { read: async () => read(), signal: call!.signal! })) {
      const fault = away.get(part);
      if (fault) throw fault;
      yield now;
    }
    throw new Fault({ kind: 'deadline', reason: 'deadline', message: 'Left.' });
  }
  return {
    change(next: Partial<typeof state>) {
      Object.assign(state, next);
      changes.touch('x');
    },
    fail(part: Part, fault: Fault | undefined) {
      if (fault) away.set(part, fault);
      else away.delete(part);
      changes.touch('x');
    },
    watchers: () => changes.watchers,
    sessionReads: () => sessionReads,
    standIns: {
      sessions: { watchSession: (_: unknown, call?: Partial<Call>) => watch('sessions', () => {
        sessionReads++;
        return { session: state.session };
      }, call) },
      payments: { watchSessionIntents: (_: unknown, call?: Partial<Call>) => watch('payments', () => ({ intents: state.intents }), call) },
      reporting: { watchSessionReports: (_: unknown, call?: Partial<Call>) => watch('reporting', () => ({ reports: state.reports }), call) },
    },
  };
}

let services: ReturnType<typeof createServices>;
let gateway: TestGateway;
beforeEach(async () => {
  services = createServices();
  gateway = await startTestGateway({ ...services.standIns, config: { mostStreamsPerCaller: 3 } });
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
});

type Heard = { event: string; id: string; data: Record<string, unknown> } | { comment: string };

/** A client of the stream: what it hears, one thing after another. */
async function listen(headers: Record<string, string> = {}) {
  const leave = new AbortController();
  const response = await gateway.send(address, { headers, signal: leave.signal });
  let text = '';
  const chunks = response.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  async function block(): Promise<string | undefined> {
    while (!text.includes('\n\n')) {
      const { done, value } = await chunks.next();
      if (done) return undefined;
      text += value;
    }
    const [first, ...rest] = text.split('\n\n');
    text = rest.join('\n\n');
    return first;
  }
  async function next(): Promise<Heard | undefined> {
    for (;;) {
      const lines = (await block())?.split('\n');
      if (!lines) return undefined;
      if (lines[0]!.startsWith(':')) return { comment: lines[0]!.slice(2) };
      const fields = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
      if (fields['event'] !== undefined) return { event: fields['event'], id: fields['id']!, data: JSON.parse(fields['data']!) as Record<string, unknown> };
    }
  }
  return {
    response,
    next,
    async events(count: number): Promise<Exclude<Heard, { comment: string }>[]> {
      const events: Exclude<Heard, { comment: string }>[] = [];
      while (events.length < count) {
        const heard = await next();
        if (!heard) throw new Error('the stream has ended');
        if (!('comment' in heard)) events.push(heard);
      }
      return events;
    },
    leave: () => leave.abort(),
  };
}

const unavailable = new Fault({ kind: 'unavailable', reason: 'payments_unavailable', message: 'Away.' });

test('a stream tells everything as it is, in the words of the other answers, and then each change', async () => {
  const client = await listen();
  expect(Object.fromEntries(client.response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no', 'x-request-id': expect.any(String),
  });
  const schemas = { session: sessionAnswer, payment: intentAnswer, report: reportAnswer, delivery: deliveryEvent };
  const first = await client.events(4);
  expect(first.map(({ event }) => event).toSorted()).toEqual(['delivery', 'payment', 'report', 'session']);
  for (const { event, data } of first) schemas[event as keyof typeof schemas].parse(data);
  expect(first.find(({ event }) => event === 'session')!.data).toEqual(await (await gateway.send(`/api/sessions/${sessionId}`)).json());
  expect(first.find(({ event }) => event === 'payment')!.data).toEqual(await (await gateway.send(`/api/payments/intent/${anIntent.id}`)).json());

  services.change({ intents: [{ ...anIntent, status: IntentStatus.INTENT_STATUS_CONFIRMED, confirmedAt: new Date() }] });
  expect(await client.events(1)).toMatchObject([{ event: 'payment', data: { status: 'confirmed' } }]);
  // The report itself is the same.
  services.change({ reports: [{ ...aReport, deliveries: [{ ...delivery, status: DeliveryStatus.DELIVERY_STATUS_SENT, attempts: 1 }] }] });
  expect(await client.events(1)).toMatchObject([{ event: 'delivery', data: { reportId, status: 'sent', attempts: 1 } }]);
  services.change({ session: { ...aSession, status: SessionStatus.SESSION_STATUS_COMPLETED, completedAt: new Date() } });
  expect(await client.events(1)).toMatchObject([{ event: 'session', data: { status: 'completed' } }]);
  client.leave();
});

test('who comes back with the last id hears what was missed and nothing else, from another gateway too', async () => {
  const client = await listen();
  const { id } = (await client.events(4)).at(-1)!;
  client.leave();
  await gateway[Symbol.asyncDispose]();
  gateway = await startTestGateway(services.standIns);
  const quiet = await listen({ 'last-event-id': id });
  services.change({ session: { ...aSession, metadataJson: '{"seat":2}' } });
  const [news] = await quiet.events(1);
  expect(news).toMatchObject({ event: 'session', data: { metadata: { seat: 2 } } });
  quiet.leave();
  services.change({ intents: [{ ...anIntent, status: IntentStatus.INTENT_STATUS_EXPIRED }] });
  const back = await listen({ 'last-event-id': news!.id });
  expect(await back.events(1)).toMatchObject([{ event: 'payment', data: { status: 'expired' } }]);
  back.leave();
});

test('an id that is none of ours begins anew', async () => {
  const client = await listen({ 'last-event-id': '42' });
  expect(await client.events(4)).toHaveLength(4);
  client.leave();
});

test('a service that goes away is told by a comment, the others are heard meanwhile, and what was missed is heard once it is back', async () => {
  const client = await listen();
  await client.events(4);
  services.fail('payments', unavailable);
  expect(await client.next()).toEqual({ comment: 'payments away (payments_unavailable), asking again' });
  services.change({ session: { ...aSession, metadataJson: '{}' }, intents: [{ ...anIntent, status: IntentStatus.INTENT_STATUS_CONFIRMED }] });
  expect(await client.events(1)).toMatchObject([{ event: 'session' }]);
  services.fail('payments', undefined);
  expect(await client.events(1)).toMatchObject([{ event: 'payment', data: { status: 'confirmed' } }]);
  client.leave();
});

test('S3 a session that is not there, or another kiosk\'s, is a 404 problem and no stream', async () => {
  await using other = await startTestGateway({ owner: 'k-1', config: { keys: readConfig({ KIOSK_API_KEYS: 'k-2:kiosk-two-key-1111' }).keys } });
  const response = await other.send(address, { headers: { 'x-api-key': 'kiosk-two-key-1111' } });
  expect(response.status).toBe(404);
  await problemOf(response);
  expect(other.asked.map(({ method }) => method)).toEqual(['getSession']);
});

test('where sessions is away there is a 503 problem and no stream', async () => {
  await using other = await startTestGateway({ sessions: { getSession: () => Promise.reject(unavailable) } });
  const response = await other.send(address);
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  await problemOf(response);
});

test('a session that is erased ends its stream', async () => {
  const client = await listen();
  await client.events(4);
  services.fail('sessions', notFound('session_not_found', 'There is no such session.'));
  expect(await client.next()).toBeUndefined();
});

test('a failure that nobody foresaw cuts the stream off, is logged, and ends the watches', async () => {
  const client = await listen();
  await client.events(4);
  services.change({ intents: [{ ...anIntent, status: 'INTENT_STATUS_FROM_THE_FUTURE' as never }] });
  await client.next().catch(() => {});
  await until(() => services.watchers() === 0);
  expect(gateway.log().filter(({ level }) => level === 'error')).toMatchObject([{ msg: 'a request failed', route: '/api/sessions/:id/events' }]);
});

test('one caller has so many streams, and the next is 429 until one is left; all watches end with their client', async () => {
  const clients = await Promise.all([listen(), listen(), listen()]);
  const refused = await gateway.send(address);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
  expect(await problemOf(refused)).toMatchObject({ reason: 'too_many_streams' });
  await Promise.all(clients.map((client) => client.events(4)));
  expect(services.watchers()).toBe(9);
  for (const client of clients) client.leave();
  await until(() => services.watchers() === 0);
  const client = await listen();
  expect(client.response.status).toBe(200);
  client.leave();
});

test('a stream takes no place of those that are answered at once, and its length is no slow answer', async () => {
  await using narrow = await startTestGateway({ ...services.standIns, config: { places: { vital: 1, visit: 1, report: 1, list: 1 } } });
  const leave = new AbortController();
  const askedAt = performance.now();
  await narrow.send(address, { signal: leave.signal });
  const answeredMs = performance.now() - askedAt;
  expect((await narrow.send(`/api/sessions/${sessionId}`)).status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 300));
  leave.abort();
  const lines = () => narrow.log().filter(({ route }) => route === '/api/sessions/:id/events');
  await until(() => lines().length === 1);
  expect(lines()[0]).toMatchObject({ httpStatus: 200, durationMs: expect.any(Number) });
  expect(lines()[0]!['durationMs']).toBeLessThanOrEqual(Math.ceil(answeredMs));
});

test('G5 a gateway that stops ends its streams at once, in order', async () => {
  const client = await listen();
  await client.events(4);
  const stopping = performance.now();
  await gateway[Symbol.asyncDispose]();
  expect(await client.next()).toBeUndefined();
  // It waits for eight seconds at most for whatever does not end.
  expect(performance.now() - stopping).toBeLessThan(5000);
  expect(services.watchers()).toBe(0);
});

test('a HEAD says what a stream would be, and opens none', async () => {
  const response = await gateway.send(address, { method: 'HEAD' });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  expect(services.watchers()).toBe(0);
});

test('a client that reads nothing makes its stream wait: nothing piles up, and nobody else is kept waiting', async () => {
  const large = 'x'.repeat(15_000);
  await new Promise<void>((resolve) => {
    const socket = request(gateway.url + address, (response) => {
      response.pause();
      resolve();
    });
    socket.on('error', () => {}).end();
  });
  // 45 MB, far more than the buffers on the way hold.
  const changes = 3000;
  for (let count = 0; count < changes; count++) {
    services.change({ session: { ...aSession, metadataJson: JSON.stringify({ count, large }) } });
    await new Promise(setImmediate);
  }
  expect(services.sessionReads()).toBeLessThan(changes / 2);
  const client = await listen();
  expect((await client.events(4)).find(({ event }) => event === 'session')).toMatchObject({ data: { metadata: { count: changes - 1 } } });
  client.leave();
});

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}
