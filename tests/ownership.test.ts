/**
 * Who may what, against the services themselves and from the document's own list of operations: every operation × nobody, a wrong key, the kiosk whose it is,
 * another kiosk, an operator. What a stand-in would answer for a service cannot show that the service asks whose a thing is (S3).
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { readFileSync } from 'node:fs';
import { expectProblem, kioskAt, prices, sampleOf, type Answer, type Intent, type Kiosk, type Report, type Session } from './kiosk.ts';
import { until } from './until.ts';

const document = JSON.parse(readFileSync(new URL('../services/gateway/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, { operationId: string; 'x-roles': string[]; requestBody?: { content: Record<string, { examples?: Record<string, { value: unknown }> }> } }>>;
};
const keys = { own: 'kiosk-one-key-1111', other: 'kiosk-two-key-1111', operator: 'operator-key-11111', wrong: 'kiosk-one-key-1112' };
const unknownSession = 'ses_00000000000000000000000000';
const bearer = (key: string | undefined): Record<string, string> => (key === undefined ? {} : { authorization: `Bearer ${key}` });

const operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => {
  const [content] = Object.values(operation.requestBody?.content ?? {});
  const [example] = Object.values(content?.examples ?? {});
  return { name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, roles: operation['x-roles'], example: example?.value };
}));
const keyed = operations.filter(({ roles }) => !roles.includes('public') && !roles.includes('local'));
const forKiosks = keyed.filter(({ roles }) => roles.includes('kiosk'));
const ofOne = forKiosks.filter(({ path, example }) => path.includes('{') || JSON.stringify(example ?? '').includes('"ses_'));

let stack: Stack;
let kiosk: Kiosk;
let ids: Record<string, string>;

beforeAll(async () => {
  stack = await startStack({
    settings: {
      DEV_MANUAL_MODE: 'true', KIOSK_API_KEYS: `k-1:${keys.own},k-2:${keys.other}`, OPERATOR_API_KEYS: `anna:${keys.operator}`,
      RATE_LIMIT_INTENTS_PER_MINUTE: '1000', RATE_LIMIT_REPORTS_PER_MINUTE: '1000', RATE_LIMIT_DELIVERIES_PER_MINUTE: '1000', RATE_LIMIT_SMS_PER_MINUTE: '1000',
    },
  });
  kiosk = kioskAt(stack.url);
  const post = <Body>(path: string, body: unknown) => kiosk.must<Body>(201, kiosk.post<Body>(path, body, bearer(keys.own)));
  const session = await post<Session>('/api/sessions', { type: 'diagnostics' });
  const thickness = await post<Session>('/api/sessions', { type: 'thickness' });
  const intent = await post<Intent>('/api/payments/intent', { amount: prices.diagnostics, currency: 'RUB', sessionId: session.id });
  const report = await post<Report>('/api/reports/diagnostics', sampleOf('diagnostics-granta', session.id));
  ids = { sessions: session.id, payments: intent.intentId, reports: report.reportId, thickness: thickness.id };
  await until(
    () => kiosk.must(200, kiosk.get<Report>(`/api/reports/${report.reportId}`, bearer(keys.operator))),
    ({ deliveries }) => deliveries.every(({ status }) => status === 'sent'),
  );
}, 120_000);
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

async function ask({ method, path, example }: (typeof operations)[number], key: string | undefined): Promise<Answer<unknown>> {
  const address = path.replace('{sessionId}', ids['sessions']!).replace(/\{\w+\}/, ids[/^\/api\/(\w+)/.exec(path)![1]!]!);
  const session = ids[path.endsWith('/thickness') ? 'thickness' : 'sessions']!;
  const body = example === undefined ? undefined : JSON.stringify(example).replaceAll(/ses_\w+/g, session);
  if (!path.endsWith('/events')) return kiosk.send(method, address, { body, headers: bearer(key) });
  // Who is let in here gets an answer without an end.
  const stream = await fetch(stack.url + address, { headers: bearer(key) });
  if (!stream.ok) return { status: stream.status, headers: stream.headers, body: await stream.json() };
  await stream.body?.cancel();
  return { status: stream.status, headers: stream.headers, body: undefined };
}

/** All that the lists show, and the reports of the sessions. */
function everything(): Promise<unknown> {
  const paths = ['/api/sessions', '/api/payments', `/api/reports/session/${ids['sessions']}`, `/api/reports/session/${ids['thickness']}`];
  return Promise.all(paths.map((path) => kiosk.must(200, kiosk.get(path, bearer(keys.operator)))));
}

