/** Starts one service in this process. Its code is loaded only then. */
import type { GatewayOptions, GatewayService } from '@kiosk/gateway';
import type { PaymentsOptions, PaymentsService } from '@kiosk/payments';
import type { ReportingOptions, ReportingService } from '@kiosk/reporting';
import type { SessionsOptions, SessionsService } from '@kiosk/sessions';
import { configOf, type ServiceName } from './services.ts';

export type Services = { sessions: SessionsService; payments: PaymentsService; reporting: ReportingService; gateway: GatewayService };

/** Beside its configuration: what each service takes. */
type Shared = Pick<SessionsOptions, 'now' | 'inside'>;

const starts: { [Name in ServiceName]: (settings: Parameters<typeof configOf>[1], shared: Shared) => Promise<Services[Name]> } = {
  sessions: async (settings, shared) => {
    const { startSessions } = await import('@kiosk/sessions');
    return startSessions({ config: await configOf<SessionsOptions['config']>('sessions', settings), ...shared });
  },
  payments: async (settings, shared) => {
    const { startPayments } = await import('@kiosk/payments');
    return startPayments({ config: await configOf<PaymentsOptions['config']>('payments', settings), ...shared });
  },
  reporting: async (settings, shared) => {
    const { startReporting } = await import('@kiosk/reporting');
    return startReporting({ config: await configOf<ReportingOptions['config']>('reporting', settings), ...shared });
  },
  gateway: async (settings, shared) => {
    const { startGateway } = await import('@kiosk/gateway');
    return startGateway({ config: await configOf<GatewayOptions['config']>('gateway', settings), ...shared });
  },
};

export function startService<Name extends ServiceName>(name: Name, settings: Parameters<typeof configOf>[1], shared: Shared): Promise<Services[Name]> {
  return starts[name](settings, shared);
}
