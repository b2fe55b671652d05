import { DeliveryStatus, DtcStatus, ReportStatus, Severity } from '@kiosk/contracts/reporting/v1/reporting';
import { SessionStatus, SessionType } from '@kiosk/contracts/sessions/v1/sessions';
import { Fault } from '@kiosk/fault';
import type { Call } from '@kiosk/rpc';
import { createLog } from '@kiosk/service';
import { describe, expect, test } from '@jest/globals';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Files } from './files.ts';
import { PdfPool } from './pdf/pool.ts';
import { Rendering, type Pdf } from './rendering.ts';
import type { Store } from './store.ts';
import { create, createThickness, failure, granta, kiosk, read, request, solaris, standInPdf, startTestReporting, type TestReporting } from './testing.ts';

function rows({ sql }: TestReporting): { reports: unknown; deliveries: unknown; keys: unknown } {
  const [count] = sql('SELECT (SELECT count(*) FROM reports) AS reports, (SELECT count(*) FROM deliveries) AS deliveries, (SELECT count(*) FROM idempotency_keys) AS keys');
  return count as ReturnType<typeof rows>;
}

/** Waits to be told before it draws. */
function heldPdf(): { pdf: Pdf; release(): void; readonly drawn: number } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let drawn = 0;
  return {
    pdf: {
      async render(document, options) {
        drawn += 1;
        await promise;
        return standInPdf.render(document, options);
      },
    },
    release: resolve,
    get drawn() {
      return drawn;
    },
  };
}

describe('one key, one report', () => {
  test('P1 D1 repeated and concurrent requests with one key make one report with one delivery for each channel', async () => {
    await using reporting = await startTestReporting();
    const body = request({ sessionId: reporting.visits.open(), idempotencyKey: 'k' });
    const reports = await Promise.all(Array.from({ length: 8 }, () => create(reporting, body)));
    reports.push(await create(reporting, body));
    expect(new Set(reports.map(({ id }) => id)).size).toBe(1);
    expect(rows(reporting)).toEqual({ reports: 1, deliveries: 2, keys: 1 });
  });

  test('P2 the same key with another body is refused and changes nothing; another writing of the same body is not another body', async () => {
    await using reporting = await startTestReporting();
    const sessionId = reporting.visits.open();
    const { id } = await create(reporting, { sessionId, idempotencyKey: 'k', deliverTo: { phone: '8 (912) 345-67-89' } });
    const { id: again } = await create(reporting, { sessionId, idempotencyKey: 'k', deliverTo: { phone: '+79123456789' }, data: { ...granta, vin: granta.vin!.toLowerCase() } });
    expect(again).toBe(id);
    for (const other of [{ data: { ...granta, mileageKm: 1 } }, { deliverTo: { phone: '+79123456780' } }, { deliverTo: undefined }]) {
      expect(await failure(create(reporting, { sessionId, idempotencyKey: 'k', ...other }))).toEqual({ kind: 'invalid', reason: 'idempotency_key_reused' });
    }
    expect(await failure(reporting.client.deliverReport({ idempotencyKey: 'k', reportId: id, to: { email: 'a@example.com' } }))).toMatchObject({ reason: 'idempotency_key_reused' });
    expect(rows(reporting)).toEqual({ reports: 1, deliveries: 1, keys: 1 });
  });

  test('a key belongs to its caller, and without a key each request makes a report', async () => {
    await using reporting = await startTestReporting();
    const sessionId = reporting.visits.open({ kioskId: 'mall' });
    await create(reporting, { sessionId, idempotencyKey: 'k' });
    await create(reporting, { sessionId, idempotencyKey: 'k' }, kiosk('mall'));
    await create(reporting, { sessionId, idempotencyKey: '' });
    await create(reporting, { sessionId, idempotencyKey: '' });
    expect(rows(reporting)).toMatchObject({ reports: 4, keys: 2 });
  });

  test('P4 a refused request claims no key', async () => {
    await using reporting = await startTestReporting();
    const sessionId = reporting.visits.open();
    expect(await failure(create(reporting, { sessionId, idempotencyKey: 'k', data: { ...granta, vehicleMake: '' } }))).toMatchObject({ reason: 'invalid_diagnostics' });
    expect(await failure(create(reporting, { sessionId: 'ses_unknown', idempotencyKey: 'k' }))).toMatchObject({ reason: 'session_not_found' });
    expect((await create(reporting, { sessionId, idempotencyKey: 'k' })).status).toBe(ReportStatus.REPORT_STATUS_READY);
    expect(await failure(create(reporting, { sessionId, idempotencyKey: 'k'.repeat(256) }))).toMatchObject({ reason: 'invalid_idempotency_key' });
  });

  test('a key is answered again while sessions is away', async () => {
    await using reporting = await startTestReporting();
    const body = request({ sessionId: reporting.visits.open(), idempotencyKey: 'k' });
    const { id } = await create(reporting, body);
    reporting.visits.fail(new Fault({ kind: 'unavailable', reason: 'sessions_unavailable', message: 'away' }));
    expect((await create(reporting, body)).id).toBe(id);
  });
});

