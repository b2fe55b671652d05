import { commonSettings, declare, grpcTls, loadSettingsFile, readSettings, setting } from '@kiosk/service';

const yearMs = 365 * 24 * 3_600_000;
const hourMs = 3_600_000;
/** A report is tried for three days, a text message comes back a day later, and then the session says where the other channel leads (D5). */
const shortestRetentionMs = 4 * 24 * hourMs;

/** Every setting this service reads, over the common ones. */
export const sessionsSettings = {
  ...commonSettings,
  ...declare({
    SESSIONS_GRPC_PORT: { schema: setting.port, default: 50051, doc: 'The port the sessions service listens on.' },
    SESSIONS_GRPC_CALLERS: { schema: setting.list, default: ['payments', 'reporting', 'gateway'], doc: 'Who may call the sessions service where there is TLS: names in certificates, separated by commas.' },
    SESSIONS_METRICS_PORT: { schema: setting.port, default: 9101, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    SESSION_TTL_MS: {
      schema: setting.integer({ min: 1000, max: 86_400_000 }),
      default: hourMs,
      doc: 'How long a session stays active when the kiosk does not say, in ms.',
    },
    SESSION_SWEEP_INTERVAL_MS: {
      schema: setting.integer({ min: 100, max: hourMs }),
      default: 3000,
      doc: 'How often overdue sessions are recorded as expired, in ms. A read says expired at once, whatever this is.',
    },
    SESSION_RETENTION_MS: {
      schema: setting.integer({ min: shortestRetentionMs, max: yearMs }),
      default: 4 * 24 * hourMs,
      doc: 'How long an expired or failed session is kept, in ms. A report that one channel refuses asks it for the other contact.',
    },
    SESSION_COMPLETED_RETENTION_MS: {
      schema: setting.integer({ min: shortestRetentionMs, max: 10 * yearMs }),
      default: 30 * 24 * hourMs,
      doc: 'How long a completed session is kept, in ms.',
    },
    SESSION_CONTACT_RETENTION_MS: {
      schema: setting.integer({ min: shortestRetentionMs, max: 10 * yearMs }),
      default: 14 * 24 * hourMs,
      doc: 'How long the contact of a session is kept after its end, in ms; then it is erased. A report that one channel refuses needs it for four days.',
    },
    CONSENT_REQUIRED: {
      schema: setting.flag, default: false,
      doc: 'Whether a contact is only taken with `consent`, the version of the text that the customer agreed to and the time; otherwise `consent_required`. That goes for `deliverTo` and sending again too, where they name others than the session\'s contact.',
    },
    SESSION_AUDIT_RETENTION_MS: {
      schema: setting.integer({ min: 24 * hourMs, max: 10 * yearMs }),
      default: 90 * 24 * hourMs,
      doc: 'How long the audit of sessions is kept, in ms.',
    },
  }),
};

/** Reads the settings once. Fails with a SettingsError that names each bad one. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const settings = readSettings(sessionsSettings, { env, file: loadSettingsFile() });
  const tls = grpcTls(settings, 'sessions');
  return {
    grpcHost: settings.GRPC_HOST,
    metricsHost: settings.METRICS_HOST,
    grpcPort: settings.SESSIONS_GRPC_PORT,
    serverTls: tls && { ...tls, callers: settings.SESSIONS_GRPC_CALLERS },
    metricsPort: settings.SESSIONS_METRICS_PORT,
    storagePath: settings.STORAGE_PATH,
    logLevel: settings.LOG_LEVEL,
    logFormat: settings.LOG_FORMAT,
    otlpEndpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    otlpProtocol: settings.OTEL_EXPORTER_OTLP_PROTOCOL,
    ttlMs: settings.SESSION_TTL_MS,
    sweepIntervalMs: settings.SESSION_SWEEP_INTERVAL_MS,
    retentionMs: settings.SESSION_RETENTION_MS,
    completedRetentionMs: settings.SESSION_COMPLETED_RETENTION_MS,
    contactRetentionMs: settings.SESSION_CONTACT_RETENTION_MS,
    consentRequired: settings.CONSENT_REQUIRED,
    auditRetentionMs: settings.SESSION_AUDIT_RETENTION_MS,
  };
}

export type SessionsConfig = ReturnType<typeof readConfig>;
