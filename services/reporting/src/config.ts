import { SettingsError, commonSettings, declare, grpcAddress, grpcTls, loadSettingsFile, readSettings, setting, type Settings } from '@kiosk/service';
import { z } from 'zod';
import { callbacksOf, emailProvidersOf, providerProblems, providerSettings, smsProvidersOf } from './provider-settings.ts';
import { smsLimitCharacters, smsText } from './letter.ts';
import { linkTo, tokenCharacters } from './links.ts';
import { isMailbox } from './recipients.ts';
import { defaultThicknessLimits, type ThicknessLimits } from './thickness-limits.ts';

const dayMs = 24 * 3_600_000;
const yearMs = 365 * dayMs;

const um = z.number().min(0).max(10_000);
const norm = z.strictObject({ minUm: um, maxUm: um, typicalUm: um });
/** Only what differs from the defaults. */
const thicknessLimits = z.strictObject({
  thinnedBelowUm: um, secondCoatFromUm: um, fillerFromUm: um, heavyAboveUm: um, oddOneOutUm: um, ownMedianMinUm: um, ownMedianMaxUm: um,
  ownMedianFactor: z.number().min(1).max(10), ownSpreadFactor: z.number().min(1).max(100), ownMedianFromReadings: z.int().min(1).max(200),
  zoneNorms: z.strictObject({
    hood: norm, trunk: norm, roof: norm, fender: norm, quarter: norm, side_panel: norm, door: norm, pillar: norm, sill: norm, bumper: norm,
  }).partial(),
}).partial();

