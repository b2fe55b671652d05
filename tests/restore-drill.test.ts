/**
 * The worst day, as a drill: kiosks at work, a backup in the middle of it, the disk gone, the newest backup restored, the day reconciled with the PSP. An
 * oracle outside knows what was acknowledged and what was paid; the drill tells how much was lost (RPO) and how long it took (RTO).
 */
import { expect, test } from '@jest/globals';
import { startPsp, type Psp } from '@kiosk/psp';
import { startProcesses } from '@kiosk/stack';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kioskAt, prices, type Intent, type Kiosk, type Report, type Session } from './kiosk.ts';
import { operate } from './operator.ts';
import { until } from './until.ts';

const credentials = { shopId: '100500', secretKey: 'test_drill' };
/** The promise to the operator is a quarter of an hour; the data here are small, and a busy machine is slow. */
const recoveryLimitMs = 120_000;
const patience = { withinMs: 60_000, everyMs: 100 };

type Visit = { at: number; sessionId: string; intentId?: string; report?: Report };

test('O2 P14 the disk is lost under load: the newest backup restores, what it knew is all there, and reconciliation accounts for every payment since', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-drill-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  let webhookUrl: string | undefined;
  const psp = cleanup.use(await startPsp({ ...credentials, webhookUrl: () => webhookUrl, deliverEveryMs: 200, notificationTimeoutMs: 2000 }));
  const storagePath = join(folder, 'storage');
  const settings = {
    PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: credentials.shopId, YOOKASSA_SECRET_KEY: credentials.secretKey, YOOKASSA_API_URL: psp.url,
    PAYMENT_POLL_INTERVAL_MS: '100', BACKUP_PATH: join(folder, 'backups'), BACKUP_KEYS_PATH: join(folder, 'keys'),
  };
  const settingsFile = join(folder, 'service.json');
  writeFileSync(settingsFile, '{}');
  const visits: Visit[] = [];
  let waiting: Intent | undefined;
  let backedUpAt = 0;
  let destroyedAt = 0;
  let env: Readonly<Record<string, string | undefined>> = {};
  const working: Promise<void>[] = [];
  {
    await using processes = await startProcesses({ storagePath, settings });
    webhookUrl = `${processes.url}/api/payments/webhook`;
    const kiosk = kioskAt(processes.url);
    // This customer holds the QR through all of it.
    const session = await kiosk.openSession({ type: 'thickness' });
    waiting = await kiosk.openIntent(session, prices.thickness);
    env = { ...processes.env, CONFIG_FILE: settingsFile };
    for (let i = 0; i < 3; i++) {
      working.push((async () => {
        while (destroyedAt === 0) {
          await visit(kiosk, psp, visits).catch((error: unknown) => {
            // Whatever the screens see then: the machine is gone.
            if (destroyedAt === 0) throw error;
          });
        }
      })());
    }
    await until(() => visits.filter(({ report }) => report).length, (count) => count >= 6, patience);
    backedUpAt = Date.now();
    expect(await operate('backup', [], processes.env)).toMatchObject({ code: 0 });
    const before = visits.length;
    await until(() => visits.slice(before).filter(({ report }) => report).length, (count) => count >= 4, patience);
    expect(await operate('restore', ['newest', '--wait', '0'], processes.env)).toMatchObject({ code: 1, output: expect.stringMatching(/^nothing restored: the system is running: port \d+ \(\w+\) is in use; stop it first/) });
    destroyedAt = Date.now();
    webhookUrl = undefined;
    rmSync(storagePath, { recursive: true });
  }
  // A service that is told to stop on a storage that is gone may leave something there.
  rmSync(storagePath, { recursive: true, force: true });
  psp.pay(psp.payments().find(({ metadata }) => metadata['intent_id'] === waiting.intentId)!.id);

  const recoveringSince = performance.now();
  const restored = await operate('restore', ['newest'], env);
  expect(restored).toMatchObject({ code: 0, output: expect.stringContaining('now: start the system; npm run reconcile -- --since ') });
  const [, since = ''] = /--since (\S+);/.exec(restored.output)!;
  await using processes = await startProcesses({ storagePath, settings });
  const reconciled = await operate('reconcile', ['--since', since], processes.env);
  const recoveryMs = performance.now() - recoveringSince;
  await Promise.all(working);

  // Whatever was acknowledged before the backup is there.
  const kiosk = kioskAt(processes.url);
  const known = visits.filter(({ at }) => at < backedUpAt);
  for (const { sessionId, intentId, report } of known) {
    expect(await kiosk.session(sessionId)).toMatchObject({ id: sessionId });
    if (intentId !== undefined) expect(await kiosk.intent(intentId)).toMatchObject({ sessionId });
    if (report) expect((await kiosk.pdf(await kiosk.report(report.reportId))).headers.get('etag')).toBe(`"${report.sha256}"`);
  }
  // Every ruble that came is either in our books or on the operator's list, and none is in both.
  const lost: string[] = [];
  for (const payment of psp.payments().filter(({ status }) => status === 'succeeded')) {
    const intent = await kiosk.get<Intent>(`/api/payments/intent/${String(payment.metadata['intent_id'])}`);
    if (intent.status === 404) lost.push(payment.id);
    else expect(intent).toMatchObject({ status: 200, body: { status: 'confirmed' } });
  }
  expect(new Set([...reconciled.output.matchAll(/^missing_here {2}payment {2}(\S+)/gm)].map(([, id]) => id))).toEqual(new Set(lost));
  expect(lost.length).toBeGreaterThanOrEqual(4);
  expect(reconciled.code).toBe(1);
  expect(await kiosk.intent(waiting.intentId)).toMatchObject({ status: 'confirmed' });
  const listed = await operate('anomalies', [], processes.env);
  for (const id of lost) expect(listed.output).toContain(`reconciliation_missing_here  ${id}`);

  const lossMs = destroyedAt - Date.parse(since);
  const lostVisits = visits.filter(({ at }) => at >= Date.parse(since)).length;
  console.info(`restore drill: RPO ${(lossMs / 1000).toFixed(1)} s, the time since the backup (${lostVisits} of ${visits.length} visits, of which ${lost.length} were paid and are listed for the operator); RTO ${(recoveryMs / 1000).toFixed(1)} s from the start of the restore to the end of the reconciliation`);
  // Nothing that was older than the backup is lost, and the backup is as fresh as its start.
  expect(Date.parse(since)).toBeGreaterThanOrEqual(backedUpAt);
  expect(recoveryMs).toBeLessThan(recoveryLimitMs);
}, 300_000);

async function visit(kiosk: Kiosk, psp: Psp, visits: Visit[]): Promise<void> {
  const session = await kiosk.again(() => kiosk.post<Session>('/api/sessions', { type: 'thickness' }));
  const made: Visit = { at: Date.now(), sessionId: session.id };
  visits.push(made);
  const { intentId } = await kiosk.again(() => kiosk.requestIntent(session, prices.thickness, session.id));
  Object.assign(made, { at: Date.now(), intentId });
  const payment = await until(() => psp.payments().find(({ metadata }) => metadata['intent_id'] === intentId), (found) => found !== undefined);
  psp.pay(payment!.id);
  await until(async () => (await kiosk.get<Intent>(`/api/payments/status/${intentId}`)).body.status, (status) => status === 'confirmed');
  const report = await kiosk.again(() => kiosk.requestReport(session, 'thickness-solaris', { email: 'owner@example.com' }));
  Object.assign(made, { at: Date.now(), report });
}
