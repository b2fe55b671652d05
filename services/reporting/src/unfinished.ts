/** What an operator's alarms ask of reports: how much is unfinished, and for how long. Read from the rows at each scrape, so that a restart forgets nothing. */
import type { Metrics } from '@kiosk/service';
import { channels } from './delivery.ts';
import type { UnfinishedStore } from './unfinished-store.ts';

const dayMs = 24 * 3_600_000;

export function measureUnfinished({ store, metrics, now }: { store: UnfinishedStore; metrics: Metrics; now: () => number }): void {
  /** 0 where there is nothing. */
  const ageSeconds = (since: number | undefined): number => (since === undefined ? 0 : Math.max(0, now() - since) / 1000);

  metrics.gauge({
    name: 'reports_deliveries_unfinished', help: 'Deliveries that have neither been sent nor been given up.', labels: ['method'],
    async collect() {
      for (const method of channels) this.set({ method }, await store.unfinished(method));
    },
  });
  metrics.gauge({
    name: 'reports_delivery_oldest_seconds', help: 'Age of the oldest delivery that has neither been sent nor been given up; 0 without one.', labels: ['method'],
    async collect() {
      for (const method of channels) this.set({ method }, ageSeconds(await store.oldestUnfinished(method)));
    },
  });
  metrics.gauge({
    name: 'reports_deliveries_dead', help: 'Deliveries that were given up in the last day.', labels: ['method'],
    async collect() {
      for (const method of channels) this.set({ method }, await store.dead({ channel: method, since: now() - dayMs }));
    },
  });
  metrics.gauge({
    name: 'reports_undelivered', help: 'Reports of which a delivery was given up in the last day, and that reached nobody by another.',
    async collect() {
      this.set(await store.undelivered(now() - dayMs));
    },
  });
  metrics.gauge({
    name: 'reports_rendering_oldest_seconds', help: 'Age of the oldest report whose PDF is not there yet; 0 without one.',
    async collect() {
      this.set(ageSeconds(await store.oldestRendering()));
    },
  });
  metrics.gauge({
    name: 'reports_unrenderable', help: 'Reports of which no PDF can be made; they wait for a newer template.',
    async collect() {
      this.set(await store.unrenderable());
    },
  });
}
