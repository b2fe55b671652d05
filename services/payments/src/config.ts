import { SettingsError, commonSettings, declare, grpcAddress, grpcTls, loadSettingsFile, readSettings, setting, type Settings } from '@kiosk/service';
import { z } from 'zod';
import { toBlockList } from './addresses.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const yearMs = 365 * dayMs;

const prices = z.array(z.strictObject({
  /** The type of session that it is for. */
  service: z.enum(['thickness', 'diagnostics']),
  /** For people, and for the receipt's line: `minivan`. */
  name: z.string().min(1).max(60),
  /** The receipt's line, in Russian: at most 128 characters. */
  title: z.string().min(1).max(128).optional(),
  amountMinor: z.int().positive(),
  currency: z.enum(['RUB', 'USD', 'EUR']),
}));

/** Every setting this service reads, over the common ones. */
export const paymentsSettings = {
  ...commonSettings,
  ...declare({
    PAYMENTS_GRPC_PORT: { schema: setting.port, default: 50052, doc: 'The port the payments service listens on.' },
    PAYMENTS_GRPC_CALLERS: { schema: setting.list, default: ['payments', 'reporting', 'gateway'], doc: 'Who may call the payments service where there is TLS: names in certificates, separated by commas. payments itself is for its own commands.' },
    PAYMENTS_GRPC_ADDRESS: { schema: setting.text.optional(), doc: 'Where callers find the payments service, host:port; GRPC_HOST and its port without one.' },
    PAYMENTS_METRICS_PORT: { schema: setting.port, default: 9102, doc: 'The port of its /metrics, /health/live and /health/ready.' },
    SESSIONS_GRPC_PORT: { schema: setting.port, default: 50051, doc: 'The port of the sessions service on this machine.' },
    SESSIONS_GRPC_ADDRESS: { schema: setting.text.optional(), doc: 'Where callers find the sessions service, host:port; GRPC_HOST and its port without one.' },
    PAYMENTS_PROVIDER: { schema: setting.oneOf('dev', 'yookassa'), default: 'dev', doc: 'Who takes the money: dev pretends, and is refused in PROD.' },
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
    PRICES: { schema: setting.json(prices), default: [], doc: 'The price list: [{service, name, title, amountMinor, currency}].' },
    PRICES_ENFORCED: {
      schema: setting.flag.optional(),
      doc: 'Whether a service that the price list names takes exactly one of its prices. Default: true in PROD, false in DEV.',
    },
    YOOKASSA_SHOP_ID: { schema: setting.text.optional(), doc: 'The shop\'s number in YooKassa.' },
    YOOKASSA_SECRET_KEY: { schema: setting.text.optional(), secret: true, doc: 'The shop\'s secret key; test_… keys take pretend money and are refused in PROD, live_… in DEV.' },
    YOOKASSA_API_URL: { schema: setting.url, default: 'https://api.yookassa.ru/v3', doc: 'YooKassa\'s API: https, or http on loopback for a pretend one.' },
    YOOKASSA_CONFIRMATION: { schema: setting.oneOf('qr', 'redirect'), default: 'qr', doc: 'qr: the bank\'s QR is drawn; redirect: a QR with the address of YooKassa\'s payment page.' },
    YOOKASSA_PAYMENT_METHOD: { schema: setting.text.optional(), doc: 'sbp, bank_card, …: the one way to pay. Without it the customer chooses on the payment page.' },
    YOOKASSA_RETURN_URL: { schema: setting.url, default: 'https://yookassa.ru/', doc: 'Where the customer\'s phone goes after a redirect payment.' },
    YOOKASSA_TIMEOUT_MS: {
      schema: setting.integer({ min: 50, max: 40_000 }),
      default: 35_000,
      doc: 'How long one call to YooKassa may take, in ms; after that its outcome is unknown. YooKassa itself takes up to 30 s. Customers do not wait for it.',
    },
    YOOKASSA_WEBHOOK_URL: { schema: setting.url.optional(), doc: 'The address of POST /api/payments/webhook as the PSP sees it; to be entered in the shop\'s settings.' },
    YOOKASSA_WEBHOOK_ALLOWED_IPS: {
      schema: setting.list,
      default: ['185.71.76.0/27', '185.71.77.0/27', '77.75.153.0/25', '77.75.154.128/25', '77.75.156.11', '77.75.156.35', '2a02:5180::/32'],
      doc: 'The addresses and CIDRs that notifications come from.',
    },
    YOOKASSA_WEBHOOK_ADDRESS_CHECK: {
      schema: setting.oneOf('refuse', 'refetch').optional(),
      doc: 'refuse: a notification from elsewhere answers 403; refetch: it is taken too, since it only makes us ask. Default: refuse in PROD, refetch in DEV.',
    },
    RECEIPTS_ENABLED: { schema: setting.flag, default: false, doc: 'Send what a 54-FZ receipt needs with each payment and refund.' },
    RECEIPT_VAT_CODE: { schema: setting.integer({ min: 1, max: 12 }), default: 1, doc: 'YooKassa\'s vat_code: 1 none, 2 0 %, 3 10 %, 4 20 %, 5 10/110, 6 20/120, 7 5 %, 8 7 %, 9 5/105, 10 7/107, 11 22 %, 12 22/122.' },
    RECEIPT_TAX_SYSTEM_CODE: { schema: setting.integer({ min: 1, max: 6 }).optional(), doc: 'YooKassa\'s tax_system_code, where the shop has several.' },
    RECEIPT_FALLBACK_EMAIL: { schema: setting.text.optional(), doc: 'Gets the receipts of customers who left only a phone: receipts go by e-mail. Required with RECEIPTS_ENABLED.' },
    REFUND_UNSERVED: { schema: setting.flag, default: false, doc: 'Give the money back by itself when a paid session failed or expired without any report.' },
    REFUND_UNSERVED_AFTER_MS: { schema: setting.durationMs, default: 900_000, doc: 'How long after its end such a session may still get its report, in ms.' },
    NOTIFICATION_RETENTION_MS: { schema: setting.integer({ min: dayMs, max: 10 * yearMs }), default: 90 * dayMs, doc: 'How long the record of notifications is kept, in ms.' },
    DEV_AUTO_CONFIRM_DELAY_MS: { schema: setting.durationMs, default: 2000, doc: 'When a pretend payment pays itself, in ms after its creation.' },
    DEV_MANUAL_MODE: { schema: setting.flag, default: false, doc: 'Pretend payments wait for POST /api/payments/confirm/:id.' },
    PAYMENT_CUSTOMER_RETENTION_MS: {
      schema: setting.integer({ min: 4 * dayMs, max: 10 * yearMs }), default: 30 * dayMs,
      doc: 'How long the description, metadata and receipt of a payment are kept, in ms; then they are erased. The receipt of a later refund goes to RECEIPT_FALLBACK_EMAIL.',
    },
    BACKUP_AGE_LIMIT_MS: {
      schema: setting.integer({ min: 0, max: yearMs }).optional(),
      doc: 'How old the newest backup may be before it alarms, in ms; 0: nobody watches. Default: 26 hours (93600000) in PROD, 0 in DEV.',
    },
    PAYMENT_AUDIT_RETENTION_MS: { schema: setting.integer({ min: dayMs, max: 10 * yearMs }), default: 90 * dayMs, doc: 'How long the audit of payments is kept, in ms.' },
  }),
};

