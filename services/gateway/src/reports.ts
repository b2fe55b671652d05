import type { ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import type { Rpc } from '@kiosk/rpc';
import { reportAnswer, reportListAnswer, revokedLinksAnswer } from './answers.ts';
import { notModified } from './etag.ts';
import { diagnosticsWire, reportJson, thicknessWire } from './report-json.ts';
import { longestCallMs, route, type Ref, type Route } from './route.ts';
import { createDiagnosticsReport, createThicknessReport, deliverReport, nothing } from './schemas.ts';
import { sessionRef } from './sessions.ts';
import { present } from './wire.ts';

export const reportRef: Ref = { prefix: 'rep', reason: 'report_not_found', message: 'There is no such report.' };

/** 200 codes or 200 points with everything that may be said of them. */
const bodyLimitBytes = 256 * 1024;
/** A report waits for its PDF. */
export const reportTimeoutMs = longestCallMs;

const recipientFaults = ['invalid_email', 'invalid_phone', 'invalid_consent', 'consent_required'];
const reportFaults = {
  402: ['payment_required'],
  404: ['session_not_found'],
  409: ['session_type_mismatch', 'session_final'],
  503: ['sessions_unavailable', 'payments_unavailable', 'report_not_ready', 'pdf_queue_full'],
};
const made = { 201: { description: 'The report; its deliveries follow', schema: reportAnswer } };

/** Where nobody is named it goes to the session's contact, which may be a phone. */
const mayText = (deliverTo: { phone?: string } | undefined): boolean => !deliverTo || deliverTo.phone !== undefined;

export function reportRoutes(reporting: Rpc<ReportingServer>): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/reports/diagnostics',
      name: 'createDiagnosticsReport',
      summary: 'Makes the report of a diagnostics session and sends it to `deliverTo`, or to the session\'s contact.',
      roles: ['kiosk', 'operator'],
      urgency: 'report',
      stage: 'ends',
      untimed: true,
      rate: 'reports',
      mayText: ({ deliverTo }) => mayText(deliverTo),
      body: createDiagnosticsReport,
      idempotent: true,
      bodyLimitBytes,
      timeoutMs: reportTimeoutMs,
      answers: made,
      faults: { 400: ['invalid_diagnostics', ...recipientFaults], ...reportFaults },
      async handle({ idempotencyKey, body, response, call }) {
        const { data: { sessionId, ...data }, deliverTo } = body;
        const { report } = await reporting.createDiagnosticsReport({ idempotencyKey, sessionId, data: diagnosticsWire(data), deliverTo }, call);
        response.status(201).json(reportJson(present(report)));
      },
    }),
    route({
      method: 'post',
      path: '/api/reports/thickness',
      name: 'createThicknessReport',
      summary: 'Makes the report of a thickness session and sends it to `deliverTo`, or to the session\'s contact.',
      roles: ['kiosk', 'operator'],
      urgency: 'report',
      stage: 'ends',
      untimed: true,
      rate: 'reports',
      mayText: ({ deliverTo }) => mayText(deliverTo),
      body: createThicknessReport,
      idempotent: true,
      bodyLimitBytes,
      timeoutMs: reportTimeoutMs,
      answers: made,
      faults: { 400: ['invalid_thickness', ...recipientFaults], ...reportFaults },
      async handle({ idempotencyKey, body, response, call }) {
        const { data: { sessionId, ...data }, deliverTo } = body;
        const { report } = await reporting.createThicknessReport({ idempotencyKey, sessionId, data: thicknessWire(data), deliverTo }, call);
        response.status(201).json(reportJson(present(report)));
      },
    }),
    route({
      method: 'get',
      path: '/api/reports/:id',
      name: 'getReport',
      summary: 'Reads a report with its deliveries.',
      roles: ['kiosk', 'operator'],
      urgency: 'report',
      ref: reportRef,
      answers: { 200: { description: 'The report', schema: reportAnswer } },
      async handle({ id: reportId, response, call }) {
        const { report } = await reporting.getReport({ reportId }, call);
        response.json(reportJson(present(report)));
      },
    }),
    route({
      method: 'get',
      path: '/api/reports/:id/pdf',
      name: 'getReportPdf',
      summary: 'The report itself. Its bytes never change: send the ETag back as If-None-Match.',
      roles: ['kiosk', 'operator'],
      urgency: 'report',
      untimed: true,
      rate: 'pdfs',
      ref: reportRef,
      timeoutMs: reportTimeoutMs,
      answers: { 200: { description: 'The PDF', type: 'application/pdf' }, 304: { description: 'As If-None-Match says' } },
      faults: { 402: ['payment_required'], 404: ['report_file_missing'] },
      async handle({ id: reportId, request, response, call }) {
        const { pdf, sha256 } = await reporting.getReportPdf({ reportId }, call);
        response.set('cache-control', 'private, no-cache');
        if (notModified(request, response, sha256)) return;
        response.set('content-disposition', `inline; filename="${reportId}.pdf"`).type('application/pdf').send(pdf);
      },
    }),
    route({
      method: 'get',
      path: '/api/reports/session/:sessionId',
      name: 'listSessionReports',
      summary: 'Lists the reports of a session, which may be none yet.',
      roles: ['kiosk', 'operator'],
      urgency: 'report',
      ref: sessionRef,
      answers: { 200: { description: 'The session\'s reports', schema: reportListAnswer } },
      faults: { 503: ['sessions_unavailable'] },
      async handle({ id: sessionId, response, call }) {
        const { reports } = await reporting.listSessionReports({ sessionId }, call);
        response.json({ reports: reports.map(reportJson), count: reports.length });
      },
    }),
    route({
      method: 'post',
      path: '/api/reports/:id/deliver',
      name: 'deliverReport',
      summary: 'Sends a report again, or to somebody else.',
      roles: ['operator'],
      urgency: 'report',
      untimed: true,
      rate: 'deliveries',
      mayText: ({ phone }) => phone !== undefined,
      ref: reportRef,
      body: deliverReport,
      idempotent: true,
      timeoutMs: reportTimeoutMs,
      answers: { 202: { description: 'The report, with the new deliveries waiting', schema: reportAnswer } },
      faults: { 400: recipientFaults, 402: ['payment_required'], 409: ['report_erased'], 503: ['report_not_ready'] },
      async handle({ id: reportId, idempotencyKey, body: to, response, call }) {
        const { report } = await reporting.deliverReport({ idempotencyKey, reportId, to }, call);
        response.status(202).json(reportJson(present(report)));
      },
    }),
    route({
      method: 'post',
      path: '/api/reports/:id/links/revoke',
      name: 'revokeLinks',
      summary: 'Ends every link of a report that was sent so far. A report that is sent again has a new one.',
      roles: ['operator'],
      urgency: 'report',
      ref: reportRef,
      body: nothing,
      repeatable: true,
      answers: { 200: { description: 'How many still opened it; 0 when asked again', schema: revokedLinksAnswer } },
      async handle({ id: reportId, response, call }) {
        const { revoked } = await reporting.revokeLinks({ reportId }, call);
        response.json({ reportId, revoked });
      },
    }),
  ];
}
