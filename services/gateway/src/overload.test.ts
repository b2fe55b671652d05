import { expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { readConfig } from './config.ts';
import { errandBy } from './front-door.ts';
import { createRoom, measureEventLoop, urgencies, type Stage, type Urgency } from './overload.ts';
import { aReport, aSession, allRoutes, intentId, problemOf, reportId, requestFor, sessionId, startTestGateway } from './testing.ts';

const places = { vital: 4, visit: 3, report: 2, list: 1 };
const kiosks = readConfig({ KIOSK_API_KEYS: 'k-1:kiosk-one-key-1111,k-1:kiosk-one-key-2222,k-2:kiosk-two-key-1111' });
const intent = { amount: 35_000, currency: 'RUB', sessionId };
const aMeasurement = { data: { sessionId, vehicleType: 'sedan', measurements: [], timestamp: '2026-11-23T09:00:00Z' } };
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

/** Of turns. */
const nobody = { waiting: 0, waitedMs: 0 };

/** Which urgencies are let in. */
function letIn(room: ReturnType<typeof createRoom>): Urgency[] {
  return urgencies.filter((urgency) => room.fault({ urgency }) === undefined);
}

test('G4 each urgency has places of its own, and a place that is left is free again', () => {
  const room = createRoom({ places, toleratedDelayMs: 100, eventLoopDelayMs: () => 0, turns: nobody });
  const first = room.enter({ urgency: 'report' });
  room.enter({ urgency: 'report' });
  expect(() => room.enter({ urgency: 'report' })).toThrow(expect.objectContaining({ kind: 'unavailable', reason: 'overloaded', retryAfterMs: 2000 }));
  expect(letIn(room)).toEqual(['vital', 'visit', 'list']);
  first[Symbol.dispose]();
  expect(letIn(room)).toEqual(['vital', 'visit', 'report', 'list']);
});

test('G4 the later the event loop, the more is refused, the least urgent first, and notifications and status never', () => {
  let delayMs = 0;
  const room = createRoom({ places, toleratedDelayMs: 100, eventLoopDelayMs: () => delayMs, turns: nobody });
  const atDelay = [100, 101, 201, 401, 100_000].map((delay) => {
    delayMs = delay;
    return letIn(room).join(' ');
  });
  expect(atDelay).toEqual(['vital visit report list', 'vital visit report', 'vital visit', 'vital', 'vital']);
});

test('G4 who waits for a turn takes up room, and the wait counts as time inside', () => {
  let at = 0;
  const turns = { waiting: 0, waitedMs: 0 };
  const room = createRoom({ places: { vital: 100, visit: 100, report: 50, list: 50 }, toleratedDelayMs: 100, eventLoopDelayMs: () => 0, turns, now: () => at });
  turns.waiting = 200;
  expect(letIn(room)).toEqual(['vital']);
  turns.waiting = 0;
  expect(letIn(room)).toEqual(['vital', 'visit', 'report', 'list']);
  turns.waitedMs = 490;
  for (let n = 0; n < 2000; n++) {
    using place = room.enter({ urgency: 'visit' });
    at += 10;
    place.succeeded({ isQuickKind: true });
  }
  // Eight may be inside or wait now.
  turns.waiting = 7;
  expect(letIn(room)).toEqual(['vital', 'visit']);
  turns.waiting = 8;
  expect(letIn(room)).toEqual(['vital']);
});

test('G4 while who has paid is turned away fewer and fewer are taken on, and everything else is as before', () => {
  let at = 0;
  const room = createRoom({ places, toleratedDelayMs: 100, eventLoopDelayMs: () => 0, turns: nobody, now: () => at });
  const [begins, reads, ends] = [{ urgency: 'visit', stage: 'begins' }, { urgency: 'visit' }, { urgency: 'report', stage: 'ends' }] as const;
  const areIn = () => [begins, reads, ends].map((errand) => room.fault(errand) === undefined);
  room.turnedAway(reads);
  expect([room.busy(), ...areIn()]).toEqual([false, true, true, true]);
  room.turnedAway(ends);
  expect([room.busy(), ...areIn()]).toEqual([true, false, true, true]);
  at = 2000;
  expect([room.busy(), ...areIn()]).toEqual([false, true, true, true]);
  room.enter(begins)[Symbol.dispose]();
  expect([room.busy(), ...areIn()]).toEqual([true, false, true, true]);
});

test('an event loop that is held up again and again is measured as late, and a second after it as punctual', async () => {
  using eventLoop = measureEventLoop();
  const block = (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  };
  while (eventLoop.delayMs() <= 40) {
    block(80);
    await new Promise(setImmediate);
  }
  while (eventLoop.delayMs() > 40) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(eventLoop.delayMs()).toBeLessThanOrEqual(40);
});

test('every route says how urgent it is: what must get through, and what waits', () => {
  const of = (urgency: Urgency) => allRoutes().filter((route) => route.urgency === urgency).map(({ method, path }) => `${method} ${path}`);
  expect(of('vital')).toEqual(['get /api/payments/status/:id', 'post /api/payments/webhook', 'get /metrics', 'get /health/live', 'get /health/ready']);
  expect(of('list')).toEqual(expect.arrayContaining(['get /api/sessions', 'get /api/payments']));
});

test('G4 a visit begins with its session and ends with its report', () => {
  const of = (stage: Stage) => allRoutes().filter((route) => route.stage === stage).map(({ method, path }) => `${method} ${path}`);
  expect(of('begins')).toEqual(['post /api/sessions']);
  expect(of('ends')).toEqual(['post /api/reports/diagnostics', 'post /api/reports/thickness']);
});

test('what is refused before it is routed is as urgent as its route', () => {
  const routes = allRoutes();
  const errandOf = errandBy(routes);
  for (const route of routes) {
    const { address, init: { method } } = requestFor(route);
    for (const url of [address, `${address}?a=b`, `${address}/`]) expect([url, errandOf(method, url)]).toMatchObject([url, { urgency: route.urgency, stage: route.stage }]);
    expect(errandOf('PUT', address)).toEqual({ urgency: 'list' });
    expect(errandOf(method, `${address}/more/and/more`)).toEqual({ urgency: 'list' });
  }
  expect(errandOf('HEAD', '/api/sessions')).toMatchObject({ urgency: 'list' });
  expect(errandOf('OPTIONS', '/api/sessions')).toEqual({ urgency: 'visit' });
});

test('G4 while what is usually quick takes long, fewer are let in: lists first, then reports, and status and notifications always', () => {
  let at = 0;
  const room = createRoom({ places: { vital: 100, visit: 100, report: 50, list: 50 }, toleratedDelayMs: 100, eventLoopDelayMs: () => 0, turns: nobody, now: () => at });
  for (let n = 0; n < 2000; n++) {
    using place = room.enter({ urgency: 'visit' });
    at += 500;
    place.succeeded({ isQuickKind: true });
  }
  // Eight may be inside now.
  const inside: string[] = [];
  while (room.fault({ urgency: 'visit' }) === undefined) {
    room.enter({ urgency: 'visit' });
    inside.push(letIn(room).join(' '));
  }
  expect(inside).toEqual([...Array.from({ length: 3 }, () => 'vital visit report list'), ...Array.from({ length: 2 }, () => 'vital visit report'), 'vital visit', 'vital visit', 'vital']);
  expect(room.busy()).toBe(true);
});

test('G4 with its places taken the gateway refuses reports at once, and still answers status and notifications', async () => {
  const answer = Promise.withResolvers<void>();
  let waiting = 0;
  await using gateway = await startTestGateway({
    config: { places },
    reporting: {
      getReport: async () => {
        waiting++;
        await answer.promise;
        return { report: aReport };
      },
    },
  });
  const read = () => gateway.send(`/api/reports/${reportId}`);
  const underWay = [read(), read()];
  while (waiting < 2) await new Promise(setImmediate);
  const refused = await gateway.send(`/api/reports/${reportId}`, { headers: { 'x-request-id': 'mine' } });
  expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('x-request-id')]).toEqual([503, '2', 'mine']);
  expect(await (await gateway.send('/metrics')).text()).toContain('http_refused_total{urgency="report",service="gateway"} 1\n');
  expect((await gateway.send('/nope')).status).toBe(404);
  expect(await problemOf(refused)).toMatchObject({ reason: 'overloaded' });
  const page = await gateway.send('/r/any-token', { headers: { accept: 'text/html' } });
  expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([503, 'text/html; charset=utf-8', expect.stringContaining('Отчёт не потерян')]);
  expect(await problemOf(await gateway.send('/r/any-token'))).toMatchObject({ status: 503, reason: 'overloaded' });
  expect((await gateway.send(`/api/payments/status/${intentId}`)).status).toBe(200);
  expect((await gateway.post('/api/payments/webhook', '{}')).status).toBe(200);
  answer.resolve();
  expect((await Promise.all(underWay)).map(({ status }) => status)).toEqual([200, 200]);
  expect((await read()).status).toBe(200);
});