test('S3 nobody, and nobody with a wrong key, may anything that has an owner, and nothing changes', async () => {
  const before = await everything();
  for (const operation of keyed) {
    for (const key of [undefined, keys.wrong]) expect([operation.name, expectProblem(await ask(operation, key), { status: 401 }).reason]).toEqual([operation.name, 'unauthenticated']);
  }
  expect(await everything()).toEqual(before);
});

test('S3 to another kiosk it is as if it were not there, and nothing changes', async () => {
  expect(ofOne.length).toBeGreaterThan(12);
  const before = await everything();
  for (const operation of ofOne) {
    const answer = await ask(operation, keys.other);
    expect([operation.name, answer.status]).toEqual([operation.name, 404]);
    expect(expectProblem(answer, { status: 404 }).reason).toMatch(/_not_found$/);
  }
  // A filter narrows the kiosk's own: with somebody else's id in it there is as little as with one that never was.
  const filters = ['', `?kioskId=k-1`, '?kioskId=k-9'].map((query) => ['/api/sessions', query, 'sessions'] as const);
  const ofSession = ['', `?sessionId=${ids['sessions']}`, `?sessionId=${unknownSession}`].map((query) => ['/api/payments', query, 'payments'] as const);
  for (const [path, query, list] of [...filters, ...ofSession]) {
    expect(await kiosk.must(200, kiosk.get(path + query, bearer(keys.other)))).toEqual({ [list]: [], count: 0 });
  }
  expect(await everything()).toEqual(before);
});

test('S3 of the reports of a session a kiosk hears as of the session itself, whether there are any or not', async () => {
  const reportsOf = (session: string, key: string) => kiosk.get(`/api/reports/session/${session}`, bearer(key));
  expect(await kiosk.must(200, reportsOf(ids['thickness']!, keys.own))).toEqual({ reports: [], count: 0 });
  for (const [session, key] of [[ids['sessions'], keys.other], [ids['thickness'], keys.other], [unknownSession, keys.other], [unknownSession, keys.operator]] as const) {
    expectProblem(await reportsOf(session!, key), { status: 404, reason: 'session_not_found' });
  }
});

test('S3 a kiosk may not what is an operator\'s, and nothing changes', async () => {
  const before = await everything();
  for (const operation of keyed.filter(({ roles }) => !roles.includes('kiosk'))) {
    for (const key of [keys.own, keys.other]) expect([operation.name, expectProblem(await ask(operation, key), { status: 403 }).reason]).toEqual([operation.name, 'operator_only']);
  }
  expect(await everything()).toEqual(before);
});

test('S3 the kiosk whose it is and an operator are let in everywhere', async () => {
  // Those that end something last: after them other calls would be refused for what they did.
  const ending = ({ method, path }: (typeof keyed)[number]) => (method === 'DELETE' ? 2 : Number(/\/(cancel|complete|expire|fail|refund)/.test(path)));
  for (const operation of keyed.toSorted((a, b) => ending(a) - ending(b))) {
    for (const key of operation.roles.includes('kiosk') ? [keys.own, keys.operator] : [keys.operator]) {
      expect([operation.name, key, [401, 403, 404].includes((await ask(operation, key)).status)]).toEqual([operation.name, key, false]);
    }
  }
});