describe('what a session must be', () => {
  test.each([
    ['of the other type', { type: SessionType.SESSION_TYPE_THICKNESS }, { kind: 'conflict', reason: 'session_type_mismatch' }],
    ['failed', { status: SessionStatus.SESSION_STATUS_FAILED }, { kind: 'conflict', reason: 'session_final' }],
    ['expired and unpaid', { status: SessionStatus.SESSION_STATUS_EXPIRED }, { kind: 'conflict', reason: 'session_final' }],
  ])('a session that is %s gets no report', async (_, session, expected) => {
    await using reporting = await startTestReporting();
    expect(await failure(create(reporting, { sessionId: reporting.visits.open(session) }))).toEqual(expected);
    expect(rows(reporting)).toEqual({ reports: 0, deliveries: 0, keys: 0 });
  });

  test('a completed one and a paid expired one are fine', async () => {
    await using reporting = await startTestReporting();
    const completed = reporting.visits.open({ status: SessionStatus.SESSION_STATUS_COMPLETED });
    const expired = reporting.visits.open({ status: SessionStatus.SESSION_STATUS_EXPIRED });
    reporting.visits.pay(expired);
    for (const sessionId of [completed, expired]) expect((await create(reporting, { sessionId })).status).toBe(ReportStatus.REPORT_STATUS_READY);
  });

  test('G3 deadline, request id and caller travel to sessions', async () => {
    await using reporting = await startTestReporting();
    const deadlineAt = Date.now() + 3000;
    await create(reporting, { sessionId: reporting.visits.open({ kioskId: 'mall' }) }, { requestId: 'req-1', deadlineAt, ...kiosk('mall') });
    const [call] = reporting.visits.calls;
    expect(call).toMatchObject({ requestId: 'req-1', caller: { role: 'kiosk', name: 'mall' } });
    expect(call!.deadlineAt).toBeLessThanOrEqual(deadlineAt);
  });
});

