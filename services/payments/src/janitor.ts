/** Looks after every payment that is not finished, whether or not anybody ever asks again: sends what was not sent, asks what is open, expires what is over. */
import type { Settlement } from './settlement.ts';
import { leaseMs } from './settlement.ts';
import type { Origin, Store } from './store.ts';

/** How many conversations with the PSP go on at a time. */
const concurrency = 8;

const origin: Origin = { requestId: 'janitor', caller: { role: 'service', name: 'payments' } };

export function createJanitor({ store, settlement, now }: { store: Store; settlement: Settlement; now: () => number }) {
  /** Does what is due now and answers when it is done. */
  return async function work(): Promise<void> {
    await store.expireDue(now(), origin);
    for (;;) {
      const due = await store.claimDue({ now: now(), leaseMs, limit: concurrency });
      if (due.length === 0) return;
      const results = await Promise.allSettled(due.map((intent) =>
        intent.submission === 'attached' ? settlement.ask(intent, { source: 'poll', origin }) : settlement.submit(intent.id, origin)));
      // One that fails unexpectedly keeps its claim and comes up again; it must not keep the others waiting.
      const failure = results.find((result) => result.status === 'rejected');
      if (failure) throw failure.reason;
      if (due.length < concurrency) return;
    }
  };
}
