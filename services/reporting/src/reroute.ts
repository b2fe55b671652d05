/** D5: what one channel refuses for good goes by the other, once, where the customer left that too. */
import { Fault } from '@kiosk/fault';
import type { Log } from '@kiosk/service';
import { otherChannel, reroutedReasons, type Delivery } from './delivery.ts';
import { newDelivery } from './new-delivery.ts';
import { normalizeRecipients } from './recipients.ts';
import type { GetVisit } from './reports.ts';
import type { RerouteStore } from './reroute-store.ts';

const biteRows = 50;

export function createReroute({ store, getVisit, mailDomain, onDue, log, now }: {
  store: RerouteStore; getVisit: GetVisit; mailDomain: string;
  /** Told when a delivery was made. */
  onDue: () => void;
  log: Log; now: () => number;
}) {
  /** Where the other channel leads; undefined where it leads nowhere. */
  async function recipientOf(refused: Delivery, sessionId: string): Promise<string | undefined> {
    if (refused.lastError === undefined || !reroutedReasons.includes(refused.lastError)) return undefined;
    // A provider's late word about what is forgotten: there is nothing left to send.
    if (refused.erasedAt !== undefined) return undefined;
    try {
      const { contact } = await getVisit(sessionId, { requestId: refused.id, caller: { role: 'service', name: 'reporting' } });
      const { email, phone } = normalizeRecipients(contact, 'contact');
      return refused.channel === 'email' ? phone : email;
    } catch (error) {
      // The session is erased, or its contact was never good.
      if (error instanceof Fault && (error.kind === 'not_found' || error.kind === 'invalid')) return undefined;
      throw error;
    }
  }

  /** Sees to every refused delivery. One whose session cannot be asked now is seen to later. */
  return async (signal?: AbortSignal): Promise<void> => {
    for (const { delivery: refused, sessionId } of await store.unseen(biteRows)) {
      if (signal?.aborted) return;
      try {
        const recipient = await recipientOf(refused, sessionId);
        const at = now();
        const instead = recipient === undefined ? undefined : {
          ...newDelivery({ reportId: refused.reportId, channel: otherChannel(refused.channel), recipient, cause: 'report', mailDomain, at }), nextAttemptAt: at,
        };
        await store.seenTo(refused, { instead, now: at });
        if (instead) onDue();
      } catch (error) {
        log.warn({ error, deliveryId: refused.id }, 'a refused delivery could not be seen to now');
      }
    }
  };
}
