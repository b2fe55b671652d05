/**
 * G4, told by numbers that no machine's speed changes: there are few places, and many more kiosks that ask. What is measured, goodput and how
 * fast it recovers, is `npm run torture -- overload`.
 */
import { expect, test } from '@jest/globals';
import { startProcesses } from '@kiosk/stack';
import { expectProblem, kioskAt, prices, type Answer, type Intent, type Session } from './kiosk.ts';
import { until } from './until.ts';

const places = { visit: 4, report: 2, list: 1 };
const crowd = 40;
const enough = { good: 60, refused: 300, vital: 60 };
const keys = { crowd: 'kiosk-crowd-key-1', greedy: 'kiosk-greedy-key-1', operator: 'operator-key-11111' };
const notification = { type: 'notification', event: 'payment.succeeded', object: { id: '2d6d597a-000f-5000-9000-145f6df21d6f' } };

test('G4 with ten times too many inside, notifications and status are answered, everything else is served or told when to come back, and afterwards all is as before', async () => {
  await using processes = await startProcesses({
    settings: {
      IN_FLIGHT_VISIT: String(places.visit), IN_FLIGHT_REPORT: String(places.report), IN_FLIGHT_LIST: String(places.list), DEV_MANUAL_MODE: 'true',
      // A machine that is busy with other tests is not what is told of.
      OVERLOAD_DELAY_MS: '60000', RATE_LIMIT_REQUESTS_PER_MINUTE: '1000000', RATE_LIMIT_EVERYONE_PER_MINUTE: '1000000', RATE_LIMIT_INTENTS_PER_MINUTE: '10',
      KIOSK_API_KEYS: `k-crowd:${keys.crowd},k-greedy:${keys.greedy}`, OPERATOR_API_KEYS: `anna:${keys.operator}`,
    },
  });
  const kiosk = kioskAt(processes.url, { key: keys.crowd });
  const session = await kiosk.again(() => kiosk.post<Session>('/api/sessions', { type: 'thickness' }));
  const intent = await kiosk.again(() => kiosk.post<Intent>('/api/payments/intent', { amount: prices.thickness, currency: 'RUB', sessionId: session.id }));

  const good = new Map<string, number>();
  const refused = new Map<string, number>();
  const opened: string[] = [];
  const vital: number[] = [];
  let over = false;
  const count = (counts: Map<string, number>, what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const sum = (counts: Map<string, number>): number => [...counts.values()].reduce((all, each) => all + each, 0);

  const asks: [what: string, ask: () => Promise<Answer<unknown>>][] = [
    ['open', () => kiosk.post('/api/sessions', { type: 'thickness' })],
    ['read', () => kiosk.get(`/api/sessions/${session.id}`)],
    ['reports', () => kiosk.get(`/api/reports/session/${session.id}`)],
    ['list', () => kiosk.get('/api/sessions?limit=1')],
  ];
  async function crowdIn(turn: number): Promise<void> {
    for (let n = turn; !over; n++) {
      const [what, ask] = asks[n % asks.length]!;
      const answer = await ask();
      if (answer.status === 200 || answer.status === 201) {
        count(good, what);
        if (what === 'open') opened.push((answer.body as Session).id);
        continue;
      }
      expectProblem(answer, { status: 503, reason: 'overloaded' });
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      count(refused, what);
      // A kiosk would wait for longer; this one asks again at once, and leaves the machine a breath.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  // What fails in the crowd fails the test, and not what waits for it.
  const crowding = Promise.all(Array.from({ length: crowd }, (_, turn) => crowdIn(turn))).finally(() => {
    over = true;
  });

  // While they are at it, and not before.
  await Promise.race([until(() => sum(refused), (count) => count > crowd, { withinMs: 60_000 }), crowding]);
  const watch = (async () => {
    const isEnough = () => sum(good) >= enough.good && sum(refused) >= enough.refused && vital.length >= enough.vital && good.size === asks.length && refused.size === asks.length;
    while (!over && !isEnough()) {
      vital.push((await kiosk.post('/api/payments/webhook', notification)).status, (await kiosk.get(`/api/payments/status/${intent.intentId}`)).status);
    }
  })();
  // One that asks too often is told so, by a rate of its own, and is no part of the crowd.
  const greedy = kioskAt(processes.url, { key: keys.greedy });
  const answers: Answer<unknown>[] = [];
  while (answers.filter(({ status }) => status === 429).length < 3 && answers.length < 200) {
    answers.push(await greedy.post('/api/payments/intent', { amount: prices.thickness, currency: 'RUB', sessionId: 'ses_00000000000000000000000000' }));
  }
  await watch;
  over = true;
  await crowding;

  expect(new Set(vital)).toEqual(new Set([200]));
  for (const counts of [good, refused]) expect([...counts.keys()].toSorted()).toEqual(['list', 'open', 'read', 'reports']);
  for (const answer of answers.filter(({ status }) => status !== 404)) {
    expect(expectProblem(answer, { status: answer.status }).reason).toBe(answer.status === 429 ? 'rate_limited' : 'overloaded');
    expect([429, 503]).toContain(answer.status);
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
  }
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(3);

  // Afterwards each of as many as there are places is served at once, and what was acknowledged is there.
  for (const [, ask] of asks) expect([200, 201]).toContain((await ask()).status);
  const another = await kiosk.must(201, kiosk.post<Session>('/api/sessions', { type: 'diagnostics' }));
  await kiosk.must(201, kiosk.requestIntent(another, prices.diagnostics));
  const known = await Promise.all(opened.slice(-places.visit).map((id) => kiosk.get<Session>(`/api/sessions/${id}`)));
  expect(known.map(({ status }) => status)).toEqual(known.map(() => 200));
  expect(processes.lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
}, 180_000);

test('G4 when more have paid than reports can be made for, the next customer waits, and everybody who paid gets the report', async () => {
  await using processes = await startProcesses({
    settings: { PDF_WORKERS: '1', PDF_QUEUE_LIMIT: '1', REPORTS_REQUIRE_PAYMENT: 'true', DEV_AUTO_CONFIRM_DELAY_MS: '0', OVERLOAD_DELAY_MS: '60000' },
  });
  const kiosk = kioskAt(processes.url);
  const paid = await Promise.all(Array.from({ length: 8 }, async () => {
    const session = await kiosk.openSession({ type: 'thickness' });
    expect(await kiosk.untilFinal((await kiosk.openIntent(session, prices.thickness)).intentId)).toMatchObject({ status: 'confirmed' });
    return session;
  }));
  const ask = (session: Session) => kiosk.requestReport(session, 'thickness-solaris', { email: 'client@example.com' });
  const asked = paid.map(ask);
  // At once: a customer may begin again two seconds after the last refusal, and the first report of all takes that long on a slow machine.
  await Promise.any(asked.map(async (answer) => expect((await answer).status).not.toBe(201)));
  const next = await kiosk.post('/api/sessions', { type: 'diagnostics' });
  expectProblem(next, { status: 503, reason: 'overloaded' });
  expect(next.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);

  const answers = await Promise.all(asked);
  const turnedAway = paid.filter((_, index) => answers[index]!.status !== 201);
  for (const answer of answers.filter(({ status }) => status !== 201)) expectProblem(answer, { status: 503, reason: 'pdf_queue_full' });
  for (const session of turnedAway) expect(await kiosk.again(() => ask(session))).toMatchObject({ sessionId: session.id, status: 'ready' });
  const later = await kiosk.again(() => kiosk.post<Session>('/api/sessions', { type: 'diagnostics' }));
  await kiosk.openIntent(later, prices.diagnostics);
});
