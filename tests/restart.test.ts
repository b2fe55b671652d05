/**
 * Services are restarted one after the other, in several orders, while kiosks are at work through the TypeScript client. What its retries are: the same call with
 * the same body and Idempotency-Key again, after a connection that was refused or broke, and after a 503 or 504 when its Retry-After is over. Any other refusal, and one of these that says nothing about coming back, fails the test. Seconds come from KIOSK_ROLLING_SECONDS.
 */
import { expect, test } from '@jest/globals';
import { createClient, type Client, type Intent, type Refund, type Report, type Session, type SessionEvent } from '@kiosk/client';
import { startProcesses, type ServiceName } from '@kiosk/stack';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prices } from './kiosk.ts';
import { emailsIn } from './outbox.ts';
import { until } from './until.ts';

const seconds = Number(process.env['KIOSK_ROLLING_SECONDS'] ?? 20);
const orders: readonly (readonly ServiceName[])[] = [
  ['sessions', 'payments', 'reporting', 'gateway'],
  ['gateway', 'reporting', 'payments', 'sessions'],
  ['payments', 'gateway', 'sessions', 'reporting'],
];
const customers = 2;
const refunded = 5000;

type Visit = { session: Session; intent: Intent; report: Report; refund: Refund; told: SessionEvent[] };
type Body = Parameters<Client['createThicknessReport']>[0]['body'];
const { data } = JSON.parse(readFileSync(join(import.meta.dirname, '../docs/samples/thickness-solaris.json'), 'utf8')) as { data: Body['data'] };

/** A client that never gives up, and what it was answered. */
function patientClient(url: string) {
  const answers = new Map<string, number>();
  const broken: string[] = [];
  const count = (what: string): void => void answers.set(what, (answers.get(what) ?? 0) + 1);
  const kiosk = createClient({
    url,
    attempts: 100,
    // The time to come back is at least a second: many visits a minute are worth more here.
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms / 4)),
    async fetch(input, init) {
      try {
        const response = await fetch(input, init);
        count(String(response.status));
        const again = [503, 504].includes(response.status) && response.headers.has('retry-after');
        if (!response.ok && !again) broken.push(`${init?.method} ${input instanceof URL ? input.pathname : ''} ${response.status} ${await response.clone().text()}`);
        return response;
      } catch (error) {
        if (!init?.signal?.aborted) count('no answer');
        throw error;
      }
    },
  });
  return { kiosk, answers, broken };
}

/** A visit from its contact to its end, and an operator who gives a part back. The screen hears of everything by events. */
async function visit(kiosk: Client): Promise<Visit> {
  const session = await kiosk.createSession({ body: { type: 'thickness', contact: { email: 'owner@example.com' } } });
  const told: SessionEvent[] = [];
  const leave = new AbortController();
  const heard = async (fits: (event: SessionEvent) => boolean): Promise<void> => {
    await until(() => told.some(fits), Boolean, { withinMs: 60_000 });
  };
  const listening = (async () => {
    for await (const event of kiosk.watchSession({ id: session.id }, { signal: leave.signal })) told.push(event);
  })();
  const intent = await kiosk.createIntent({ body: { amount: prices.thickness, currency: 'RUB', sessionId: session.id } });
  await heard(({ event }) => event === 'payment');
  await kiosk.confirmIntent({ id: intent.intentId, body: {} });
  await heard(({ event, data: { status } }) => event === 'payment' && status === 'confirmed');
  const report = await kiosk.createThicknessReport({ body: { data: { ...data, sessionId: session.id } } });
  await heard(({ event, data: { status } }) => event === 'delivery' && status === 'sent');
  const refund = await kiosk.refundIntent({ id: intent.intentId, body: { amount: refunded, reason: 'half done' } });
  await kiosk.completeSession({ id: session.id });
  await heard((message) => message.event === 'payment' && message.data.refundedAmount === refunded);
  await heard(({ event, data: { status } }) => event === 'session' && status === 'completed');
  leave.abort();
  await listening;
  return { session, intent, report, refund, told };
}

test(`G5 the services restarted in several orders under load for ${seconds} s: nothing is lost, nothing is doubled, and no call fails that is retried with its key`, async () => {
  await using processes = await startProcesses({ settings: { DEV_MANUAL_MODE: 'true', LOG_LEVEL: 'info' } });
  const { kiosk, answers, broken } = patientClient(processes.url);
  const endsAt = performance.now() + seconds * 1000;
  let done = false;
  const working = Array.from({ length: customers }, async () => {
    const visits: Visit[] = [];
    while (!done) visits.push(await visit(kiosk));
    return visits;
  });
  let restarts = 0;
  // Each order once, however slow the machine is, and again while there is time.
  for (let round = 0; round < orders.length || performance.now() < endsAt; round++) {
    for (const name of orders[round % orders.length]!) {
      await processes.kill(name, 'SIGTERM');
      await processes.up(name);
      restarts++;
    }
  }
  done = true;
  const visits = (await Promise.all(working)).flat();
  console.info(`${restarts} restarts, ${visits.length} visits; answers ${JSON.stringify(Object.fromEntries(answers))}`);
  expect(broken).toEqual([]);

  for (const { session, intent, report, refund } of visits) {
    expect(await kiosk.getSession({ id: session.id })).toMatchObject({ status: 'completed' });
    const { payments } = await kiosk.listIntents({ query: { sessionId: session.id } });
    expect(payments).toMatchObject([{ intentId: intent.intentId, status: 'confirmed', refundedAmount: refunded, refunds: [{ refundId: refund.refundId }] }]);
    const { reports } = await kiosk.listSessionReports({ id: session.id });
    expect(reports).toMatchObject([{ reportId: report.reportId, sha256: report.sha256, deliveries: [{ channel: 'email', status: 'sent' }] }]);
  }
  const { sessions } = await kiosk.listSessions({ query: { limit: 200 } });
  expect(sessions).toHaveLength(Math.min(visits.length, 200));
  // A delivery that a stop interrupts may be repeated, with the same Message-ID (D4).
  expect(new Set((await emailsIn(processes.storagePath)).map(({ messageId }) => messageId)).size).toBe(visits.length);
  // At least one for each customer was under way at some restart.
  expect(visits.length).toBeGreaterThanOrEqual(customers);
  // An orderly stop is one, within its ten seconds: nobody was killed, nobody failed.
  expect(processes.lines.filter((line) => /exited with code [^0]|was killed|could not stop/.test(line))).toEqual([]);
  expect(processes.lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
}, (seconds + 400) * 1000);