test('G4 nobody is taken on while more reports are asked for than can be made, and whoever is inside already goes on', async () => {
  const full = new Fault({ kind: 'unavailable', reason: 'pdf_queue_full', message: 'Too many reports are being made.', retryAfterMs: 1000 });
  await using gateway = await startTestGateway({ reporting: { createThicknessReport: async () => Promise.reject(full) } });
  expect((await gateway.post('/api/sessions', { type: 'thickness' })).status).toBe(201);
  expect(await problemOf(await gateway.post('/api/reports/thickness', aMeasurement))).toMatchObject({ reason: 'pdf_queue_full' });
  const refused = await gateway.post('/api/sessions', { type: 'thickness' });
  expect([refused.status, refused.headers.get('retry-after'), (await problemOf(refused))['reason']]).toEqual([503, '2', 'overloaded']);
  expect((await gateway.post('/api/payments/intent', intent)).status).toBe(201);
  const others = [`/api/payments/status/${intentId}`, `/api/sessions/${sessionId}`, `/api/reports/${reportId}`, '/api/sessions'];
  expect(await Promise.all(others.map(async (path) => (await gateway.send(path)).status))).toEqual(others.map(() => 200));
  expect((await gateway.post(`/api/sessions/${sessionId}/complete`, {})).status).toBe(200);
  expect((await gateway.post('/api/payments/webhook', '{}')).status).toBe(200);
});