/** Reads the settings once. Fails with a SettingsError that names each bad one. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const settings = readSettings(paymentsSettings, { env, file: loadSettingsFile() });
  const tls = grpcTls(settings, 'payments');
  const problems = [...providerProblems(settings), ...receiptProblems(settings), ...addressProblems(settings.YOOKASSA_WEBHOOK_ALLOWED_IPS)];
  if (problems.length > 0) throw new SettingsError(problems);
  const refuseForeign = (settings.YOOKASSA_WEBHOOK_ADDRESS_CHECK ?? (settings.AGENT_ENV === 'PROD' ? 'refuse' : 'refetch')) === 'refuse';
  return {
    env: settings.AGENT_ENV,
    grpcHost: settings.GRPC_HOST,
    grpcPort: settings.PAYMENTS_GRPC_PORT,
    tls,
    serverTls: tls && { ...tls, callers: settings.PAYMENTS_GRPC_CALLERS },
    /** Where this service itself is found, for its own commands. */
    address: settings.PAYMENTS_GRPC_ADDRESS ?? grpcAddress(settings, settings.PAYMENTS_GRPC_PORT),
    metricsHost: settings.METRICS_HOST,
    metricsPort: settings.PAYMENTS_METRICS_PORT,
    sessionsAddress: settings.SESSIONS_GRPC_ADDRESS ?? grpcAddress(settings, settings.SESSIONS_GRPC_PORT),
    storagePath: settings.STORAGE_PATH,
    logLevel: settings.LOG_LEVEL,
    logFormat: settings.LOG_FORMAT,
    otlpEndpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    otlpProtocol: settings.OTEL_EXPORTER_OTLP_PROTOCOL,
    provider: settings.PAYMENTS_PROVIDER,
    ttlMs: settings.PAYMENT_TTL_MS,
    submitWaitMs: settings.PAYMENT_SUBMIT_WAIT_MS,
    pollIntervalMs: settings.PAYMENT_POLL_INTERVAL_MS,
    /** Names what was sold on a receipt. */
    priceList: settings.PRICES,
    /** What may be charged; nothing where the list is not enforced. */
    prices: settings.PRICES_ENFORCED ?? settings.AGENT_ENV === 'PROD' ? settings.PRICES : [],
    devAutoConfirmDelayMs: settings.DEV_MANUAL_MODE ? undefined : settings.DEV_AUTO_CONFIRM_DELAY_MS,
    yookassa: {
      apiUrl: settings.YOOKASSA_API_URL.replace(/\/+$/, ''),
      shopId: settings.YOOKASSA_SHOP_ID ?? '',
      secretKey: settings.YOOKASSA_SECRET_KEY ?? '',
      testAllowed: settings.AGENT_ENV !== 'PROD',
      confirmation: settings.YOOKASSA_CONFIRMATION,
      returnUrl: settings.YOOKASSA_RETURN_URL,
      paymentMethod: settings.YOOKASSA_PAYMENT_METHOD,
      timeoutMs: settings.YOOKASSA_TIMEOUT_MS,
      receipts: settings.RECEIPTS_ENABLED
        ? { vatCode: settings.RECEIPT_VAT_CODE, taxSystemCode: settings.RECEIPT_TAX_SYSTEM_CODE, fallbackEmail: settings.RECEIPT_FALLBACK_EMAIL! }
        : undefined,
    },
    allowedAddresses: refuseForeign ? settings.YOOKASSA_WEBHOOK_ALLOWED_IPS : undefined,
    refundUnservedAfterMs: settings.REFUND_UNSERVED ? settings.REFUND_UNSERVED_AFTER_MS : undefined,
    notificationRetentionMs: settings.NOTIFICATION_RETENTION_MS,
    customerRetentionMs: settings.PAYMENT_CUSTOMER_RETENTION_MS,
    auditRetentionMs: settings.PAYMENT_AUDIT_RETENTION_MS,
    backupAgeLimitMs: settings.BACKUP_AGE_LIMIT_MS ?? (settings.AGENT_ENV === 'PROD' ? 26 * hourMs : 0),
  };
}