describe('D2 payment', () => {
  const settings = { REPORTS_REQUIRE_PAYMENT: 'true' };

  test('D2 where it is required no report is made before it is confirmed', async () => {
    await using reporting = await startTestReporting({ settings });
    const sessionId = reporting.visits.open();
    expect(await failure(create(reporting, { sessionId, idempotencyKey: 'k' }))).toEqual({ kind: 'payment_required', reason: 'payment_required' });
    expect(rows(reporting).reports).toBe(0);
    reporting.visits.pay(sessionId);
    const { id } = await create(reporting, { sessionId, idempotencyKey: 'k' });
    await reporting.service.deliverDue();
    expect(reporting.email.sent).toHaveLength(1);
    reporting.visits.fail(new Fault({ kind: 'unavailable', reason: 'payments_unavailable', message: 'away' }));
    expect((await reporting.client.getReportPdf({ reportId: id })).pdf.length).toBeGreaterThan(0);
  });

  test('D2 a report made while it was not required is neither delivered nor downloadable before it is paid', async () => {
    await using before = await startTestReporting();
    const { clock, visits } = before;
    const sessionId = visits.open();
    before.email.obstacle = () => Promise.reject(new Error('held back'));
    before.sms.obstacle = before.email.obstacle as never;
    const { id } = await create(before, { sessionId });
    await before.service.deliverDue();
    await using reporting = await startTestReporting({ folder: before.folder, clock, visits, settings });
    clock.advance(600_000);
    await reporting.service.deliverDue();
    expect(reporting.email.sent).toEqual([]);
    expect((await read(reporting, id)).deliveries.map(({ lastError }) => lastError)).toEqual(['payment_required', 'payment_required']);
    expect(await failure(reporting.client.getReportPdf({ reportId: id }))).toMatchObject({ kind: 'payment_required' });
    expect(await failure(reporting.client.deliverReport({ idempotencyKey: '', reportId: id, to: { email: 'a@example.com' } }))).toMatchObject({ kind: 'payment_required' });
    visits.pay(sessionId);
    clock.advance(600_000);
    await reporting.service.deliverDue();
    expect(reporting.email.sent).toHaveLength(1);
    expect((await reporting.client.getReportPdf({ reportId: id })).pdf.length).toBeGreaterThan(0);
  });
});

describe('reading', () => {
  test('S3 a kiosk sees its own reports only', async () => {
    await using reporting = await startTestReporting();
    const sessionId = reporting.visits.open({ kioskId: 'mall' });
    expect(await failure(create(reporting, { sessionId }, kiosk('market')))).toMatchObject({ kind: 'not_found' });
    const { id: reportId } = await create(reporting, { sessionId }, kiosk('mall'));
    const { client } = reporting;
    const foreign = kiosk('market');
    for (const call of [
      client.getReport({ reportId }, foreign), client.getReportPdf({ reportId }, foreign),
      client.deliverReport({ idempotencyKey: '', reportId, to: { email: 'thief@example.com' } }, foreign),
    ]) expect(await failure(call)).toEqual({ kind: 'not_found', reason: 'report_not_found' });
    expect(await failure(client.listSessionReports({ sessionId }, foreign))).toEqual({ kind: 'not_found', reason: 'session_not_found' });
    expect((await client.listSessionReports({ sessionId }, kiosk('mall'))).reports).toMatchObject([{ id: reportId, kioskId: 'mall' }]);
  });

  test('S3 a session without reports has none for who may see it, and is unknown to everybody else', async () => {
    await using reporting = await startTestReporting();
    const sessionId = reporting.visits.open({ kioskId: 'mall' });
    const list = (id: string, call?: Partial<Call>) => reporting.client.listSessionReports({ sessionId: id }, call);
    for (const call of [undefined, kiosk('mall')]) expect((await list(sessionId, call)).reports).toEqual([]);
    for (const asking of [list(sessionId, kiosk('market')), list('ses_unknown'), list('ses_unknown', kiosk('mall'))]) {
      expect(await failure(asking)).toEqual({ kind: 'not_found', reason: 'session_not_found' });
    }
  });

  test('reports that are there are listed while sessions is away; that there are none is not said then', async () => {
    await using reporting = await startTestReporting();
    const [reported, other] = [reporting.visits.open(), reporting.visits.open()];
    const { id } = await create(reporting, { sessionId: reported });
    reporting.visits.fail(new Fault({ kind: 'unavailable', reason: 'sessions_unavailable', message: 'away' }));
    expect((await reporting.client.listSessionReports({ sessionId: reported })).reports).toMatchObject([{ id }]);
    expect(await failure(reporting.client.listSessionReports({ sessionId: other }))).toEqual({ kind: 'unavailable', reason: 'sessions_unavailable' });
  });

  test('a session\'s reports come newest first, with their deliveries', async () => {
    await using reporting = await startTestReporting();
    const sessionId = reporting.visits.open();
    const first = await create(reporting, { sessionId });
    reporting.clock.advance(1);
    const second = await create(reporting, { sessionId, deliverTo: {} });
    await create(reporting, { sessionId: reporting.visits.open() });
    const { reports } = await reporting.client.listSessionReports({ sessionId });
    expect(reports.map(({ id, deliveries }) => [id, deliveries.length])).toEqual([[second.id, 0], [first.id, 2]]);
  });

  test('D8 a file whose bytes are not the report\'s is never served; one that is gone is said to be', async () => {
    await using reporting = await startTestReporting();
    const { id: reportId } = await create(reporting, { sessionId: reporting.visits.open() });
    const path = join(reporting.folder, 'reports/2026/11', `${reportId}.pdf`);
    writeFileSync(path, 'half');
    expect(await failure(reporting.client.getReportPdf({ reportId }))).toMatchObject({ kind: 'internal' });
    expect(reporting.logged).toContainEqual(expect.objectContaining({ level: 'error', reportId }));
    rmSync(path);
    expect(await failure(reporting.client.getReportPdf({ reportId }))).toEqual({ kind: 'not_found', reason: 'report_file_missing' });
  });
});

