/** Looks after everything that is not finished, whether or not anybody ever asks again: sends what was not sent, asks what is open, expires what is over. */
import { logFailedJob, type Log } from '@kiosk/service';
import { createConversations } from './conversations.ts';
import { leaseMs } from './intent.ts';
import type { RefundStore } from './refund-store.ts';
import type { Refunds } from './refunds.ts';
import type { Settlement } from './settlement.ts';
import type { Store } from './store.ts';
import type { Origin } from './tables.ts';

/** How many conversations with the PSP go on at a time: about payments to make, about those that are made, and about refunds each. */
const most = 8;
/**
 * How long a job that asks the PSP rests before it begins more, so that asking is bounded work however many payments are open and however often it is woken:
 * 80 a second of each. With more than 4800 on screens at the same time each is asked about more seldom than once a minute (P11).
 */
export const askingRestMs = 100;

const origin: Origin = { requestId: 'janitor', caller: { role: 'service', name: 'payments' } };

export function createJanitor({ store, refundStore, settlement, refunds, log, now, again }: {
  store: Store; refundStore: RefundStore; settlement: Settlement; refunds: Refunds; log: Log; now: () => number;
  /** Asks for `begin` to be called at once. */
  again: () => void;
}) {
  const onError = (error: unknown): void => logFailedJob(log, 'janitor', error);
  // Apart: where making payments takes the PSP long, those that are on screens are asked about all the same.
  const makingPayments = createConversations({
    most, onError, again,
    claim: async (wanted) => {
      // Before each turn: the PSP may be so slow that what nobody has sent yet runs out of time meanwhile.
      await store.expireDue(now(), origin);
      return store.claimDue('make', { now: now(), leaseMs, ...wanted });
    },
    hold: (intent) => settlement.submit(intent.id, origin),
  });
  const askingAboutPayments = createConversations({
    most, onError, again,
    claim: (wanted) => store.claimDue('ask', { now: now(), leaseMs, ...wanted }),
    hold: (intent) => settlement.ask(intent, { source: 'poll', origin }),
  });
  const aboutRefunds = createConversations({
    most, onError, again,
    claim: (wanted) => refundStore.claimDue({ now: now(), leaseMs, ...wanted }),
    hold: (refund) => {
      if (refund.submission === 'attached') return refunds.ask(refund, origin);
      return refund.submission === 'abandoned' ? refunds.lookUp(refund, origin) : refunds.submit(refund.id, origin);
    },
  });

  const all = [makingPayments, askingAboutPayments, aboutRefunds];

  /** Begins what is due now and waits for none of it: a slow PSP keeps nobody waiting but those that it is slow about. Answers how many are under way. */
  async function begin(): Promise<number> {
    let underWay = 0;
    for (const each of all) underWay += await each.begin();
    return underWay;
  }

  /** Waits for what is under way, and answers whether all of it went through. */
  async function settled(): Promise<boolean> {
    let areWell = true;
    for (const each of all) if (!await each.settled()) areWell = false;
    return areWell;
  }

  return {
    begin,
    settled,
    /** Does what is due now and answers when it is done. */
    async work(): Promise<void> {
      while (await begin() > 0) if (!await settled()) return;
    },
  };
}
