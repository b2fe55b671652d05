/** What needs no key because the address is one: the link in a message, and the number in a report's QR code. */
import type { ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import type { Rpc } from '@kiosk/rpc';
import { checkPage } from './check-page.ts';
import { privately, sendPage } from './pages.ts';
import { reportRef, reportTimeoutMs } from './reports.ts';
import { route, type Route } from './route.ts';

/** 410: there was one, and it is over. */
const linkFaults = { 402: ['payment_required'], 404: ['link_unknown', 'report_file_missing'], 410: ['link_expired', 'link_revoked'] };

export function linkRoutes(reporting: Rpc<ReportingServer>): Route[] {
  return [
    route({
      method: 'get',
      path: '/r/:token',
      name: 'openLink',
      summary: 'The report, from the link in an e-mail or a text message. Who prefers HTML gets a page in Russian instead of a problem document.',
      roles: ['public'],
      urgency: 'report',
      rate: 'pdfs',
      untimed: true,
      forPeople: true,
      timeoutMs: reportTimeoutMs,
      answers: { 200: { description: 'The PDF', type: 'application/pdf' } },
      faults: linkFaults,
      async handle({ request, response, call }) {
        const { pdf, fileName } = await reporting.openLink({ token: String(request.params['token']), isLook: request.method === 'HEAD' }, call);
        // Browsers show it though the policy allows the page nothing: their viewers are no part of it.
        response.set({ ...privately, 'content-disposition': `inline; filename="${fileName}"` }).type('application/pdf').send(pdf);
      },
    }),
    route({
      method: 'get',
      path: '/check/:id',
      name: 'checkReport',
      summary: 'A page in Russian that tells when a report was made and compares its file\'s hash: the address of the QR code on a report.',
      roles: ['public'],
      urgency: 'list',
      forPeople: true,
      ref: reportRef,
      answers: { 200: { description: 'The page', type: 'text/html' } },
      async handle({ id: reportId, response, call }) {
        sendPage(response, checkPage(await reporting.checkReport({ reportId }, call)));
      },
    }),
  ];
}
