import { DeliveryChannel, DeliveryStatus, ReportStatus, ReportType } from '@kiosk/contracts/reporting/v1/reporting';
import { SessionType } from '@kiosk/contracts/sessions/v1/sessions';
import { expect, test } from '@jest/globals';
import { simpleParser } from 'mailparser';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { create, createThickness, read, startTestReporting } from './testing.ts';

test('D1 D9 a diagnostics visit ends in a PDF, an e-mail with it attached and a text message, in the development outbox', async () => {
  await using reporting = await startTestReporting({ realPdf: true, devOutbox: true });
  const sessionId = reporting.visits.open();

  const report = await create(reporting, { sessionId });

  expect(report).toMatchObject({ sessionId, type: ReportType.REPORT_TYPE_DIAGNOSTICS, status: ReportStatus.REPORT_STATUS_READY });
  expect(report.pages).toBeGreaterThan(0);
  const { pdf, sha256 } = await reporting.client.getReportPdf({ reportId: report.id });
  expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  expect(createHash('sha256').update(pdf).digest('hex')).toBe(sha256);
  expect(readFileSync(join(reporting.folder, 'reports/2026/11', `${report.id}.pdf`)).equals(pdf)).toBe(true);

  await reporting.service.deliverDue();
  const { deliveries } = await read(reporting, report.id);
  expect(deliveries.map(({ channel, toMasked, status, attempts }) => ({ channel, toMasked, status, attempts }))).toEqual([
    { channel: DeliveryChannel.DELIVERY_CHANNEL_EMAIL, toMasked: 'i***@example.com', status: DeliveryStatus.DELIVERY_STATUS_SENT, attempts: 1 },
    { channel: DeliveryChannel.DELIVERY_CHANNEL_SMS, toMasked: '+7912***6789', status: DeliveryStatus.DELIVERY_STATUS_SENT, attempts: 1 },
  ]);
  const [email, sms] = deliveries;
  const outbox = join(reporting.folder, 'outbox');
  expect(new Set(readdirSync(outbox))).toEqual(new Set([`20261120T090000Z-${email!.id}.eml`, `20261120T090000Z-${sms!.id}.txt`]));
  const letter = await simpleParser(readFileSync(join(outbox, `20261120T090000Z-${email!.id}.eml`)));
  expect(letter.subject).toBe('Отчёт о диагностике LADA Granta 1.6');
  expect(letter.messageId).toBe(`<${email!.id}@kiosk.example>`);
  expect(letter.to).toMatchObject({ text: 'ivan.petrov@example.com' });
  expect(letter.text).toMatch(/Итог: Найдены серьёзные неисправности\. .*кода.*\. Лампа «Check Engine» горит\./);
  expect(letter.text).toContain(report.id);
  expect(letter.html).toContain('Найдены серьёзные неисправности');
  expect(letter.attachments.map(({ filename, contentType, content }) => ({ filename, contentType, same: content.equals(pdf) })))
    .toEqual([{ filename: `otchet-${report.id.slice(-8).toUpperCase()}.pdf`, contentType: 'application/pdf', same: true }]);
  expect(readFileSync(join(outbox, `20261120T090000Z-${sms!.id}.txt`), 'utf8'))
    .toMatch(/^\+79123456789\nОтчёт готов: http:\/\/localhost:3000\/r\/[\w-]{22}\n$/);
});

test('a thickness visit ends in a PDF and an e-mail likewise', async () => {
  await using reporting = await startTestReporting({ realPdf: true });
  const sessionId = reporting.visits.open({ type: SessionType.SESSION_TYPE_THICKNESS, contact: { email: 'olga@example.com' } });

  const report = await createThickness(reporting, { sessionId });
  await reporting.service.deliverDue();

  expect(report).toMatchObject({ type: ReportType.REPORT_TYPE_THICKNESS, status: ReportStatus.REPORT_STATUS_READY });
  expect(reporting.email.sent.map(({ subject, to }) => ({ subject, to }))).toEqual([{ subject: 'Отчёт о толщине ЛКП Hyundai Solaris', to: 'olga@example.com' }]);
  expect(reporting.sms.sent).toEqual([]);
});

test('each of the metrics moves with what it counts, and the audit tells it without a contact', async () => {
  await using reporting = await startTestReporting();
  await create(reporting, { sessionId: reporting.visits.open() });
  await createThickness(reporting, { sessionId: reporting.visits.open({ type: SessionType.SESSION_TYPE_THICKNESS, contact: undefined }) });
  await reporting.service.deliverDue();

  expect(await reporting.metric('diagnostics_scans_total', { make: 'lada' })).toBe(1);
  expect(await reporting.metric('diagnostics_dtc_found_total', { severity: 'high' })).toBe(1);
  expect(await reporting.metric('diagnostics_dtc_found_total', { severity: 'medium' })).toBe(1);
  expect(await reporting.metric('diagnostics_duration_seconds_sum', { make: 'lada' })).toBe(48.2);
  expect(await reporting.metric('reports_generated_total', { type: 'diagnostics' })).toBe(1);
  expect(await reporting.metric('reports_generated_total', { type: 'thickness' })).toBe(1);
  expect(await reporting.metric('reports_delivered_total', { type: 'diagnostics', method: 'email' })).toBe(1);
  expect(await reporting.metric('reports_delivered_total', { type: 'diagnostics', method: 'sms' })).toBe(1);
  expect(await reporting.metric('reports_failed_total')).toBe(0);
  const audit = reporting.sql('SELECT event, details, caller FROM audit_logs ORDER BY id');
  expect(audit.map(({ event }) => event)).toEqual(expect.arrayContaining(['report.created', 'report.ready', 'delivery.sent']));
  const told = JSON.stringify([audit, reporting.logged]);
  for (const contact of ['ivan.petrov', 'example.com', '9123456789', '912***']) expect(told).not.toContain(contact);
});

test('payments is told once of each visit that has its report, however often it was away', async () => {
  await using reporting = await startTestReporting();
  const sessionId = reporting.visits.open();
  const report = await create(reporting, { sessionId });
  await reporting.service.recordServices();
  expect(reporting.visits.recorded.get(sessionId)).toBe(report.id);
  expect(reporting.sql('SELECT count(*) AS open FROM reports WHERE recorded_at IS NULL')).toEqual([{ open: 0 }]);
});