/** Every setting this service reads, over the common ones. */
export const reportingSettings = {
  ...commonSettings,
  ...providerSettings,
  ...declare({
    REPORTING_GRPC_PORT: { schema: setting.port, default: 50053, doc: 'The port the reporting service listens on.' },
    REPORTING_GRPC_CALLERS: { schema: setting.list, default: ['gateway'], doc: 'Who may call the reporting service where there is TLS: names in certificates, separated by commas.' },
    REPORTING_METRICS_PORT: { schema: setting.port, default: 9103, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    SESSIONS_GRPC_PORT: { schema: setting.port, default: 50051, doc: 'The port of the sessions service on this machine.' },
    SESSIONS_GRPC_ADDRESS: { schema: setting.text.optional(), doc: 'Where callers find the sessions service, host:port; GRPC_HOST and its port without one.' },
    PAYMENTS_GRPC_PORT: { schema: setting.port, default: 50052, doc: 'The port of the payments service on this machine.' },
    PAYMENTS_GRPC_ADDRESS: { schema: setting.text.optional(), doc: 'Where callers find the payments service, host:port; GRPC_HOST and its port without one.' },
    REPORTS_REQUIRE_PAYMENT: {
      schema: setting.flag.optional(),
      doc: 'Whether a report is made, sent and shown only with a confirmed payment behind its session. Default: true in PROD, false in DEV.',
    },
    CONSENT_REQUIRED: {
      schema: setting.flag, default: false,
      doc: 'Whether a contact is only taken with `consent`, the version of the text that the customer agreed to and the time; otherwise `consent_required`. That goes for `deliverTo` and sending again too, where they name others than the session\'s contact.',
    },
    REPORT_BRAND_NAME: { schema: setting.text, default: 'Проверка автомобиля', doc: 'Who the report is from: the head of the PDF and the signature of the e-mail.' },
    REPORT_BRAND_PHONE: { schema: setting.text.optional(), doc: 'The phone under that name.' },
    REPORT_BRAND_SITE: { schema: setting.text.optional(), doc: 'The site under that name.' },
    REPORT_PUBLIC_URL: {
      schema: setting.url, default: 'http://localhost:3000',
      doc: 'The address of the gateway as customers reach it: the QR of a report leads to <it>/check/<report id>.',
    },
    THICKNESS_LIMITS: {
      schema: setting.json(thicknessLimits), default: {},
      doc: 'What paint is judged by, in µm, over the defaults: {"fillerFromUm": 350, "zoneNorms": {"hood": {"minUm": 80, "maxUm": 150, "typicalUm": 120}}}.',
    },
    PDF_WORKERS: { schema: setting.integer({ min: 1, max: 16 }), default: 2, doc: 'How many PDFs are made at a time, each on a thread of its own.' },
    PDF_QUEUE_LIMIT: { schema: setting.integer({ min: 1, max: 1000 }), default: 64, doc: 'How many reports may be under way; one more is refused as `pdf_queue_full`.' },
    EMAIL_FROM: {
      schema: setting.text.refine((text) => parseSender(text) !== undefined, 'must be an e-mail address, or Name <address>'),
      default: 'Проверка автомобиля <reports@kiosk.example>', doc: 'The sender of e-mails: an address, or Name <address>.',
    },
    SMS_DAILY_LIMIT_PER_PHONE: {
      schema: setting.integer({ min: 1, max: 1000 }), default: 5,
      doc: 'How many text messages one phone gets within 24 hours; one more is given up as `sms_budget` and goes by e-mail where the customer left an address.',
    },
    REPORT_LINK_TTL_MS: {
      schema: setting.integer({ min: 4 * dayMs, max: yearMs }), default: 30 * dayMs,
      doc: 'How long the link in a message opens its report, in ms from when it was asked for; at most REPORT_RETENTION_MS. A message is tried for three days.',
    },
    REPORT_RETENTION_MS: {
      schema: setting.integer({ min: 7 * dayMs, max: 10 * yearMs }), default: 90 * dayMs,
      doc: 'How long a report\'s file and data are kept, in ms; then they are erased, and what was not sent by then is not sent.',
    },
    REPORT_CONTACT_RETENTION_MS: {
      schema: setting.integer({ min: 4 * dayMs, max: 10 * yearMs }), default: 30 * dayMs,
      doc: 'How long the e-mail address or phone of a delivery is kept, in ms; then it is erased.',
    },
    DELIVERY_POLL_INTERVAL_MS: {
      schema: setting.integer({ min: 50, max: 60_000 }), default: 1000, doc: 'How often the service looks for deliveries that are due, in ms.',
    },
    REPORT_AUDIT_RETENTION_MS: { schema: setting.integer({ min: dayMs, max: 10 * yearMs }), default: 90 * dayMs, doc: 'How long the audit of reports is kept, in ms.' },
  }),
};

/** Reads the settings once. Fails with a SettingsError that names each bad one. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const settings = readSettings(reportingSettings, { env, file: loadSettingsFile() });
  const tls = grpcTls(settings, 'reporting');
  const problems = [...providerProblems(settings), ...linkProblems(settings)];
  if (problems.length > 0) throw new SettingsError(problems);
  return {
    grpcHost: settings.GRPC_HOST,
    grpcPort: settings.REPORTING_GRPC_PORT,
    tls,
    serverTls: tls && { ...tls, callers: settings.REPORTING_GRPC_CALLERS },
    metricsHost: settings.METRICS_HOST,
    metricsPort: settings.REPORTING_METRICS_PORT,
    sessionsAddress: settings.SESSIONS_GRPC_ADDRESS ?? grpcAddress(settings, settings.SESSIONS_GRPC_PORT),
    paymentsAddress: settings.PAYMENTS_GRPC_ADDRESS ?? grpcAddress(settings, settings.PAYMENTS_GRPC_PORT),
    storagePath: settings.STORAGE_PATH,
    logLevel: settings.LOG_LEVEL,
    logFormat: settings.LOG_FORMAT,
    otlpEndpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    otlpProtocol: settings.OTEL_EXPORTER_OTLP_PROTOCOL,
    requirePayment: settings.REPORTS_REQUIRE_PAYMENT ?? settings.AGENT_ENV === 'PROD',
    consentRequired: settings.CONSENT_REQUIRED,
    brand: { name: settings.REPORT_BRAND_NAME, phone: settings.REPORT_BRAND_PHONE, site: settings.REPORT_BRAND_SITE },
    publicUrl: settings.REPORT_PUBLIC_URL.replace(/\/+$/, ''),
    thicknessLimits: { ...defaultThicknessLimits, ...settings.THICKNESS_LIMITS, zoneNorms: { ...defaultThicknessLimits.zoneNorms, ...settings.THICKNESS_LIMITS.zoneNorms } } satisfies ThicknessLimits,
    pdfWorkers: settings.PDF_WORKERS,
    pdfQueueLimit: settings.PDF_QUEUE_LIMIT,
    emailProviders: emailProvidersOf(settings),
    emailFrom: parseSender(settings.EMAIL_FROM)!,
    smsProviders: smsProvidersOf(settings),
    callbacks: callbacksOf(settings),
    smsDailyLimitPerPhone: settings.SMS_DAILY_LIMIT_PER_PHONE,
    linkTtlMs: settings.REPORT_LINK_TTL_MS,
    reportRetentionMs: settings.REPORT_RETENTION_MS,
    contactRetentionMs: settings.REPORT_CONTACT_RETENTION_MS,
    deliveryPollIntervalMs: settings.DELIVERY_POLL_INTERVAL_MS,
    auditRetentionMs: settings.REPORT_AUDIT_RETENTION_MS,
  };
}

/** The text message with the link has to fit one part, and the e-mail names the day until which the link opens the report. */
function linkProblems({ REPORT_PUBLIC_URL: url, REPORT_LINK_TTL_MS: ttlMs, REPORT_RETENTION_MS: retentionMs }: Settings<typeof reportingSettings>): string[] {
  const longest = smsLimitCharacters - smsText(linkTo({ publicUrl: '', token: 'x'.repeat(tokenCharacters) })).length;
  const isTooLong = url.replace(/\/+$/, '').length > longest;
  return [
    ...(isTooLong ? [`REPORT_PUBLIC_URL must be at most ${longest} characters, or the text message with a report's link would not fit one part`] : []),
    ...(ttlMs > retentionMs ? [`REPORT_LINK_TTL_MS must be at most REPORT_RETENTION_MS, ${retentionMs}: no link opens a report that is erased`] : []),
  ];
}

function parseSender(text: string): { name: string; address: string } | undefined {
  const parts = /^([^<>"]*)<([^<>]+)>$/.exec(text) ?? [text, '', text];
  const [, name = '', address = ''] = parts;
  return isMailbox(address) ? { name: name.trim(), address } : undefined;
}

export type ReportingConfig = ReturnType<typeof readConfig>;
