import { SettingsError, commonSettings, declare, loadSettingsFile, readSettings, setting } from '@kiosk/service';
import { z } from 'zod';

const dayMs = 24 * 3_600_000;
const yearMs = 365 * dayMs;

const prices = z.array(z.strictObject({
  /** The type of session that it is for. */
  service: z.enum(['thickness', 'diagnostics']),
  /** For people, and for the receipt's line: `minivan`. */
  name: z.string().min(1).max(60),
  amountMinor: z.int().positive(),
  currency: z.enum(['RUB', 'USD', 'EUR']),
}));

/** Every setting this service reads, over the common ones. */
export const paymentsSettings = {
  ...commonSettings,
  ...declare({
    PAYMENTS_GRPC_PORT: { schema: setting.port, default: 50052, doc: 'The port the payments service listens on.' },
    PAYMENTS_METRICS_PORT: { schema: setting.port, default: 9102, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    SESSIONS_GRPC_PORT: { schema: setting.port, default: 50051, doc: 'The port of the sessions service on this machine.' },
    SESSIONS_GRPC_ADDRESS: { schema: setting.text.optional(), doc: 'Where callers find the sessions service, host:port, when it is not on this machine.' },
    PAYMENTS_PROVIDER: { schema: setting.oneOf('dev'), default: 'dev', doc: 'Who takes the money: dev pretends, and is refused in PROD.' },
    PAYMENT_TTL_MS: {
      schema: setting.integer({ min: 1000, max: 3_600_000 }),
      default: 600_000,
      doc: 'How long an intent waits for the money before it expires, in ms.',
    },
    PAYMENT_SUBMIT_WAIT_MS: {
      schema: setting.integer({ min: 0, max: 8000 }),
      default: 3000,
      doc: 'How long creating an intent waits for the PSP before it answers without a QR, in ms.',
    },
    PAYMENT_POLL_INTERVAL_MS: {
      schema: setting.integer({ min: 50, max: 60_000 }),
      default: 500,
      doc: 'How often the service looks for payments that are due to be asked about, in ms.',
    },
    PRICES: { schema: setting.json(prices), default: [], doc: 'The price list: [{service, name, amountMinor, currency}].' },
    PRICES_ENFORCED: {
      schema: setting.flag.optional(),
      doc: 'Whether a service that the price list names takes exactly one of its prices. Default: true in PROD, false in DEV.',
    },
    DEV_AUTO_CONFIRM_DELAY_MS: { schema: setting.durationMs, default: 2000, doc: 'When a pretend payment pays itself, in ms after its creation.' },
    DEV_MANUAL_MODE: { schema: setting.flag, default: false, doc: 'Pretend payments wait for POST /api/payments/confirm/:id.' },
    PAYMENT_AUDIT_RETENTION_MS: { schema: setting.integer({ min: dayMs, max: 10 * yearMs }), default: 90 * dayMs, doc: 'How long the audit of payments is kept, in ms.' },
  }),
};

/** Reads the settings once. Fails with a SettingsError that names each bad one. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const settings = readSettings(paymentsSettings, { env, file: loadSettingsFile() });
  if (settings.AGENT_ENV === 'PROD' && settings.PAYMENTS_PROVIDER === 'dev') {
    throw new SettingsError(['PAYMENTS_PROVIDER must not be dev in PROD: it takes pretend money']);
  }
  return {
    env: settings.AGENT_ENV,
    grpcHost: settings.GRPC_HOST,
    grpcPort: settings.PAYMENTS_GRPC_PORT,
    metricsHost: settings.METRICS_HOST,
    metricsPort: settings.PAYMENTS_METRICS_PORT,
    sessionsAddress: settings.SESSIONS_GRPC_ADDRESS ?? `127.0.0.1:${settings.SESSIONS_GRPC_PORT}`,
    storagePath: settings.STORAGE_PATH,
    logLevel: settings.LOG_LEVEL,
    otlpEndpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    otlpProtocol: settings.OTEL_EXPORTER_OTLP_PROTOCOL,
    provider: settings.PAYMENTS_PROVIDER,
    ttlMs: settings.PAYMENT_TTL_MS,
    submitWaitMs: settings.PAYMENT_SUBMIT_WAIT_MS,
    pollIntervalMs: settings.PAYMENT_POLL_INTERVAL_MS,
    prices: settings.PRICES_ENFORCED ?? settings.AGENT_ENV === 'PROD' ? settings.PRICES : [],
    devAutoConfirmDelayMs: settings.DEV_MANUAL_MODE ? undefined : settings.DEV_AUTO_CONFIRM_DELAY_MS,
    auditRetentionMs: settings.PAYMENT_AUDIT_RETENTION_MS,
  };
}

export type PaymentsConfig = ReturnType<typeof readConfig>;
export type Price = PaymentsConfig['prices'][number];
