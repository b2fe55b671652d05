/** What an operator's alarms ask of the money: how much is unfinished, and for how long. Read from the rows at each scrape, so that a restart forgets nothing. */
import type { Metrics } from '@kiosk/service';
import type { Difference } from './reconciliation.ts';
import type { UnfinishedStore } from './unfinished-store.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** An answer that was lost comes by the first repetitions; only then is it worth a look. */
const unknownPatienceMs = 5 * minuteMs;
/** A visit gets its report within minutes of the payment; a long one within the hour. */
const reportPatienceMs = hourMs;
/** A day may be compared again; an older one than these was looked at long ago. */
const reconciledDays = 3;

const differenceKinds: readonly Difference['kind'][] = ['missing_here', 'missing_there', 'amount_differs', 'status_differs'];

export function measureUnfinished({ store, metrics, now, env, provider: current }: {
  store: UnfinishedStore; metrics: Metrics; now: () => number; env: string;
  /** Who new payments go to. */
  provider: string;
}): void {
  /** In whole ms from then to now; 0 where there is nothing. */
  const ageSeconds = (since: number | undefined): number => (since === undefined ? 0 : Math.max(0, now() - since) / 1000);

  metrics.gauge({
    name: 'payments_open', help: 'Intents that customers may pay now.', labels: ['provider', 'env'],
    async collect() {
      this.reset();
      this.set({ provider: current, env }, 0);
      for (const { provider, count } of await store.open(now())) this.set({ provider, env }, count);
    },
  });
  metrics.gauge({
    name: 'payments_outcome_unknown', help: 'Requests to the PSP whose outcome has not been known for five minutes or longer.', labels: ['env'],
    async collect() {
      this.set({ env }, await store.unknown(now() - unknownPatienceMs));
    },
  });
  metrics.gauge({
    name: 'payments_refund_oldest_pending_seconds', help: 'Age of the oldest refund that has not come to its end; 0 without one.', labels: ['env'],
    async collect() {
      this.set({ env }, ageSeconds(await store.oldestPendingRefund()));
    },
  });
  metrics.gauge({
    name: 'payments_receipt_oldest_pending_seconds', help: 'How long ago the oldest payment was confirmed whose receipt is not registered yet; 0 without one.', labels: ['env'],
    async collect() {
      this.set({ env }, ageSeconds(await store.oldestPendingReceipt()));
    },
  });
  metrics.gauge({
    name: 'payments_unserved', help: 'Payments of the last day, but not of the last hour, whose visit has neither its report nor its money back.', labels: ['env'],
    async collect() {
      const at = now();
      this.set({ env }, await store.unserved({ from: at - dayMs, to: at - reportPatienceMs }));
    },
  });
  metrics.gauge({
    name: 'payments_anomaly_newest_timestamp_seconds', help: 'When something that wants the operator was seen last, in the last day.', labels: ['kind', 'env'],
    async collect() {
      this.reset();
      for (const { kind, at } of await store.anomalies(now() - dayMs)) this.set({ kind, env }, at / 1000);
    },
  });
  metrics.gauge({
    name: 'payments_reconciliation_differences', help: 'What the newest comparison of each of the last three days found.', labels: ['kind', 'env'],
    async collect() {
      const found = (await store.reconciled(reconciledDays)).flatMap(({ differences }) => differences);
      for (const kind of differenceKinds) this.set({ kind, env }, found.filter((difference) => difference.kind === kind).length);
    },
  });
  metrics.gauge({
    name: 'payments_reconciled_timestamp_seconds', help: 'When a day was last compared with the PSP; 0: never.', labels: ['env'],
    async collect() {
      const runs = (await store.reconciled(reconciledDays)).map(({ runAt }) => runAt);
      this.set({ env }, Math.max(0, ...runs) / 1000);
    },
  });
}
