import { SettingsError, commonSettings, declare, grpcAddress, grpcTls, loadSettingsFile, readSettings, setting } from '@kiosk/service';
import { isIP } from 'node:net';
import { z } from 'zod';
import { isLoopbackHost } from './addresses.ts';
import type { CertificateFiles } from './certificate.ts';
import { isOrigin } from './cors.ts';
import { readKeys, sharedKey, type ApiKey, type NamedKey } from './keys.ts';
import type { Places } from './overload.ts';
import type { RateLimits } from './throttle.ts';

const address = setting.text.refine((text) => /^(\[[\da-fA-F:]+\]|[\w.-]+):\d{1,5}$/.test(text), 'must be host:port');
const proxies = setting.list.refine((entries) => entries.every(isNetwork), 'must be IP addresses or networks such as 10.0.0.0/8');
const apiKeys = setting.list.transform((entries, context): NamedKey[] => {
  const keys = readKeys(entries);
  if (typeof keys !== 'string') return keys;
  context.addIssue({ code: 'custom', message: keys });
  return z.NEVER;
});

const perMinute = setting.integer({ min: 1, max: 1_000_000 }).optional();
const places = setting.integer({ min: 1, max: 100_000 });
/** Where keys are configured. An open gateway, which is a developer's, has the rates that are set and no others. */
const usualRates: RateLimits = { everyone: 60_000, requests: 1200, intents: 10, reports: 10, pdfs: 60, pictures: 120, deliveries: 10, sms: 10 };

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
    CORS_ORIGINS: {
      schema: setting.list.refine((entries) => entries.every(isOrigin), 'must be origins such as https://screen.example, without a path'),
      default: [],
      doc: 'The origins whose pages may use the API from a browser, separated by commas and exactly as browsers send them: https://screen.example. None without it.',
    },
    HTTPS_CERT: {
      schema: setting.text.optional(),
      doc: 'A PEM file with the certificate and its chain; together with HTTPS_KEY the gateway speaks HTTPS only. A changed file is read again within a minute.',
    },
    HTTPS_KEY: { schema: setting.text.optional(), doc: 'The PEM file with the certificate\'s private key.' },
    KIOSK_API_KEYS: {
      schema: apiKeys,
      default: [],
      secret: true,
      doc: 'The kiosks\' keys as kioskId:key,kioskId:key; a kiosk with two entries may use either. At least 16 characters each.',
    },
    OPERATOR_API_KEYS: {
      schema: apiKeys,
      default: [],
      secret: true,
      doc: 'The operators\' keys as name:key,name:key, likewise. Without any key the gateway starts in DEV on 127.0.0.1 only, and is open there.',
    },
    RATE_LIMIT_REQUESTS_PER_MINUTE: {
      schema: perMinute, doc: 'Requests per kiosk or operator, or per address without a key; 1200 where keys are configured, otherwise without a limit.',
    },
    RATE_LIMIT_EVERYONE_PER_MINUTE: { schema: perMinute, doc: 'Requests of all with a key together, and as many of all without one; 60000 where keys are configured.' },
    RATE_LIMIT_INTENTS_PER_MINUTE: { schema: perMinute, doc: 'Payment intents, likewise; 10 where keys are configured.' },
    RATE_LIMIT_REPORTS_PER_MINUTE: { schema: perMinute, doc: 'New reports, likewise; 10 where keys are configured.' },
    RATE_LIMIT_PDFS_PER_MINUTE: { schema: perMinute, doc: 'PDFs read, likewise; 60 where keys are configured.' },
    RATE_LIMIT_PICTURES_PER_MINUTE: { schema: perMinute, doc: 'QR codes drawn, per address or key, likewise; 120 where keys are configured.' },
    RATE_LIMIT_DELIVERIES_PER_MINUTE: { schema: perMinute, doc: 'Reports sent again, likewise; 10 where keys are configured.' },
    RATE_LIMIT_SMS_PER_MINUTE: {
      schema: perMinute, doc: 'New reports and reports sent again for which a text message may be sent, together, likewise; 10 where keys are configured. What one phone gets is SMS_DAILY_LIMIT_PER_PHONE\'s.',
    },
    IN_FLIGHT_VITAL: { schema: places, default: 512, doc: 'Notifications, payment status, probes and metrics that are answered at the same time; one more is 503.' },
    IN_FLIGHT_VISIT: { schema: places, default: 256, doc: 'Calls of sessions and payments at the same time, likewise.' },
    IN_FLIGHT_REPORT: { schema: places, default: 64, doc: 'Calls of reports at the same time, likewise.' },
    IN_FLIGHT_LIST: { schema: places, default: 16, doc: 'Lists and pages for people at the same time, likewise.' },
    OVERLOAD_DELAY_MS: {
      schema: setting.integer({ min: 1, max: 60_000 }),
      default: 100,
      doc: 'How long what is usually quick may take, and how late the event loop may usually be, in ms. Beyond it fewer may be inside at the same time, and while the event loop is late lists are refused with 503, beyond twice that reports, beyond four times all but notifications, status and probes.',
    },
    MAX_STREAMS: { schema: places, default: 500, doc: 'Event streams and long polls that are held at the same time; one more stream is 503, one more long poll is answered at once.' },
    MAX_STREAMS_PER_CALLER: { schema: places, default: 50, doc: 'The same for each kiosk or operator, or address without a key; one more stream is 429.' },
    MAX_CONNECTIONS: { schema: places, default: 5000, doc: 'Connections to the gateway; one more is closed at once.' },
    MAX_CONNECTIONS_PER_ADDRESS: { schema: places, default: 500, doc: 'The same for each address, except TRUSTED_PROXIES and this machine.' },
    SESSIONS_GRPC_PORT: { schema: setting.port, default: 50051, doc: 'The port the sessions service listens on.' },
    PAYMENTS_GRPC_PORT: { schema: setting.port, default: 50052, doc: 'The port the payments service listens on.' },
    REPORTING_GRPC_PORT: { schema: setting.port, default: 50053, doc: 'The port the reporting service listens on.' },
    SESSIONS_METRICS_PORT: { schema: setting.port, default: 9101, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    PAYMENTS_METRICS_PORT: { schema: setting.port, default: 9102, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    REPORTING_METRICS_PORT: { schema: setting.port, default: 9103, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    SESSIONS_GRPC_ADDRESS: { schema: address.optional(), doc: 'Where callers find the sessions service, host:port; GRPC_HOST and its port without one.' },
    PAYMENTS_GRPC_ADDRESS: { schema: address.optional(), doc: 'Where callers find the payments service, host:port; GRPC_HOST and its port without one.' },
    REPORTING_GRPC_ADDRESS: { schema: address.optional(), doc: 'Where callers find the reporting service, host:port; GRPC_HOST and its port without one.' },
    SESSIONS_METRICS_ADDRESS: { schema: address.optional(), doc: 'Where the gateway asks for the metrics of sessions, host:port; 127.0.0.1 and its port without one.' },
    PAYMENTS_METRICS_ADDRESS: { schema: address.optional(), doc: 'Where the gateway asks for the metrics of payments, host:port; 127.0.0.1 and its port without one.' },
    REPORTING_METRICS_ADDRESS: { schema: address.optional(), doc: 'Where the gateway asks for the metrics of reporting, host:port; 127.0.0.1 and its port without one.' },
  }),
};