type Values = Settings<typeof paymentsSettings>;

/** X1: real money needs real credentials, and pretend money stays out of PROD. */
function providerProblems(settings: Values): string[] {
  const prod = settings.AGENT_ENV === 'PROD';
  if (settings.PAYMENTS_PROVIDER === 'dev') return prod ? ['PAYMENTS_PROVIDER must not be dev in PROD: it takes pretend money'] : [];
  const problems: string[] = [];
  const { YOOKASSA_SHOP_ID: shopId, YOOKASSA_SECRET_KEY: key, YOOKASSA_API_URL: apiUrl } = settings;
  if (!shopId) problems.push('YOOKASSA_SHOP_ID is required with PAYMENTS_PROVIDER yookassa');
  if (!key) problems.push('YOOKASSA_SECRET_KEY is required with PAYMENTS_PROVIDER yookassa');
  if (prod && key?.startsWith('test_')) problems.push('YOOKASSA_SECRET_KEY is a test key: PROD takes real money only');
  if (!prod && key?.startsWith('live_')) problems.push('YOOKASSA_SECRET_KEY is a live key: DEV takes pretend money only');
  const { protocol, hostname, username, password, search, hash } = new URL(apiUrl);
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
  if (protocol !== 'https:' && !loopback) problems.push('YOOKASSA_API_URL must be https, or http on loopback');
  if (username || password || search || hash) problems.push('YOOKASSA_API_URL must be an address without credentials, query or fragment');
  return problems;
}

function receiptProblems(settings: Values): string[] {
  const { RECEIPTS_ENABLED: enabled, RECEIPT_FALLBACK_EMAIL: email } = settings;
  if (!email) return enabled ? ['RECEIPT_FALLBACK_EMAIL is required with RECEIPTS_ENABLED'] : [];
  return /^[^\s@]+@[^\s@]+$/.test(email) ? [] : ['RECEIPT_FALLBACK_EMAIL must be an e-mail address'];
}

function addressProblems(cidrs: readonly string[]): string[] {
  try {
    toBlockList(cidrs);
    return [];
  } catch (error) {
    return [`YOOKASSA_WEBHOOK_ALLOWED_IPS: ${(error as Error).message}`];
  }
}

export type PaymentsConfig = ReturnType<typeof readConfig>;
export type Price = PaymentsConfig['prices'][number];