test('G4 reports that strangers ask for keep nobody waiting', async () => {
  const { promise, resolve: leave } = Promise.withResolvers<void>();
  const making = Promise.withResolvers<void>();
  await using gateway = await startTestGateway({
    config: { keys: kiosks.keys, places: { ...places, report: 1 } },
    reporting: {
      createThicknessReport: async () => {
        making.resolve();
        await promise;
        return { report: aReport };
      },
    },
  });
  const ask = (key: string) => gateway.post('/api/reports/thickness', aMeasurement, bearer(key));
  const begin = async () => (await gateway.post('/api/sessions', { type: 'thickness' }, bearer('kiosk-two-key-1111'))).status;
  const underWay = ask('kiosk-one-key-1111');
  await making.promise;
  expect((await Promise.all(Array.from({ length: 4 }, () => ask('guess-guess-guess-1')))).map(({ status }) => status)).toEqual([503, 503, 503, 503]);
  expect(await begin()).toBe(201);
  expect([(await ask('kiosk-two-key-1111')).status, await begin()]).toEqual([503, 503]);
  leave();
  expect((await underWay).status).toBe(201);
});

test('a place is free again after a failure and after a body that was refused', async () => {
  await using gateway = await startTestGateway({ config: { places: { ...places, visit: 1 } }, sessions: { getSession: async () => Promise.reject(new Error('down')) } });
  for (const status of [500, 500, 500]) expect((await gateway.send(`/api/sessions/${sessionId}`)).status).toBe(status);
  for (const status of [400, 400, 400]) expect((await gateway.post('/api/sessions', {})).status).toBe(status);
});