type Settings = ReturnType<typeof readSettings<typeof gatewaySettings>>;

/** Reads the settings once. Fails with a SettingsError that names each bad one. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const settings = readSettings(gatewaySettings, { env, file: loadSettingsFile() });
  const keys = keysOf(settings);
  return {
    env: settings.AGENT_ENV,
    /** None: open to whoever reaches it. */
    keys,
    ratesPerMinute: ratesOf(settings, keys.length > 0 ? usualRates : {}),
    places: {
      vital: settings.IN_FLIGHT_VITAL, visit: settings.IN_FLIGHT_VISIT, report: settings.IN_FLIGHT_REPORT, list: settings.IN_FLIGHT_LIST,
    } satisfies Places,
    toleratedDelayMs: settings.OVERLOAD_DELAY_MS,
    mostConnections: settings.MAX_CONNECTIONS,
    mostConnectionsPerAddress: settings.MAX_CONNECTIONS_PER_ADDRESS,
    mostStreams: settings.MAX_STREAMS,
    mostStreamsPerCaller: settings.MAX_STREAMS_PER_CALLER,
    host: settings.HOST,
    port: settings.PORT,
    trustedProxies: settings.TRUSTED_PROXIES,
    corsOrigins: settings.CORS_ORIGINS,
    /** Undefined: HTTP. */
    certificateFiles: certificateFilesOf(settings),
    logLevel: settings.LOG_LEVEL,
    logFormat: settings.LOG_FORMAT,
    otlpEndpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    otlpProtocol: settings.OTEL_EXPORTER_OTLP_PROTOCOL,
    tls: grpcTls(settings, 'gateway'),
    peers: { sessions: peerOf(settings, 'SESSIONS'), payments: peerOf(settings, 'PAYMENTS'), reporting: peerOf(settings, 'REPORTING') },
  };
}

