import { commonSettings, declare, loadSettingsFile, readSettings, setting } from '@kiosk/service';
import { isIP } from 'node:net';

const address = setting.text.refine((text) => /^(\[[\da-fA-F:]+\]|[\w.-]+):\d{1,5}$/.test(text), 'must be host:port');
const proxies = setting.list.refine((entries) => entries.every(isNetwork), 'must be IP addresses or networks such as 10.0.0.0/8');

/** Every setting the gateway reads, over the common ones. */
export const gatewaySettings = {
  ...commonSettings,
  ...declare({
    HOST: { schema: setting.text, default: '127.0.0.1', doc: 'The address the gateway listens on.' },
    PORT: { schema: setting.port, default: 3000, doc: 'The port the gateway listens on.' },
    TRUSTED_PROXIES: {
      schema: proxies,
      default: [],
      doc: 'The addresses or networks of the proxies in front, separated by commas. Only what they say in X-Forwarded-For is believed.',
    },
    SESSIONS_GRPC_PORT: { schema: setting.port, default: 50051, doc: 'The port the sessions service listens on.' },
    PAYMENTS_GRPC_PORT: { schema: setting.port, default: 50052, doc: 'The port the payments service listens on.' },
    REPORTING_GRPC_PORT: { schema: setting.port, default: 50053, doc: 'The port the reporting service listens on.' },
    SESSIONS_METRICS_PORT: { schema: setting.port, default: 9101, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    PAYMENTS_METRICS_PORT: { schema: setting.port, default: 9102, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    REPORTING_METRICS_PORT: { schema: setting.port, default: 9103, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    SESSIONS_GRPC_ADDRESS: { schema: address.optional(), doc: 'Where callers find the sessions service, host:port; 127.0.0.1 and its port without one.' },
    PAYMENTS_GRPC_ADDRESS: { schema: address.optional(), doc: 'Where callers find the payments service, host:port; 127.0.0.1 and its port without one.' },
    REPORTING_GRPC_ADDRESS: { schema: address.optional(), doc: 'Where callers find the reporting service, host:port; 127.0.0.1 and its port without one.' },
    SESSIONS_METRICS_ADDRESS: { schema: address.optional(), doc: 'Where the gateway asks for the metrics of sessions, host:port; 127.0.0.1 and its port without one.' },
    PAYMENTS_METRICS_ADDRESS: { schema: address.optional(), doc: 'Where the gateway asks for the metrics of payments, host:port; 127.0.0.1 and its port without one.' },
    REPORTING_METRICS_ADDRESS: { schema: address.optional(), doc: 'Where the gateway asks for the metrics of reporting, host:port; 127.0.0.1 and its port without one.' },
  }),
};

/** Reads the settings once. Fails with a SettingsError that names each bad one. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const settings = readSettings(gatewaySettings, { env, file: loadSettingsFile() });
  return {
    env: settings.AGENT_ENV,
    host: settings.HOST,
    port: settings.PORT,
    trustedProxies: settings.TRUSTED_PROXIES,
    logLevel: settings.LOG_LEVEL,
    otlpEndpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    otlpProtocol: settings.OTEL_EXPORTER_OTLP_PROTOCOL,
    peers: {
      sessions: {
        grpcAddress: settings.SESSIONS_GRPC_ADDRESS ?? `127.0.0.1:${settings.SESSIONS_GRPC_PORT}`,
        metricsAddress: settings.SESSIONS_METRICS_ADDRESS ?? `127.0.0.1:${settings.SESSIONS_METRICS_PORT}`,
      },
      payments: {
        grpcAddress: settings.PAYMENTS_GRPC_ADDRESS ?? `127.0.0.1:${settings.PAYMENTS_GRPC_PORT}`,
        metricsAddress: settings.PAYMENTS_METRICS_ADDRESS ?? `127.0.0.1:${settings.PAYMENTS_METRICS_PORT}`,
      },
      reporting: {
        grpcAddress: settings.REPORTING_GRPC_ADDRESS ?? `127.0.0.1:${settings.REPORTING_GRPC_PORT}`,
        metricsAddress: settings.REPORTING_METRICS_ADDRESS ?? `127.0.0.1:${settings.REPORTING_METRICS_PORT}`,
      },
    },
  };
}

export type GatewayConfig = ReturnType<typeof readConfig>;

/** Where each service is found, by name. */
export type Peers = GatewayConfig['peers'];

function isNetwork(text: string): boolean {
  const [ip = '', bits, ...rest] = text.split('/');
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(ip)] ?? -1;
  return most > 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
}
