/** What the providers say of messages that they took. As with the PSP nothing is understood here: the bytes and the signature go to who can check them. */
import { DeliveryProvider, type ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import type { Rpc } from '@kiosk/rpc';
import type { Request } from 'express';
import { route, type Route } from './route.ts';

const faults = { 400: ['invalid_callback'], 403: ['callback_not_signed', 'callback_not_configured'] };
const answers = { 200: { description: '`OK`, once it is stored', type: 'text/plain' } };

type Declared = Pick<Route, 'path' | 'name' | 'summary' | 'rawBody' | 'bodyLimitBytes'> & { provider: DeliveryProvider; signature: string; timestamp?: string };

const callbacks: readonly Declared[] = [
  {
    path: '/api/deliveries/callbacks/twilio', name: 'receiveTwilioStatus', provider: DeliveryProvider.DELIVERY_PROVIDER_TWILIO,
    summary: 'Takes Twilio\'s status callback, signed with the account\'s token over TWILIO_STATUS_CALLBACK_URL.',
    rawBody: 'application/x-www-form-urlencoded', bodyLimitBytes: 64 * 1024, signature: 'x-twilio-signature',
  },
  {
    path: '/api/deliveries/callbacks/sendgrid', name: 'receiveSendgridEvents', provider: DeliveryProvider.DELIVERY_PROVIDER_SENDGRID,
    summary: 'Takes a batch of SendGrid\'s signed event webhook.',
    // A batch has up to a thousand events.
    rawBody: 'application/json', bodyLimitBytes: 1024 * 1024, signature: 'x-twilio-email-event-webhook-signature', timestamp: 'x-twilio-email-event-webhook-timestamp',
  },
];

export function callbackRoutes(reporting: Rpc<ReportingServer>): Route[] {
  return callbacks.map(({ provider, signature, timestamp, ...declared }) => route({
    ...declared,
    method: 'post',
    roles: ['public'],
    urgency: 'report',
    repeatable: true,
    answers,
    faults,
    /** Anything but 2xx makes SendGrid send it again. */
    async handle({ request, response, call }) {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      await reporting.receiveDeliveryStatus({ provider, body, signature: headerOf(request, signature), timestamp: headerOf(request, timestamp) }, call);
      response.type('text/plain').send('OK');
    },
  }));
}

function headerOf(request: Request, name: string | undefined): string {
  return (name === undefined ? undefined : request.get(name)) ?? '';
}