export type GatewayConfig = ReturnType<typeof readConfig>;

/** Where each service is found, by name. */
export type Peers = GatewayConfig['peers'];

function peerOf(settings: Settings, name: 'SESSIONS' | 'PAYMENTS' | 'REPORTING') {
  return {
    grpcAddress: settings[`${name}_GRPC_ADDRESS`] ?? grpcAddress(settings, settings[`${name}_GRPC_PORT`]),
    metricsAddress: settings[`${name}_METRICS_ADDRESS`] ?? `127.0.0.1:${settings[`${name}_METRICS_PORT`]}`,
  };
}

/** Fails with a SettingsError where two have the same key, and where there is none and somebody else could reach the gateway (X1). */
function keysOf({ AGENT_ENV, HOST, KIOSK_API_KEYS, OPERATOR_API_KEYS }: Settings): ApiKey[] {
  const keys: ApiKey[] = [
    ...KIOSK_API_KEYS.map((key) => ({ role: 'kiosk' as const, ...key })), ...OPERATOR_API_KEYS.map((key) => ({ role: 'operator' as const, ...key })),
  ];
  const shared = sharedKey(keys);
  if (shared !== undefined) throw new SettingsError([shared]);
  if (keys.length > 0) return keys;
  if (AGENT_ENV === 'PROD') throw new SettingsError(['PROD needs API keys: set KIOSK_API_KEYS and OPERATOR_API_KEYS']);
  if (!isLoopbackHost(HOST)) {
    throw new SettingsError(['a gateway without API keys is open and listens on 127.0.0.1 only: set KIOSK_API_KEYS and OPERATOR_API_KEYS, or HOST']);
  }
  return keys;
}

/** Fails with a SettingsError where there is one without the other. */
function certificateFilesOf({ HTTPS_CERT: certFile, HTTPS_KEY: keyFile }: Settings): CertificateFiles | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) throw new SettingsError(['HTTPS needs both HTTPS_CERT and HTTPS_KEY']);
  return { certFile, keyFile };
}

function ratesOf(settings: Settings, usual: Partial<RateLimits>): RateLimits {
  return {
    everyone: settings.RATE_LIMIT_EVERYONE_PER_MINUTE ?? usual.everyone,
    requests: settings.RATE_LIMIT_REQUESTS_PER_MINUTE ?? usual.requests,
    intents: settings.RATE_LIMIT_INTENTS_PER_MINUTE ?? usual.intents,
    reports: settings.RATE_LIMIT_REPORTS_PER_MINUTE ?? usual.reports,
    pdfs: settings.RATE_LIMIT_PDFS_PER_MINUTE ?? usual.pdfs,
    pictures: settings.RATE_LIMIT_PICTURES_PER_MINUTE ?? usual.pictures,
    deliveries: settings.RATE_LIMIT_DELIVERIES_PER_MINUTE ?? usual.deliveries,
    sms: settings.RATE_LIMIT_SMS_PER_MINUTE ?? usual.sms,
  };
}

function isNetwork(text: string): boolean {
  const [ip = '', bits, ...rest] = text.split('/');
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(ip)] ?? -1;
  return most > 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
}
