import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { apiText } from '../generate.ts';
import { createClient, ProblemError } from './client.ts';

type Asked = { url: string; method: string; headers: Headers; body: unknown };

/** A client whose requests get the given answers, in order; an Error is a broken line. */
function clientWith(answers: (Response | Error)[], { key }: { key?: string } = {}) {
  const asked: Asked[] = [];
  const pauses: number[] = [];
  const client = createClient({
    url: 'http://kiosk.example',
    key,
    async fetch(input, init) {
      asked.push({ url: (input as URL).href, method: init?.method ?? '', headers: new Headers(init?.headers), body: init?.body });
      const answer = answers.shift();
      if (!(answer instanceof Response)) throw answer ?? new Error('asked too often');
      return answer;
    },
    pause: async (ms) => void pauses.push(ms),
  });
  return { client, asked, pauses };
}

const refusal = (status: number, reason: string, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ type: `urn:kiosk:problem:${reason}`, title: 'x', status, detail: 'Words.', reason, requestId: 'r-1' }), {
    status, headers: { 'content-type': 'application/problem+json', ...headers },
  });

test('the types are what openapi.json says', () => {
  const document = JSON.parse(readFileSync(new URL('../../../services/gateway/openapi.json', import.meta.url), 'utf8')) as Parameters<typeof apiText>[0];
  expect(apiText(document) === readFileSync(new URL('api.ts', import.meta.url), 'utf8')).toBe(true);
});

test('an operation asks its address with the key, the query and the body', async () => {
  const { client, asked } = clientWith([Response.json({ id: 'ses_1' }, { status: 201 }), Response.json({ sessions: [], count: 0 }), new Response('%PDF')], { key: 'secret-key' });
  expect((await client.createSession({ body: { type: 'thickness' } })).id).toBe('ses_1');
  expect((await client.listSessions({ query: { status: 'active', limit: 2, cursor: undefined } })).count).toBe(0);
  expect(Buffer.from(await client.getReportPdf({ id: 'rep/1' })).toString()).toBe('%PDF');
  expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'POST http://kiosk.example/api/sessions', 'GET http://kiosk.example/api/sessions?status=active&limit=2', 'GET http://kiosk.example/api/reports/rep%2F1/pdf',
  ]);
  expect(asked[0]!.body).toBe('{"type":"thickness"}');
  expect(asked.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer secret-key', 'Bearer secret-key', 'Bearer secret-key']);
});

test('P1 a payment is asked for again with the same key when the line breaks or the service is busy', async () => {
  const { client, asked, pauses } = clientWith([new TypeError('fetch failed'), refusal(503, 'overloaded', { 'retry-after': '2' }), Response.json({ intentId: 'pay_1' })]);
  const intent = await client.createIntent({ body: { amount: 100, currency: 'RUB', sessionId: 'ses_1' } });
  expect(intent.intentId).toBe('pay_1');
  expect(new Set(asked.map(({ headers, body }) => `${headers.get('idempotency-key')} ${String(body)}`)).size).toBe(1);
  expect(asked[0]!.headers.get('idempotency-key')).toMatch(/^[\da-f-]{36}$/);
  expect(pauses).toEqual([500, 2000]);
});

test('P1 after a 504 the same key asks again, ever later and not before Retry-After', async () => {
  const timeout = () => refusal(504, 'deadline_exceeded', { 'retry-after': '1' });
  const { client, asked, pauses } = clientWith([timeout(), timeout(), timeout(), Response.json({ intentId: 'pay_1' })]);
  expect((await client.createIntent({ body: { amount: 100, currency: 'RUB', sessionId: 'ses_1' } })).intentId).toBe('pay_1');
  expect(new Set(asked.map(({ headers }) => headers.get('idempotency-key'))).size).toBe(1);
  expect(pauses).toEqual([1000, 1000, 2000]);
});

test('what needs no key to be safe is asked again without one', async () => {
  const { client, asked } = clientWith([new TypeError('fetch failed'), Response.json({ id: 'ses_1', status: 'completed' })]);
  expect((await client.completeSession({ id: 'ses_1' })).status).toBe('completed');
  expect(asked.map(({ headers }) => headers.has('idempotency-key'))).toEqual([false, false]);
});

test('a refusal is a ProblemError with its reason, and is not asked again', async () => {
  const { client, asked } = clientWith([refusal(409, 'already_paid')]);
  const error = await client.createIntent({ body: { amount: 100, currency: 'RUB', sessionId: 'ses_1' }, idempotencyKey: 'mine' }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ProblemError);
  expect(error).toMatchObject({ problem: { reason: 'already_paid', requestId: 'r-1' }, message: '409 already_paid: Words.' });
  expect(asked.map(({ headers }) => headers.get('idempotency-key'))).toEqual(['mine']);
});

