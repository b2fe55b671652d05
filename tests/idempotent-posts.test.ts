/** Every POST that openapi.json gives an Idempotency-Key, asked again in all the ways that a bad line makes a kiosk ask again. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startStack, type ServiceName, type Stack } from '@kiosk/stack';
import { randomUUID } from 'node:crypto';
import { expectProblem, kioskAt, prices, sampleOf, type Answer, type Intent, type Kiosk, type SampleName, type Session } from './kiosk.ts';

type Body = Record<string, unknown>;
/** A call that can be made once, ready to be made. */
type Ready = {
  path: string;
  body: Body;
  /** Of the same call, and valid as well. */
  other: Body;
  invalid: Body;
  /** How many things the calls have made. */
  made: () => Promise<number>;
};
type Recipe = { owner: ServiceName; prepare: () => Promise<Ready> };
type Named = { id?: string; intentId?: string; reportId?: string; refundId?: string };
type Operation = { operationId: string; 'x-repeatable': boolean; parameters: { name: string }[] };

let stack: Stack;
let kiosk: Kiosk;
let posts: Operation[];

beforeAll(async () => {
  stack = await startStack({ settings: { DEV_MANUAL_MODE: 'true' } });
  kiosk = kioskAt(stack.url);
  const { paths } = await kiosk.must(200, kiosk.get<{ paths: Record<string, { post?: Operation }> }>('/openapi.json'));
  posts = Object.values(paths).flatMap(({ post }) => post ?? []);
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

async function paidSession(type: Session['type']): Promise<{ session: Session; intent: Intent }> {
  const session = await kiosk.openSession({ type });
  const intent = await kiosk.openIntent(session, prices[type]);
  await kiosk.must(200, kiosk.post(`/api/payments/confirm/${intent.intentId}`));
  return { session, intent };
}

function report(type: Session['type'], sample: SampleName): Recipe {
  return {
    owner: 'reporting',
    async prepare() {
      const { session } = await paidSession(type);
      const { data } = sampleOf(sample, session.id);
      return {
        path: `/api/reports/${type}`,
        body: { data, deliverTo: { email: 'client@example.com' } },
        other: { data, deliverTo: { email: 'another@example.com' } },
        invalid: { data: { ...data, vehicleMake: 7 } },
        made: async () => (await kiosk.must(200, kiosk.get<{ count: number }>(`/api/reports/session/${session.id}`))).count,
      };
    },
  };
}

const recipes: Readonly<Record<string, Recipe>> = {
  createSession: {
    owner: 'sessions',
    async prepare() {
      // No other test has a kiosk of this name.
      const kioskId = `k-${randomUUID()}`;
      const body = { type: 'thickness', kioskId, contact: { phone: '8 900 123-45-67', email: 'client@example.com' }, metadata: { a: 1, b: { c: [1, 2], d: 'x' } } };
      return {
        path: '/api/sessions', body, other: { ...body, metadata: { a: 2 } }, invalid: { ...body, type: 'wash' },
        made: async () => (await kiosk.must(200, kiosk.get<{ count: number }>(`/api/sessions?kioskId=${kioskId}`))).count,
      };
    },
  },
  createIntent: {
    owner: 'payments',
    async prepare() {
      const session = await kiosk.openSession({ type: 'thickness' });
      const body = { sessionId: session.id, amount: prices.thickness, currency: 'RUB', metadata: { a: '1', b: '2' } };
      return {
        path: '/api/payments/intent', body, other: { ...body, amount: 100 }, invalid: { ...body, amount: -1 },
        made: async () => (await kiosk.paymentsOf(session)).length,
      };
    },
  },
  refundIntent: {
    owner: 'payments',
    async prepare() {
      const { intent: { intentId } } = await paidSession('thickness');
      return {
        path: `/api/payments/refund/${intentId}`, body: { amount: 100, reason: 'The gauge failed' }, other: { amount: 200, reason: 'The gauge failed' }, invalid: { amount: 100 },
        made: async () => (await kiosk.must(200, kiosk.get<{ refunds: unknown[] }>(`/api/payments/intent/${intentId}`))).refunds.length,
      };
    },
  },
  createDiagnosticsReport: report('diagnostics', 'diagnostics-granta'),
  createThicknessReport: report('thickness', 'thickness-solaris'),
  deliverReport: {
    owner: 'reporting',
    async prepare() {
      const { session } = await paidSession('diagnostics');
      const { reportId } = await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-camry-clean', null));
      return {
        path: `/api/reports/${reportId}/deliver`, body: { email: 'a@example.com', phone: '+79001234567' }, other: { phone: '+79001234567' }, invalid: {},
        // One for each channel.
        made: async () => (await kiosk.report(reportId)).deliveries.length / 2,
      };
    },
  },
};

const byName = Object.entries(recipes);

/** What an answer names: it is the same thing, whatever has become of it meanwhile. */
function nameOf({ body }: Answer<Named>): string | undefined {
  return body.refundId ?? body.reportId ?? body.intentId ?? body.id;
}

function ask({ path, body }: Pick<Ready, 'path' | 'body'>, key: string): Promise<Answer<Named>> {
  return kiosk.post(path, body, { 'idempotency-key': key });
}

/** The same value in another order and with other white space. */
function rewritten(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    (typeof member === 'object' && member !== null && !Array.isArray(member) ? Object.fromEntries(Object.entries(member).toReversed()) : member), 3);
}

test('every POST is safe to repeat, and what follows tells of each one that takes a key', () => {
  expect(posts.filter((post) => !post['x-repeatable']).map(({ operationId }) => operationId)).toEqual([]);
  const keyed = posts.filter(({ parameters }) => parameters.some(({ name }) => name === 'Idempotency-Key'));
  expect(keyed.map(({ operationId }) => operationId).toSorted()).toEqual(Object.keys(recipes).toSorted());
});

describe.each(byName)('%s', (_, { prepare }) => {
  test('P1 P2 the same key and body again, written otherwise too, get the same answer and make nothing more', async () => {
    const ready = await prepare();
    const key = randomUUID();
    const before = await ready.made();
    const first = await ask(ready, key);
    expect(first.status).toBeLessThan(300);
    for (const again of [await ask(ready, key), await kiosk.post<Named>(ready.path, rewritten(ready.body), { 'idempotency-key': key, 'content-type': 'application/json' })]) {
      expect([again.status, nameOf(again)]).toEqual([first.status, nameOf(first)]);
    }
    expect(await ready.made()).toBe(before + 1);
  });

  test('P2 the same key with another body is 422 and makes nothing', async () => {
    const ready = await prepare();
    const key = randomUUID();
    await ask(ready, key);
    const before = await ready.made();
    expectProblem(await ask({ ...ready, body: ready.other }, key), { status: 422, reason: 'idempotency_key_reused' });
    expect(await ready.made()).toBe(before);
  });

  test('P3 eight at once make one; each names it or is asked to come back', async () => {
    const ready = await prepare();
    const key = randomUUID();
    const before = await ready.made();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(ready, key)));
    for (const answer of answers) if (answer.status >= 300) expect([answer.status, answer.headers.get('retry-after')]).toEqual([409, expect.stringMatching(/^[1-9]/)]);
    expect(new Set(answers.filter(({ status }) => status < 300).map(nameOf)).size).toBe(1);
    expect(await ready.made()).toBe(before + 1);
  });

  test('P4 a body that was refused has not used up its key', async () => {
    const ready = await prepare();
    const key = randomUUID();
    expectProblem(await ask({ ...ready, body: ready.invalid }, key), { status: 400 });
    expect((await ask(ready, key)).status).toBeLessThan(300);
  });
});

test.each(['sessions', 'payments', 'reporting'] as const)('P4 what is 503 while %s is down works with the same key afterwards, once', async (down) => {
  const mine = byName.filter(([, { owner }]) => owner === down);
  const calls = await Promise.all(mine.map(async ([, { prepare }]) => ({ ready: await prepare(), key: randomUUID() })));
  const before = await Promise.all(calls.map(({ ready }) => ready.made()));
  await stack.stop(down);
  const refused = await Promise.all(calls.map(({ ready, key }) => ask(ready, key)));
  await stack.start(down);
  for (const answer of refused) {
    expectProblem(answer, { status: 503 });
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]/);
  }
  for (const { ready, key } of calls) for (const _ of [1, 2]) await kiosk.again(() => ask(ready, key));
  expect(await Promise.all(calls.map(({ ready }) => ready.made()))).toEqual(before.map((n) => n + 1));
});
