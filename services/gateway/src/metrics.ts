/** GET /metrics: the gateway's own and every service's, as one valid exposition. */
import type { Metrics } from '@kiosk/service';
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import type { Peers } from './config.ts';
import { route, type Route } from './route.ts';
import { together } from './together.ts';

const timeoutMs = 1500;

type Scraped = MetricObjectWithValues<MetricValue<string>>[];

/** A service that does not answer is `up 0`; the page has everybody else. */
export function metricsRoutes({ peers, metrics }: { peers: Peers; metrics: Metrics }): Route[] {
  const up = metrics.gauge({ name: 'up', help: 'Whether the service answered when it was asked for its metrics.', labels: ['service'] });
  const page = together(async () => {
    const scraped = await Promise.all(Object.entries(peers).map(async ([service, { metricsAddress }]) => {
      const theirs = await scrape(metricsAddress);
      up.set({ service }, theirs ? 1 : 0);
      return theirs ?? [];
    }));
    up.set({ service: 'gateway' }, 1);
    // Each service's series carry its name, so nothing is added up across services; texts one after another would repeat # TYPE.
    const merged = AggregatorRegistry.aggregate([await metrics.registry.getMetricsAsJSON(), ...scraped].map(whole));
    return { type: merged.contentType, text: await merged.metrics() };
  });
  return [route({
    method: 'get',
    path: '/metrics',
    name: 'getMetrics',
    summary: 'The metrics of all services, for Prometheus. From this machine it needs no key.',
    roles: ['local', 'operator'],
    urgency: 'vital',
    untimed: true,
    answers: { 200: { description: 'One exposition; a service that does not answer is `up` 0', type: 'text/plain' } },
    async handle({ response }) {
      const { type, text } = await page();
      response.type(type).send(text);
    },
  })];
}

/** What the library leaves out of a sum of several workers, such as the time of their start, stands here for one process each. */
function whole(scraped: Scraped): Scraped {
  return scraped.map((metric) => (metric.aggregator === 'omit' ? { ...metric, aggregator: 'first' } : metric));
}

async function scrape(address: string): Promise<Scraped | undefined> {
  try {
    const answer = await fetch(`http://${address}/metrics`, { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(timeoutMs) });
    const scraped = (await answer.json()) as Scraped;
    // Whatever listens there may be something else: it must fail here, by itself, and not the page.
    AggregatorRegistry.aggregate([scraped]);
    return scraped;
  } catch {
    return undefined;
  }
}
