import type { ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import type { Rpc } from '@kiosk/rpc';
import type { Request } from 'express';
import { notModified } from './etag.ts';
import { parse } from './parse.ts';
import { diagnosticsWire, reportJson, thicknessWire } from './report-json.ts';
import { idempotencyKeyOf } from './request.ts';
import { idOf, type Route } from './routes.ts';
import { createDiagnosticsReport, createThicknessReport, deliverReport } from './schemas.ts';
import { present } from './wire.ts';

/** 200 codes or 200 points with everything that may be said of them. */
const bodyLimitBytes = 256 * 1024;
/** A report waits for its PDF. */
export const reportTimeoutMs = 30_000;

export function reportRoutes(reporting: Rpc<ReportingServer>): Route[] {
  return [
    {
      method: 'post',
      path: '/api/reports/diagnostics',
      bodyLimitBytes,
      timeoutMs: reportTimeoutMs,
      async handle(request, response, call) {
        const idempotencyKey = idempotencyKeyOf(request);
        const { data: { sessionId, ...data }, deliverTo } = parse(createDiagnosticsReport, request.body);
        const { report } = await reporting.createDiagnosticsReport({ idempotencyKey, sessionId, data: diagnosticsWire(data), deliverTo }, call);
        response.status(201).json(reportJson(present(report)));
      },
    },
    {
      method: 'post',
      path: '/api/reports/thickness',
      bodyLimitBytes,
      timeoutMs: reportTimeoutMs,
      async handle(request, response, call) {
        const idempotencyKey = idempotencyKeyOf(request);
        const { data: { sessionId, ...data }, deliverTo } = parse(createThicknessReport, request.body);
        const { report } = await reporting.createThicknessReport({ idempotencyKey, sessionId, data: thicknessWire(data), deliverTo }, call);
        response.status(201).json(reportJson(present(report)));
      },
    },
    {
      method: 'get',
      path: '/api/reports/:id',
      async handle(request, response, call) {
        const { report } = await reporting.getReport({ reportId: reportIdOf(request) }, call);
        response.json(reportJson(present(report)));
      },
    },
    {
      method: 'get',
      path: '/api/reports/:id/pdf',
      timeoutMs: reportTimeoutMs,
      async handle(request, response, call) {
        const reportId = reportIdOf(request);
        const { pdf, sha256 } = await reporting.getReportPdf({ reportId }, call);
        response.set('cache-control', 'private, no-cache');
        if (notModified(request, response, sha256)) return;
        response.set('content-disposition', `inline; filename="${reportId}.pdf"`).type('application/pdf').send(pdf);
      },
    },
    {
      method: 'get',
      path: '/api/reports/session/:sessionId',
      async handle(request, response, call) {
        const sessionId = idOf(request, { name: 'sessionId', prefix: 'ses', reason: 'session_not_found', message: 'There is no such session.' });
        const { reports } = await reporting.listSessionReports({ sessionId }, call);
        response.json({ reports: reports.map(reportJson), count: reports.length });
      },
    },
    {
      method: 'post',
      path: '/api/reports/:id/deliver',
      timeoutMs: reportTimeoutMs,
      async handle(request, response, call) {
        const reportId = reportIdOf(request);
        const idempotencyKey = idempotencyKeyOf(request);
        const to = parse(deliverReport, request.body);
        const { report } = await reporting.deliverReport({ idempotencyKey, reportId, to }, call);
        response.status(202).json(reportJson(present(report)));
      },
    },
  ];
}

function reportIdOf(request: Request): string {
  return idOf(request, { prefix: 'rep', reason: 'report_not_found', message: 'There is no such report.' });
}
