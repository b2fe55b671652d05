/** The table of all routes: what is mounted, described in openapi.json and walked by the tests. */
import type { PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import type { ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import type { SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import type { Rpc } from '@kiosk/rpc';
import type { Metrics } from '@kiosk/service';
import { callbackRoutes } from './callbacks.ts';
import type { Peers } from './config.ts';
import { deliveryRoutes } from './deliveries.ts';
import { auditRoutes } from './audit.ts';
import { documentRoutes } from './document.ts';
import type { Held } from './held.ts';
import { healthRoutes } from './health.ts';
import { linkRoutes } from './links.ts';
import { metricsRoutes } from './metrics.ts';
import { paymentRoutes } from './payments.ts';
import { reportRoutes } from './reports.ts';
import type { Route } from './route.ts';
import { sessionEventRoutes } from './session-events.ts';
import { sessionRoutes } from './sessions.ts';
import { webhookRoutes } from './webhooks.ts';

/** The services as the gateway sees them. */
export type Clients = { sessions: Rpc<SessionsServer>; payments: Rpc<PaymentsServer>; reporting: Rpc<ReportingServer> };

export function routeTable({ sessions, payments, reporting, held, peers, metrics, document }: Clients & {
  held: Held; peers: Peers; metrics: Metrics; document: string;
}): Route[] {
  return [
    ...sessionRoutes({ sessions, payments, reporting }), ...sessionEventRoutes({ sessions, payments, reporting, held }), ...paymentRoutes(payments, held), ...reportRoutes(reporting),
    ...linkRoutes(reporting), ...deliveryRoutes(reporting), ...webhookRoutes(payments), ...callbackRoutes(reporting), ...auditRoutes({ sessions, payments, reporting }),
    ...metricsRoutes({ peers, metrics }), ...healthRoutes({ peers }), ...documentRoutes({ document }),
  ];
}