describe('rendering', () => {
  test('a caller whose time is over hears that the report is being made, and the same key gets it later; nothing is delivered before', async () => {
    const held = heldPdf();
    await using reporting = await startTestReporting({ pdf: held.pdf });
    const body = request({ sessionId: reporting.visits.open(), idempotencyKey: 'k' });
    const early = () => failure(create(reporting, body, { deadlineAt: Date.now() + 500 }));
    let told = await early();
    // A machine that stood still for so long has had no time to say anything.
    while (told.reason === 'deadline_exceeded') told = await early();
    expect(told).toEqual({ kind: 'unavailable', reason: 'report_not_ready' });
    const reportId = reporting.sql('SELECT id FROM reports')[0]!['id'] as string;
    expect(await failure(reporting.client.getReport({ reportId }))).toMatchObject({ reason: 'report_not_ready' });
    expect(await failure(reporting.client.getReportPdf({ reportId }))).toMatchObject({ reason: 'report_not_ready' });
    await reporting.service.deliverDue();
    expect(reporting.email.sent).toEqual([]);
    held.release();
    expect(await create(reporting, body)).toMatchObject({ id: reportId, status: ReportStatus.REPORT_STATUS_READY });
    expect(held.drawn).toBe(1);
    await reporting.service.deliverDue();
    expect(reporting.email.sent).toHaveLength(1);
  });

  test('more reports than the limit are refused before anything is written, and accepted afterwards', async () => {
    const held = heldPdf();
    await using reporting = await startTestReporting({ pdf: held.pdf, settings: { PDF_QUEUE_LIMIT: '2' } });
    const sessionId = reporting.visits.open();
    const accepted = [create(reporting, { sessionId }), create(reporting, { sessionId })];
    while (held.drawn < 2) await new Promise(setImmediate);
    expect(await failure(create(reporting, { sessionId }))).toEqual({ kind: 'unavailable', reason: 'pdf_queue_full' });
    expect(rows(reporting).reports).toBe(2);
    held.release();
    await Promise.all(accepted);
    expect((await create(reporting, { sessionId })).status).toBe(ReportStatus.REPORT_STATUS_READY);
  });

  test('a document that cannot be rendered makes a failed report, whose deliveries wait for a newer template', async () => {
    await using reporting = await startTestReporting({ pdf: { render: () => Promise.reject(new TypeError('a mistake in the template')) } });
    const { sql } = reporting;
    const body = request({ sessionId: reporting.visits.open(), idempotencyKey: 'k' });
    const report = await create(reporting, body);
    expect(report).toMatchObject({ status: ReportStatus.REPORT_STATUS_FAILED, sha256: '', pages: 0 });
    expect(report.deliveries.map(({ status, nextAttemptAt }) => ({ status, nextAttemptAt }))).toEqual(Array(2).fill({ status: DeliveryStatus.DELIVERY_STATUS_QUEUED }));
    expect(await failure(reporting.client.getReportPdf({ reportId: report.id }))).toMatchObject({ reason: 'report_file_missing' });
    expect(await reporting.metric('reports_failed_total', { type: 'diagnostics', method: 'pdf', reason: 'render_failed' })).toBe(1);
    await reporting.service.deliverDue();
    expect(reporting.email.sent).toEqual([]);

    sql('UPDATE reports SET template_version = 0');
    await using next = await startTestReporting({ folder: reporting.folder, clock: reporting.clock, visits: reporting.visits });
    await next.service.resumeRendering();
    await next.service.deliverDue();
    expect((await create(next, body)).status).toBe(ReportStatus.REPORT_STATUS_READY);
    expect(next.email.sent).toHaveLength(1);
  });

  test('a report that keeps killing its worker is given up after five times', async () => {
    const pdf: Pdf = { render: () => Promise.reject(new Fault({ kind: 'unavailable', reason: 'pdf_worker_crashed', message: 'gone' })) };
    await using reporting = await startTestReporting({ pdf });
    const body = request({ sessionId: reporting.visits.open(), idempotencyKey: 'k' });
    for (let time = 1; time <= 5; time += 1) expect(await failure(create(reporting, body))).toMatchObject({ reason: 'pdf_worker_crashed' });
    expect((await create(reporting, body)).status).toBe(ReportStatus.REPORT_STATUS_FAILED);
    expect(await reporting.metric('reports_failed_total', { reason: 'render_crashed' })).toBe(1);
  });

  test('D1 a machine on which no worker comes up spoils no report, however often it is asked for', async () => {
    await using pdf = new PdfPool({ workers: 1, workerUrl: new URL('data:text/javascript,throw new Error("no fonts")') });
    await using reporting = await startTestReporting({ pdf });
    const body = request({ sessionId: reporting.visits.open(), idempotencyKey: 'k' });
    for (let time = 1; time <= 6; time += 1) expect(await failure(create(reporting, body))).toMatchObject({ reason: 'pdf_unavailable' });
    expect(reporting.sql('SELECT status, render_crashes AS crashes FROM reports')).toEqual([{ status: 'rendering', crashes: 0 }]);

    await using well = await startTestReporting({ folder: reporting.folder, clock: reporting.clock, visits: reporting.visits });
    expect((await create(well, body)).status).toBe(ReportStatus.REPORT_STATUS_READY);
    await well.service.deliverDue();
    expect(well.email.sent).toHaveLength(1);
  });

  test('D1 a report whose data cannot be read now has not failed', async () => {
    const failed: string[] = [];
    const store = {
      get: async (id: string) => ({ id, status: 'rendering' }),
      document: async () => { throw new Error('disk I/O error'); },
      failed: async (id: string) => void failed.push(id),
    } as unknown as Store;
    await using rendering = new Rendering({
      store, files: {} as Files, pdf: standInPdf, now: Date.now, log: createLog({ service: 'test', level: 'silent' }), limit: 1, onReady: () => {},
    });
    expect(await failure(rendering.finish('rep_1', { requestId: 'r', caller: { role: 'operator', name: 'o' } }))).toEqual({ kind: 'unavailable', reason: 'report_not_ready' });
    expect(failed).toEqual([]);
  });

  test('D8 a report is made of what was frozen with it, whatever the settings say when it is rendered', async () => {
    const held = heldPdf();
    await using first = await startTestReporting({ pdf: held.pdf, settings: { REPORT_BRAND_NAME: 'Old' } });
    const { clock, visits, folder } = first;
    const body = request({ sessionId: visits.open(), idempotencyKey: 'k' });
    const waiting = Promise.allSettled([create(first, body)]);
    while (held.drawn === 0) await new Promise(setImmediate);
    await using second = await startTestReporting({ folder, clock, visits, settings: { REPORT_BRAND_NAME: 'New' } });
    const { id: reportId } = await create(second, body);
    const { pdf } = await second.client.getReportPdf({ reportId });
    expect(pdf.toString()).toContain('"Old"');
    expect(readdirSync(join(folder, 'reports/2026/11'))).toEqual([`${reportId}.pdf`]);
    held.release();
    await waiting;
  });
});

