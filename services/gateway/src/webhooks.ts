/** What outside parties tell us. Nothing is understood here: the raw body and the address that it came from go to the service that owns the matter. */
import type { PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import type { Rpc } from '@kiosk/rpc';
import { route, type Route } from './route.ts';

const notificationLimitBytes = 128 * 1024;

export function webhookRoutes(payments: Rpc<PaymentsServer>): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/payments/webhook',
      name: 'receiveNotification',
      summary: 'Takes a notification of the PSP, from its addresses only. It is kept, and the payment is then looked up at the PSP.',
      roles: ['public'],
      urgency: 'vital',
      rate: 'none',
      bodyLimitBytes: notificationLimitBytes,
      rawBody: 'application/json',
      repeatable: true,
      answers: { 200: { description: '`OK`, once it is stored', type: 'text/plain' } },
      faults: { 400: ['invalid_notification'], 403: ['foreign_address'] },
      /** 200 only once it is on disk (W3); anything else makes the PSP send it again. */
      async handle({ request, response, call }) {
        const body: Buffer = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        await payments.receiveNotification({ body, sourceIp: call.caller.ip ?? '' }, call);
        response.type('text/plain').send('OK');
      },
    }),
  ];
}
