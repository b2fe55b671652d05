import { DeliveryChannel, DeliveryStatus, type ListDeliveriesRequest, type ListDeliveriesResponse } from '@kiosk/contracts/reporting/v1/reporting';
import { expect, test } from '@jest/globals';
import { SendError } from './send-error.ts';
import { create, failure, kiosk, minuteMs, startTestReporting, type TestReporting } from './testing.ts';

const any: ListDeliveriesRequest = {
  status: DeliveryStatus.DELIVERY_STATUS_UNSPECIFIED, channel: DeliveryChannel.DELIVERY_CHANNEL_UNSPECIFIED, limit: 0, cursor: '',
};
const idsOf = ({ deliveries }: ListDeliveriesResponse): string[] => deliveries.map(({ delivery }) => delivery!.id);

/** Three visits a minute apart, each with an e-mail, the last one with a text too. The second e-mail is refused for good. */
async function threeVisits(reporting: TestReporting): Promise<void> {
  reporting.email.obstacle = ({ to }) => (to === 'gone@example.com' ? Promise.reject(new SendError({ kind: 'permanent', reason: 'recipient_refused' })) : undefined);
  for (const deliverTo of [{ email: 'first@example.com' }, { email: 'gone@example.com' }, { email: 'last@example.com', phone: '+79123456789' }]) {
    await create(reporting, { sessionId: reporting.visits.open({ kioskId: deliverTo.phone ? 'k-2' : 'k-1', contact: undefined }), deliverTo });
    await reporting.service.deliverDue();
    reporting.clock.advance(minuteMs);
  }
}

test('D1 what was given up is on the operator\'s list, with what is needed to see to it and nobody\'s address', async () => {
  await using reporting = await startTestReporting();
  await threeVisits(reporting);
  const list = await reporting.client.listDeliveries({ ...any, status: DeliveryStatus.DELIVERY_STATUS_DEAD });
  expect(list).toMatchObject({
    deliveries: [{
      delivery: { channel: DeliveryChannel.DELIVERY_CHANNEL_EMAIL, toMasked: 'g***@example.com', status: DeliveryStatus.DELIVERY_STATUS_DEAD, attempts: 1, lastError: 'recipient_refused' },
      reportId: expect.stringMatching(/^rep_/), sessionId: expect.stringMatching(/^ses_/), kioskId: 'k-1', provider: 'stand-in', ambiguousAttempts: 0,
      createdAt: new Date(Date.UTC(2026, 10, 20, 9, 1)), deadAt: new Date(Date.UTC(2026, 10, 20, 9, 1)),
    }],
    nextCursor: '',
  });
});

test('a list is newest first, comes in pages, and can be narrowed', async () => {
  await using reporting = await startTestReporting();
  await threeVisits(reporting);
  const all = idsOf(await reporting.client.listDeliveries(any));
  expect(all).toEqual(all.toSorted((a, b) => b.localeCompare(a)));
  expect(all).toHaveLength(4);

  const pages: string[] = [];
  let cursor = '';
  do {
    const page = await reporting.client.listDeliveries({ ...any, limit: 3, cursor });
    pages.push(...idsOf(page));
    cursor = page.nextCursor;
  } while (cursor !== '');
  expect(pages).toEqual(all);

  const { reportId } = (await reporting.client.listDeliveries(any)).deliveries[0]!;
  const at = (minute: number) => new Date(Date.UTC(2026, 10, 20, 9, minute));
  const counts = await Promise.all([
    { channel: DeliveryChannel.DELIVERY_CHANNEL_SMS }, { status: DeliveryStatus.DELIVERY_STATUS_SENT }, { reportId }, { createdFrom: at(1) }, { createdTo: at(1) },
    { createdFrom: at(1), createdTo: at(2) },
  ].map(async (filter) => idsOf(await reporting.client.listDeliveries({ ...any, ...filter })).length));
  expect(counts).toEqual([1, 3, 2, 3, 1, 1]);
});

test('S3 a kiosk would see its own only', async () => {
  await using reporting = await startTestReporting();
  await threeVisits(reporting);
  expect(idsOf(await reporting.client.listDeliveries(any, kiosk('k-2')))).toHaveLength(2);
  expect(idsOf(await reporting.client.listDeliveries(any, kiosk('k-3')))).toEqual([]);
});

test.each<[Partial<ListDeliveriesRequest>, string]>([[{ limit: 201 }, 'invalid_limit'], [{ limit: -1 }, 'invalid_limit'], [{ cursor: 'dlv_1' }, 'invalid_cursor'], [{ cursor: '\' OR 1=1 --' }, 'invalid_cursor']])(
  'a list with %j fails with %s', async (change, reason) => {
    await using reporting = await startTestReporting();
    expect(await failure(reporting.client.listDeliveries({ ...any, ...change }))).toEqual({ kind: 'invalid', reason });
  },
);