describe('bad input', () => {
  test.each([
    ['no data', { data: undefined }, 'invalid_diagnostics'],
    ['no time', { data: { ...granta, timestamp: undefined } }, 'invalid_diagnostics'],
    ['a line break in the make', { data: { ...granta, vehicleMake: 'LADA\r\nBcc: x@example.com' } }, 'invalid_diagnostics'],
    ['a code that is none', { data: { ...granta, dtcCodes: [{ code: 'X1', severity: Severity.SEVERITY_LOW, status: DtcStatus.DTC_STATUS_STORED }] } }, 'invalid_diagnostics'],
    ['two mailboxes', { deliverTo: { email: 'a@example.com,b@example.com' } }, 'invalid_email'],
    ['a header in the address', { deliverTo: { email: 'a@example.com\r\nBcc: b@example.com' } }, 'invalid_email'],
    ['an empty address', { deliverTo: { email: '' } }, 'invalid_email'],
    ['a phone that is none', { deliverTo: { phone: '12' } }, 'invalid_phone'],
  ])('D9 %s is refused and changes nothing', async (_, over, reason) => {
    await using reporting = await startTestReporting();
    expect(await failure(create(reporting, { sessionId: reporting.visits.open(), ...over }))).toEqual({ kind: 'invalid', reason });
    expect(rows(reporting)).toEqual({ reports: 0, deliveries: 0, keys: 0 });
  });

  test('a thickness report without a body type or without readings is refused', async () => {
    await using reporting = await startTestReporting();
    const sessionId = reporting.visits.open({ type: SessionType.SESSION_TYPE_THICKNESS });
    for (const data of [undefined, { ...solaris, vehicleType: 'VEHICLE_TYPE_UNSPECIFIED' as const }, { ...solaris, measurements: [] }]) {
      expect(await failure(createThickness(reporting, { sessionId, data }))).toMatchObject({ kind: 'invalid', reason: 'invalid_thickness' });
    }
  });
});

