/** X4: an operator erases a customer, and nothing that names them is left anywhere under STORAGE_PATH. */
import { expect, test } from '@jest/globals';
import { startPsp, type Psp } from '@kiosk/psp';
import { startStack } from '@kiosk/stack';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expectProblem, kioskAt, prices, type Intent, type Kiosk, type Session } from './kiosk.ts';
import { operate } from './operator.ts';
import { until } from './until.ts';

const credentials = { shopId: '100500', secretKey: 'test_erasure' };
const canaries = ['canary.customer', '9123456780', 'Kanareykin'];

/** The stack at the pretend YooKassa, with receipts. */
async function startShop({ storagePath, psp: otherPsp }: { storagePath?: string; psp?: Psp } = {}) {
  await using starting = new AsyncDisposableStack();
  const psp = otherPsp ?? starting.use(await startPsp(credentials));
  const stack = starting.use(await startStack({
    storagePath,
    settings: {
      PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: credentials.shopId, YOOKASSA_SECRET_KEY: credentials.secretKey, YOOKASSA_API_URL: psp.url,
      PAYMENT_POLL_INTERVAL_MS: '50', RECEIPTS_ENABLED: 'true', RECEIPT_FALLBACK_EMAIL: 'receipts@kiosk.example',
    },
  }));
  const running = starting.move();
  return { psp, stack, kiosk: kioskAt(stack.url), [Symbol.asyncDispose]: () => running.disposeAsync() };
}

type Shop = Awaited<ReturnType<typeof startShop>>;

/** Where each canary still is, but for the development outbox, which stands for other people's mailboxes, and for what a restore put aside. */
function traces({ stack: { storagePath } }: Pick<Shop, 'stack'>): string[] {
  return readdirSync(storagePath, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || /^(outbox|before-restore-)/.test(relative(storagePath, path))) return [];
    const text = textOf(path);
    return canaries.filter((canary) => text.includes(canary)).map((canary) => `${canary} in ${entry.name}`);
  });
}

/** Empty where the file was removed since it was listed. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function openSession(kiosk: Kiosk): Promise<Session> {
  return kiosk.openSession({
    type: 'diagnostics', contact: { email: 'canary.customer@example.com', phone: '+79123456780', consent: { textVersion: 'offer-1', at: '2026-11-20T09:00:00Z' } },
    metadata: { name: 'Kanareykin' },
  });
}

const requestIntent = (kiosk: Kiosk, { id }: Session) => kiosk.must(201, kiosk.post<Intent>('/api/payments/intent', {
  amount: prices.diagnostics, currency: 'RUB', sessionId: id, description: 'For Kanareykin', metadata: { phone: '+79123456780' },
}, { 'idempotency-key': `key-of-${id}` }));

/** A paid visit with its report sent and half of the money given back. */
async function visit({ kiosk, psp }: Shop): Promise<{ session: Session; intent: Intent; reportId: string }> {
  const session = await openSession(kiosk);
  const intent = await requestIntent(kiosk, session);
  psp.pay(psp.payments().find(({ metadata }) => metadata['intent_id'] === intent.intentId)!.id);
  await until(() => kiosk.intent(intent.intentId), ({ status }) => status === 'confirmed');
  const { reportId } = await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-granta', null));
  await kiosk.untilSent(reportId);
  await kiosk.must(201, kiosk.post(`/api/payments/refund/${intent.intentId}`, { amount: 10_000, reason: 'Asked by canary.customer@example.com, +7 912 345-67-80' }));
  return { session, intent, reportId };
}

const erase = (kiosk: Kiosk, id: string) => kiosk.send('DELETE', `/api/sessions/${id}`);