test('G4 one kiosk\'s intents are limited by the minute, whichever of its keys it uses, and no other kiosk\'s', async () => {
  let now = 1_000_000;
  await using gateway = await startTestGateway({ now: () => now, config: { keys: kiosks.keys, ratesPerMinute: { ...kiosks.ratesPerMinute, intents: 2 } } });
  const ask = (key: string) => gateway.post('/api/payments/intent', intent, bearer(key));
  const answers = [await ask('kiosk-one-key-1111'), await ask('kiosk-one-key-2222'), await ask('kiosk-one-key-1111'), await ask('kiosk-two-key-1111')];
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 429, 201]);
  const refused = answers[2]!;
  expect(refused.headers.get('retry-after')).toBe('30');
  expect(refused.headers.get('ratelimit-policy')).toBe('"requests";q=1200;w=60, "intents";q=2;w=60');
  expect(refused.headers.get('ratelimit')).toBe('"requests";r=1197;t=1, "intents";r=0;t=60');
  expect(await problemOf(refused)).toMatchObject({ reason: 'rate_limited', status: 429 });
  now += 30_000;
  expect([(await ask('kiosk-one-key-1111')).status, (await ask('kiosk-one-key-1111')).status]).toEqual([201, 429]);
});

test('who guesses keys is counted by its address, and notifications and probes are never counted', async () => {
  await using gateway = await startTestGateway({ now: () => 0, config: { keys: kiosks.keys, ratesPerMinute: { ...kiosks.ratesPerMinute, requests: 3 } } });
  const guess = (n: number) => gateway.send(`/api/sessions/${sessionId}`, bearer(`guess-guess-guess-${n}`));
  expect([await guess(1), await guess(2), await guess(3), await guess(4)].map(({ status }) => status)).toEqual([401, 401, 401, 429]);
  expect((await gateway.send(`/api/sessions/${sessionId}`, bearer('kiosk-one-key-1111'))).status).toBe(200);
  for (let n = 0; n < 5; n++) {
    expect((await gateway.post('/api/payments/webhook', '{}')).status).toBe(200);
    expect((await gateway.send('/health/live')).status).toBe(200);
  }
});

test('what leads nowhere is counted as everything else is', async () => {
  await using gateway = await startTestGateway({ now: () => 0, config: { keys: kiosks.keys, ratesPerMinute: { ...kiosks.ratesPerMinute, requests: 3 } } });
  const asked = [await gateway.send('/nope'), await gateway.send('/api/sessions', { method: 'PUT' }), await gateway.send('/nope'), await gateway.send('/nope'), await gateway.send('/api/sessions', { method: 'PUT' })];
  expect(asked.map(({ status }) => status)).toEqual([404, 405, 404, 429, 429]);
});

test('everybody together is counted too, strangers by themselves, and nobody is told how much the others ask', async () => {
  await using gateway = await startTestGateway({ now: () => 0, config: { keys: kiosks.keys, ratesPerMinute: { ...kiosks.ratesPerMinute, everyone: 3 } } });
  const ask = (key: string) => gateway.send(`/api/sessions/${sessionId}`, bearer(key));
  const statusesOf = async (...keys: string[]) => (await Promise.all(keys.map(ask))).map(({ status }) => status).toSorted((a, b) => a - b);
  expect(await statusesOf('guess-1', 'guess-2', 'guess-3', 'guess-4')).toEqual([401, 401, 401, 429]);
  expect(await statusesOf('kiosk-one-key-1111', 'kiosk-two-key-1111', 'kiosk-two-key-1111')).toEqual([200, 200, 200]);
  const refused = await ask('kiosk-two-key-1111');
  expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('ratelimit-policy')]).toEqual([429, '20', '"requests";q=1200;w=60']);
  expect((await gateway.post('/api/payments/webhook', '{}')).status).toBe(200);
});