describe('sending again', () => {
  test('D1 adds a delivery for each channel named, once for a key', async () => {
    await using reporting = await startTestReporting();
    const { id: reportId } = await create(reporting, { sessionId: reporting.visits.open() });
    await reporting.service.deliverDue();
    const again = { idempotencyKey: 'again', reportId, to: { email: 'Olga@Example.com' } };
    await reporting.client.deliverReport(again);
    const { report } = await reporting.client.deliverReport(again);
    expect(report!.deliveries.map(({ toMasked }) => toMasked)).toEqual(expect.arrayContaining(['i***@example.com', '+7912***6789', 'o***@example.com']));
    expect(report!.deliveries).toHaveLength(3);
    await reporting.service.deliverDue();
    expect(reporting.email.sent.map(({ to }) => to)).toEqual(['ivan.petrov@example.com', 'olga@example.com']);
  });

  test('needs a channel and a report', async () => {
    await using reporting = await startTestReporting();
    const { id: reportId } = await create(reporting, { sessionId: reporting.visits.open() });
    expect(await failure(reporting.client.deliverReport({ idempotencyKey: '', reportId, to: {} }))).toEqual({ kind: 'invalid', reason: 'no_recipient' });
    expect(await failure(reporting.client.deliverReport({ idempotencyKey: '', reportId, to: undefined }))).toMatchObject({ reason: 'no_recipient' });
    expect(await failure(reporting.client.deliverReport({ idempotencyKey: '', reportId: 'rep_x', to: { email: 'a@example.com' } }))).toMatchObject({ reason: 'report_not_found' });
  });

  test('a report without any recipient is made and goes nowhere', async () => {
    await using reporting = await startTestReporting();
    const report = await create(reporting, { sessionId: reporting.visits.open({ contact: undefined }) });
    expect(report).toMatchObject({ status: ReportStatus.REPORT_STATUS_READY, deliveries: [] });
  });
});