test('X4 after erasing a customer no file has their e-mail, phone or name; money, refunds and audit stay', async () => {
  await using shop = await startShop();
  const { kiosk } = shop;
  const { session, intent, reportId } = await visit(shop);
  const neighbour = await kiosk.openSession({ type: 'thickness', contact: { email: 'neighbour@example.com' } });
  expect(new Set(traces(shop).map((trace) => trace.split(' ')[0]))).toEqual(new Set(canaries));

  expect(await erase(kiosk, session.id)).toMatchObject({ status: 204, body: '' });

  expect(traces(shop)).toEqual([]);
  expect(await kiosk.session(session.id)).toMatchObject({ status: 'expired', contact: {}, metadata: {}, erasedAt: expect.any(String) });
  expect(await kiosk.intent(intent.intentId)).toMatchObject({ status: 'confirmed', amount: prices.diagnostics, metadata: {}, refundedAmount: 10_000, refunds: [{ amount: 10_000, reason: 'Asked by *** ***' }] });
  expect(await kiosk.report(reportId)).toMatchObject({ deliveries: [{ to: '***', status: 'sent' }, { to: '***', status: 'sent' }] });
  expectProblem(await kiosk.get(`/api/reports/${reportId}/pdf`), { status: 404, reason: 'report_file_missing' });
  const audit = await kiosk.must(200, kiosk.get<{ entries: { service: string; type: string; details: object }[] }>(`/api/audit?entityId=${session.id}`));
  expect(audit.entries.map(({ service, type }) => `${service} ${type}`)).toEqual(expect.arrayContaining([
    'sessions session.created', 'sessions session.consent', 'sessions session.expired', 'sessions session.erased', 'payments session.erased',
  ]));
  expect(audit.entries.find(({ type }) => type === 'session.consent')?.details).toEqual({ textVersion: 'offer-1', at: Date.parse('2026-11-20T09:00:00Z') });
  expect(await kiosk.session(neighbour.id)).toMatchObject({ status: 'active', contact: { email: 'neighbour@example.com' } });

  // Again, and for what cannot come back.
  expect((await erase(kiosk, session.id)).status).toBe(204);
  expectProblem(await kiosk.patch(`/api/sessions/${session.id}`, { contact: { email: 'canary.customer@example.com' } }), { status: 409, reason: 'session_final' });
  expectProblem(await kiosk.requestReport(session, 'diagnostics-granta', { email: 'canary.customer@example.com' }), { status: 409, reason: 'session_final' });
  expectProblem(await kiosk.requestIntent(session, prices.diagnostics), { status: 409, reason: 'session_final' });
  expectProblem(await erase(kiosk, 'ses_00000000000000000000000000'), { status: 404, reason: 'session_not_found' });
  expect(traces(shop)).toEqual([]);
});

test('X4 services that were away when the operator asked erase when they are back', async () => {
  await using shop = await startShop();
  const { kiosk, stack } = shop;
  const { session, intent } = await visit(shop);
  for (const name of ['payments', 'reporting'] as const) await stack.stop(name);
  expectProblem(await erase(kiosk, session.id), { status: 503 });
  expect(traces(shop).length).toBeGreaterThan(0);
  for (const name of ['payments', 'reporting'] as const) await stack.start(name);
  await until(() => traces(shop), (left) => left.length === 0);
  expect((await kiosk.again(() => kiosk.get<Intent>(`/api/payments/intent/${intent.intentId}`))).amount).toBe(prices.diagnostics);
  expect((await erase(kiosk, session.id)).status).toBe(204);
});

test('P9 X4 money that comes after its customer was erased goes back by itself, and its receipt goes to the operator', async () => {
  await using shop = await startShop();
  const { kiosk, psp } = shop;
  const session = await openSession(kiosk);
  const { intentId } = await requestIntent(kiosk, session);
  expect((await erase(kiosk, session.id)).status).toBe(204);
  expect(await kiosk.intent(intentId)).toMatchObject({ status: 'failed', failureReason: 'canceled_by_customer' });
  psp.pay(psp.payments().find(({ metadata }) => metadata['intent_id'] === intentId)!.id);
  const answer = await until(() => kiosk.get<{ refundedAmount: number }>(`/api/payments/intent/${intentId}`), ({ body }) => body.refundedAmount > 0);
  expect(answer.body.refundedAmount).toBe(prices.diagnostics);
  await until(() => psp.refunds().length, (count) => count === 1);
  expect(JSON.stringify(psp.refunds())).not.toMatch(/canary/);
  expect(traces(shop)).toEqual([]);
});