test('a proxy\'s own page is an error too', async () => {
  const { client } = clientWith([new Response('<html>', { status: 502 }), new Response('<html>', { status: 403, statusText: 'Forbidden' })]);
  await expect(client.getSession({ id: 'ses_1' })).rejects.toMatchObject({ problem: { status: 403, title: 'Forbidden', reason: 'unknown' } });
});

test('who gave up is not asked again', async () => {
  const { client, asked } = clientWith([new DOMException('aborted', 'AbortError')]);
  await expect(client.getSession({ id: 'ses_1' }, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  expect(asked).toHaveLength(1);
});

test('an answer that breaks in the middle is asked for again', async () => {
  const broken = new Response(new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) }));
  const { client, asked } = clientWith([broken, Response.json({ id: 'ses_1' })]);
  expect((await client.createSession({ body: { type: 'thickness' } })).id).toBe('ses_1');
  expect(new Set(asked.map(({ headers }) => headers.get('idempotency-key'))).size).toBe(1);
});

/** A stream that says these pieces and then ends, or breaks. */
function streamOf(pieces: (string | Uint8Array)[], { breaks = false } = {}): Response {
  const encoder = new TextEncoder();
  return new Response(new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece !== undefined) controller.enqueue(typeof piece === 'string' ? encoder.encode(piece) : piece);
      else if (breaks) controller.error(new TypeError('terminated'));
      else controller.close();
    },
  }), { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
}

async function heard(events: AsyncIterable<{ event: string; id: string; data: object }>, count: number): Promise<string[]> {
  const all: string[] = [];
  for await (const { event, id, data } of events) {
    all.push(`${event} ${id} ${JSON.stringify(data)}`);
    if (all.length === count) break;
  }
  return all;
}

test('events are read whatever pieces they come in; comments and what has no name are passed over', async () => {
  const text = new TextEncoder().encode('event: session\nid: a\ndata: {"note":"Мойка"}\n\n');
  const { client, asked } = clientWith([streamOf([
    'retry: 1500\n\n: away\n\ndata: {}\n\n', text.slice(0, 39), text.slice(39), 'event: payment\r\nid:b\r\ndata: {"status":\r\ndata: "confirmed"}\r\n', '\r\n',
  ])], { key: 'secret-key' });
  expect(await heard(client.watchSession({ id: 'ses/1' }), 2)).toEqual(['session a {"note":"Мойка"}', 'payment b {"status":"confirmed"}']);
  expect(asked.map(({ url, headers }) => [url, headers.get('authorization'), headers.get('last-event-id')]))
    .toEqual([['http://kiosk.example/api/sessions/ses%2F1/events', 'Bearer secret-key', null]]);
});

test('G5 a stream that ends, breaks or cannot be opened is begun again where it was, as late as it was told to', async () => {
  const event = (id: string) => `event: payment\nid: ${id}\ndata: {}\n\n`;
  const { client, asked, pauses } = clientWith([
    streamOf(['retry: 1500\n\n', event('a')]), streamOf([event('b'), 'event: payment\nid: c\nda'], { breaks: true }), new TypeError('fetch failed'),
    refusal(503, 'sessions_unavailable', { 'retry-after': '3' }), new Response('<html>', { status: 502 }), streamOf([event('d')]),
  ]);
  expect(await heard(client.watchSession({ id: 'ses_1', lastEventId: 'z' }), 3)).toEqual(['payment a {}', 'payment b {}', 'payment d {}']);
  expect(asked.map(({ headers }) => headers.get('last-event-id'))).toEqual(['z', 'a', 'b', 'b', 'b', 'b']);
  expect(pauses).toEqual([1500, 1500, 3000, 3000, 10_000]);
});

test('a session that is not there ends the loop with the problem', async () => {
  const { client } = clientWith([refusal(404, 'session_not_found')]);
  await expect(heard(client.watchSession({ id: 'ses_1' }), 1)).rejects.toMatchObject({ problem: { reason: 'session_not_found' } });
});

test('an abort ends the loop', async () => {
  const stop = new AbortController();
  const { client } = clientWith([streamOf(['event: session\nid: a\ndata: {}\n\n'])]);
  const all: string[] = [];
  for await (const { event } of client.watchSession({ id: 'ses_1' }, { signal: stop.signal })) {
    all.push(event);
    stop.abort();
  }
  expect(all).toEqual(['session']);
});
