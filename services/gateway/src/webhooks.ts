/** What outside parties tell us. Nothing is understood here: the raw body and the address that it came from go to the service that owns the matter. */
import type { PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import type { Rpc } from '@kiosk/rpc';
import type { Route } from './routes.ts';

const notificationLimitBytes = 128 * 1024;

export function webhookRoutes(payments: Rpc<PaymentsServer>): Route[] {
  return [
    {
      method: 'post',
      path: '/api/payments/webhook',
      bodyLimitBytes: notificationLimitBytes,
      rawBody: true,
      /** 200 only once it is on disk (W3); anything else makes the PSP send it again. */
      async handle(request, response, call) {
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        await payments.receiveNotification({ body, sourceIp: call.caller.ip ?? '' }, call);
        response.type('text/plain').send('OK');
      },
    },
  ];
}
