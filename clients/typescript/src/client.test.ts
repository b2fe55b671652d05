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
  const { client } = clientWith([new Response('<html>', { status: 502, statusText: 'Bad Gateway' })]);
  await expect(client.getSession({ id: 'ses_1' })).rejects.toMatchObject({ problem: { status: 502, reason: 'unknown' } });
});

test('who gave up is not asked again', async () => {
  const { client, asked } = clientWith([new DOMException('aborted', 'AbortError')]);
  await expect(client.getSession({ id: 'ses_1' }, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  expect(asked).toHaveLength(1);
});