test('X4 a session that its own retention has deleted is erased where something of it is left', async () => {
  await using shop = await startShop();
  const { kiosk, stack } = shop;
  const { session } = await visit(shop);
  await stack.stop('sessions');
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(join(stack.storagePath, 'sessions.sqlite'));
  database.exec('DELETE FROM sessions');
  database.close();
  await stack.start('sessions');
  await until(() => erase(kiosk, session.id), ({ status }) => status === 204);
  expect(traces(shop)).toEqual([]);
  expect((await erase(kiosk, session.id)).status).toBe(204);
});

test.each([
  ['beside what the disk held, which knows of it', false],
  ['on a new disk, with the session from the log', true],
])('X4 O2 a backup from before the erasure brings nothing of the customer back: %s', async (_, isDiskLost) => {
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-erased-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  const psp = cleanup.use(await startPsp(credentials));
  const storagePath = join(folder, 'storage');
  const ports = ['PORT', 'SESSIONS_GRPC_PORT', 'PAYMENTS_GRPC_PORT', 'REPORTING_GRPC_PORT', 'SESSIONS_METRICS_PORT', 'PAYMENTS_METRICS_PORT', 'REPORTING_METRICS_PORT'];
  const env = {
    PATH: process.env['PATH'], CONFIG_FILE: join(folder, 'service.json'), STORAGE_PATH: storagePath, BACKUP_PATH: join(folder, 'backups'), BACKUP_KEYS_PATH: join(folder, 'keys'),
    ...Object.fromEntries(ports.map((name) => [name, '0'])),
  };
  writeFileSync(env.CONFIG_FILE, '{}');
  const [{ session, intent, reportId }, waiting, neighbour] = await (async () => {
    await using shop = await startShop({ storagePath, psp });
    const { kiosk } = shop;
    const visited = await visit(shop);
    // The mailbox is not there for now.
    rmSync(join(storagePath, 'outbox'), { recursive: true });
    writeFileSync(join(storagePath, 'outbox'), '');
    const undelivered = await kiosk.must(201, kiosk.requestReport(visited.session, 'diagnostics-granta', null));
    const other = await kiosk.openSession({ type: 'thickness', contact: { email: 'neighbour@example.com' } });
    expect(await operate('backup', [], env)).toMatchObject({ code: 0 });
    expect((await erase(kiosk, visited.session.id)).status).toBe(204);
    expect(traces(shop)).toEqual([]);
    return [visited, undelivered, other];
  })();
  if (isDiskLost) rmSync(storagePath, { recursive: true });
  const restored = await operate('restore', ['newest'], env);
  expect(restored).toMatchObject({ code: 0, output: expect.stringContaining(isDiskLost ? 'the old storage could not say who was erased (reporting, payments, sessions)' : '1 customer who had been erased is erased again') });
  if (isDiskLost) {
    mkdirSync(storagePath, { recursive: true });
    appendFileSync(join(storagePath, 'erased-sessions.txt'), `${session.id}\n`);
  }
  rmSync(join(storagePath, 'outbox'), { recursive: true, force: true });

  await using shop = await startShop({ storagePath, psp });
  const { kiosk } = shop;
  expect(await kiosk.again(() => kiosk.get(`/api/sessions/${session.id}`))).toMatchObject({ contact: {}, metadata: {}, erasedAt: expect.any(String) });
  for (const id of [reportId, waiting.reportId]) {
    expectProblem(await kiosk.get(`/api/reports/${id}/pdf`), { status: 404, reason: 'report_file_missing' });
  }
  expect((await kiosk.report(waiting.reportId)).deliveries).toMatchObject([{ to: '***', status: 'dead', lastError: 'erased' }, { to: '***', status: 'dead', lastError: 'erased' }]);
  expect(await kiosk.intent(intent.intentId)).toMatchObject({ status: 'confirmed', metadata: {} });
  expect(await kiosk.session(neighbour.id)).toMatchObject({ status: 'active', contact: { email: 'neighbour@example.com' } });
  await until(() => traces(shop), (left) => left.length === 0);
}, 120_000);
