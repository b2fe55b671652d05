/** Looks after everything that is not finished, whether or not anybody ever asks again: sends what was not sent, asks what is open, expires what is over. */
import type { Intent } from './intent.ts';
import type { RefundStore } from './refund-store.ts';
import type { Refunds } from './refunds.ts';
import { leaseMs, type Settlement } from './settlement.ts';
import type { Store } from './store.ts';
import type { Origin } from './tables.ts';

/** How many conversations with the PSP go on at a time. */
const concurrency = 8;

const origin: Origin = { requestId: 'janitor', caller: { role: 'service', name: 'payments' } };

export function createJanitor({ store, refundStore, settlement, refunds, now }: {
  store: Store; refundStore: RefundStore; settlement: Settlement; refunds: Refunds; now: () => number;
}) {
  /** Does what is due now and answers when it is done. */
  return async function work(): Promise<void> {
    const claim = async (): Promise<Intent[]> => {
      // Before each turn: the PSP may be so slow that what nobody has sent yet runs out of time meanwhile.
      await store.expireDue(now(), origin);
      return store.claimDue({ now: now(), leaseMs, limit: concurrency });
    };
    await inTurns(claim, (intent) =>
      (intent.submission === 'attached' ? settlement.ask(intent, { source: 'poll', origin }) : settlement.submit(intent.id, origin)));
    await inTurns(() => refundStore.claimDue({ now: now(), leaseMs, limit: concurrency }), (refund) =>
      (refund.submission === 'attached' ? refunds.ask(refund, origin) : refunds.submit(refund.id, origin)));
  };
}

async function inTurns<T>(claim: () => Promise<T[]>, handle: (item: T) => Promise<void>): Promise<void> {
  for (;;) {
    const due = await claim();
    const results = await Promise.allSettled(due.map(handle));
    // One that fails unexpectedly keeps its claim and comes up again; it must not keep the others waiting.
    const failure = results.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
    if (due.length < concurrency) return;
  }
}