test('G4 each costly call has a rate of its own, which no other call uses up', async () => {
  const rates = { everyone: undefined, requests: undefined, intents: 1, reports: 1, pdfs: 1, pictures: 1, deliveries: 1, sms: undefined };
  const keys = readConfig({ KIOSK_API_KEYS: 'k-1:kiosk-one-key-1111', OPERATOR_API_KEYS: 'anna:operator-key-1111' });
  await using gateway = await startTestGateway({ now: () => 0, config: { keys: keys.keys, ratesPerMinute: rates } });
  const costly = Map.groupBy(allRoutes().filter(({ rate = 'none' }) => rate !== 'none'), ({ rate }) => rate!);
  expect([...costly.keys()].toSorted()).toEqual(['deliveries', 'intents', 'pdfs', 'pictures', 'reports']);
  for (const [rate, routes] of costly) {
    const ask = async (route: Parameters<typeof requestFor>[0]) => {
      const { address, init } = requestFor(route);
      return gateway.send(address, { ...init, headers: { 'content-type': 'application/json', authorization: 'Bearer operator-key-1111' } });
    };
    expect([rate, (await ask(routes[0]!)).status < 300]).toEqual([rate, true]);
    for (const route of routes) {
      const refused = await ask(route);
      expect([route.path, refused.status, refused.headers.get('retry-after')]).toEqual([route.path, 429, '60']);
      expect(await problemOf(refused)).toMatchObject({ reason: 'rate_limited' });
    }
  }
});

test('G4 text messages have a rate of their own, over all calls that may send one', async () => {
  let now = 1_000_000;
  const { keys } = readConfig({ KIOSK_API_KEYS: 'k-1:kiosk-one-key-1111', OPERATOR_API_KEYS: 'anna:operator-key-1111,olga:operator-key-2222' });
  await using gateway = await startTestGateway({ now: () => now, config: { keys, ratesPerMinute: { ...kiosks.ratesPerMinute, sms: 2 } } });
  const report = (deliverTo?: object) => gateway.post('/api/reports/thickness', { ...aMeasurement, deliverTo }, bearer('operator-key-1111'));
  const again = (to: object, key = 'operator-key-1111') => gateway.post(`/api/reports/${reportId}/deliver`, to, bearer(key));
  const [phone, email] = [{ phone: '89001234567' }, { email: 'a@example.com' }];
  // Whoever is in the session's contact may have a phone.
  expect([(await report()).status, (await report({ ...phone, ...email })).status]).toEqual([201, 201]);
  gateway.asked.splice(0);
  for (const refused of [await report(phone), await report(), await again(phone)]) {
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('ratelimit')?.split(', ').at(-1)]).toEqual([429, '30', '"sms";r=0;t=60']);
    expect(await problemOf(refused)).toMatchObject({ reason: 'rate_limited', detail: 'No more than 2 sms a minute.' });
  }
  expect(gateway.asked).toEqual([]);
  // By e-mail it goes on, and for everybody else.
  expect([(await report(email)).status, (await report({})).status, (await again(email)).status, (await again(phone, 'operator-key-2222')).status]).toEqual([201, 201, 202, 202]);
  now += 30_000;
  expect([(await again(phone)).status, (await again(phone)).status]).toEqual([202, 429]);
});

test('an open gateway has only the rates that are set; one with keys has the usual ones', async () => {
  expect(Object.values(readConfig({}).ratesPerMinute)).toEqual(Array.from({ length: 8 }, () => undefined));
  expect(readConfig({ RATE_LIMIT_INTENTS_PER_MINUTE: '7' }).ratesPerMinute).toMatchObject({ intents: 7, requests: undefined });
  expect(kiosks.ratesPerMinute).toEqual({ everyone: 60_000, requests: 1200, intents: 10, reports: 10, pdfs: 60, pictures: 120, deliveries: 10, sms: 10 });
  await using gateway = await startTestGateway({ sessions: { getSession: async () => ({ session: aSession }) } });
  expect((await gateway.send(`/api/sessions/${sessionId}`)).headers.has('ratelimit')).toBe(false);
});
