/** What the operator sees of deliveries over all reports. */
import { DeliveryChannel, DeliveryStatus, type ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import type { Rpc } from '@kiosk/rpc';
import { deliveryListAnswer } from './answers.ts';
import { channels, deliveryStatuses, listedDeliveryJson } from './report-json.ts';
import { route, type Route } from './route.ts';
import { listDeliveries } from './schemas.ts';

export function deliveryRoutes(reporting: Rpc<ReportingServer>): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/deliveries',
      name: 'listDeliveries',
      summary: 'Lists deliveries, newest first: with `status=dead` those that were given up and are the operator\'s to see to. Recipients are masked.',
      roles: ['operator'],
      urgency: 'list',
      query: listDeliveries,
      answers: { 200: { description: 'A page of deliveries', schema: deliveryListAnswer } },
      faults: { 400: ['invalid_cursor'] },
      async handle({ query, response, call }) {
        const { status, channel, limit = 0, cursor = '', ...rest } = query;
        const page = await reporting.listDeliveries({
          ...rest, limit, cursor,
          status: status ? deliveryStatuses[status] : DeliveryStatus.DELIVERY_STATUS_UNSPECIFIED,
          channel: channel ? channels[channel] : DeliveryChannel.DELIVERY_CHANNEL_UNSPECIFIED,
        }, call);
        response.json({ deliveries: page.deliveries.map(listedDeliveryJson), count: page.deliveries.length, nextCursor: page.nextCursor || undefined });
      },
    }),
  ];
}
