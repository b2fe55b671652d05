/** Who carries e-mail and text messages: the settings, what they must have together, and plain data from them. */
import { declare, setting, type Settings } from '@kiosk/service';
import type { SendgridOptions } from './email-sendgrid.ts';
import type { SmtpOptions } from './email-smtp.ts';
import type { SmscOptions } from './sms-smsc.ts';
import type { TwilioOptions } from './sms-twilio.ts';

export const providerSettings = declare({
  EMAIL_PROVIDER: {
    schema: setting.oneOf('dev', 'smtp', 'sendgrid'), default: 'dev',
    doc: 'Who carries e-mail: smtp, sendgrid, or dev, which writes files under STORAGE_PATH/outbox and is refused in PROD.',
  },
  EMAIL_FALLBACK_PROVIDER: {
    schema: setting.oneOf('smtp', 'sendgrid').optional(), doc: 'Who is tried after EMAIL_PROVIDER has failed for the moment; the two then take turns.',
  },
  SMTP_HOST: { schema: setting.text.optional(), doc: 'The mail server. Required with smtp.' },
  SMTP_PORT: { schema: setting.integer({ min: 1, max: 65_535 }).optional(), doc: 'Its port. Default: 465 with SMTP_SECURE, otherwise 587.' },
  SMTP_SECURE: {
    schema: setting.flag, default: false,
    doc: 'true: TLS from the first byte; false: STARTTLS, without which nothing is sent, except to a server on this machine.',
  },
  SMTP_USER: { schema: setting.text.optional(), doc: 'The account at the mail server, where it wants one; together with SMTP_PASS.' },
  SMTP_PASS: { schema: setting.text.optional(), secret: true, doc: 'Its password.' },
  SENDGRID_API_KEY: { schema: setting.text.optional(), secret: true, doc: 'SendGrid\'s key with the permission Mail Send. Required with sendgrid.' },
  SENDGRID_API_URL: { schema: setting.url, default: 'https://api.sendgrid.com', doc: 'SendGrid\'s API: https, or http on loopback for a pretend one.' },
  SENDGRID_WEBHOOK_PUBLIC_KEY: {
    schema: setting.text.optional(), doc: 'The key that SendGrid\'s signed event webhook shows in its settings. Without it its events are refused.',
  },
  SMS_PROVIDER: {
    schema: setting.oneOf('dev', 'twilio', 'smsc'), default: 'dev',
    doc: 'Who carries text messages: twilio, smsc, or dev, which writes files under STORAGE_PATH/outbox and is refused in PROD.',
  },
  SMS_FALLBACK_PROVIDER: {
    schema: setting.oneOf('twilio', 'smsc').optional(), doc: 'Who is tried after SMS_PROVIDER has failed for the moment; the two then take turns.',
  },
  SMS_FROM: { schema: setting.text.optional(), doc: 'The sender of text messages, as it is registered with the provider. Required with twilio.' },
  TWILIO_ACCOUNT_SID: { schema: setting.text.optional(), doc: 'Twilio\'s account, AC…. Required with twilio.' },
  TWILIO_AUTH_TOKEN: { schema: setting.text.optional(), secret: true, doc: 'Its token. Required with twilio.' },
  TWILIO_API_URL: { schema: setting.url, default: 'https://api.twilio.com', doc: 'Twilio\'s API: https, or http on loopback for a pretend one.' },
  TWILIO_STATUS_CALLBACK_URL: {
    schema: setting.url.optional(), doc: 'Where Twilio tells what became of a message, as Twilio sees it. Without it a message stays `sent`.',
  },
  SMSC_LOGIN: { schema: setting.text.optional(), doc: 'The account at SMSC. Required with smsc.' },
  SMSC_PASSWORD: { schema: setting.text.optional(), secret: true, doc: 'Its password. Required with smsc.' },
  SMSC_API_URL: {
    schema: setting.url, default: 'https://smsc.ru',
    doc: 'SMSC\'s API: https, or http on loopback for a pretend one. While the default cannot be reached, https://www2.smsc.ru is asked.',
  },
  DELIVERY_TIMEOUT_MS: {
    schema: setting.integer({ min: 100, max: 20_000 }), default: 15_000,
    doc: 'How long an answer of a provider may take, in ms; after that nobody knows whether the message was taken.',
  },
});

type Values = Settings<typeof providerSettings>;
type Env = { AGENT_ENV: 'DEV' | 'PROD' };

export type EmailProvider = { name: 'dev' } | ({ name: 'smtp' } & SmtpOptions) | ({ name: 'sendgrid' } & SendgridOptions);
export type SmsProvider = { name: 'dev' } | ({ name: 'twilio' } & TwilioOptions) | ({ name: 'smsc' } & SmscOptions);
export type Callbacks = {
  twilio?: { authToken: string; url: string };
  sendgrid?: { publicKey: string };
};

/** Enough for the worker's lanes. */
const smtpConnections = 3;

/** In the order in which they are tried. */
export function emailProvidersOf(settings: Values): EmailProvider[] {
  return [settings.EMAIL_PROVIDER, settings.EMAIL_FALLBACK_PROVIDER].flatMap((name): EmailProvider[] => {
    if (name === 'smtp') return [{ name, ...smtpOf(settings) }];
    if (name === 'sendgrid') return [{ name, apiUrl: baseOf(settings.SENDGRID_API_URL), apiKey: settings.SENDGRID_API_KEY ?? '', timeoutMs: settings.DELIVERY_TIMEOUT_MS }];
    return name === undefined ? [] : [{ name }];
  });
}

/** In the order in which they are tried. */
export function smsProvidersOf(settings: Values): SmsProvider[] {
  const { SMS_FROM: from, DELIVERY_TIMEOUT_MS: timeoutMs } = settings;
  return [settings.SMS_PROVIDER, settings.SMS_FALLBACK_PROVIDER].flatMap((name): SmsProvider[] => {
    if (name === 'twilio') {
      return [{
        name, apiUrl: baseOf(settings.TWILIO_API_URL), accountSid: settings.TWILIO_ACCOUNT_SID ?? '', authToken: settings.TWILIO_AUTH_TOKEN ?? '',
        from: from ?? '', statusCallbackUrl: settings.TWILIO_STATUS_CALLBACK_URL, timeoutMs,
      }];
    }
    if (name === 'smsc') return [{ name, apiUrls: smscUrlsOf(settings), login: settings.SMSC_LOGIN ?? '', password: settings.SMSC_PASSWORD ?? '', from, timeoutMs }];
    return name === undefined ? [] : [{ name }];
  });
}

export function callbacksOf(settings: Values): Callbacks {
  const { TWILIO_AUTH_TOKEN: authToken, TWILIO_STATUS_CALLBACK_URL: url, SENDGRID_WEBHOOK_PUBLIC_KEY: publicKey } = settings;
  return {
    ...(authToken === undefined || url === undefined ? {} : { twilio: { authToken, url } }),
    ...(publicKey === undefined ? {} : { sendgrid: { publicKey } }),
  };
}

/** X1: what is missing, by name, and what must not be. */
export function providerProblems(settings: Values & Env): string[] {
  const chosen = [settings.EMAIL_PROVIDER, settings.EMAIL_FALLBACK_PROVIDER, settings.SMS_PROVIDER, settings.SMS_FALLBACK_PROVIDER];
  const problems: string[] = [];
  if (settings.AGENT_ENV === 'PROD') {
    if (settings.EMAIL_PROVIDER === 'dev') problems.push('EMAIL_PROVIDER must not be dev in PROD: it writes e-mails into a folder instead of sending them');
    if (settings.SMS_PROVIDER === 'dev') problems.push('SMS_PROVIDER must not be dev in PROD: it writes text messages into a folder instead of sending them');
  }
  if (settings.EMAIL_FALLBACK_PROVIDER === settings.EMAIL_PROVIDER) problems.push('EMAIL_FALLBACK_PROVIDER must be another than EMAIL_PROVIDER');
  if (settings.SMS_FALLBACK_PROVIDER === settings.SMS_PROVIDER) problems.push('SMS_FALLBACK_PROVIDER must be another than SMS_PROVIDER');
  const needed: [provider: string, names: (keyof Values)[]][] = [
    ['smtp', ['SMTP_HOST']], ['sendgrid', ['SENDGRID_API_KEY']], ['twilio', ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'SMS_FROM']], ['smsc', ['SMSC_LOGIN', 'SMSC_PASSWORD']],
  ];
  for (const [provider, names] of needed) {
    if (!chosen.some((name) => name === provider)) continue;
    for (const name of names) if (settings[name] === undefined) problems.push(`${name} is required with the provider ${provider}`);
  }
  if ((settings.SMTP_USER === undefined) !== (settings.SMTP_PASS === undefined)) problems.push('SMTP_USER and SMTP_PASS are given together, or neither is');
  for (const name of ['SENDGRID_API_URL', 'TWILIO_API_URL', 'SMSC_API_URL'] as const) {
    const { protocol, hostname } = new URL(settings[name]);
    if (protocol !== 'https:' && !isLoopback(hostname)) problems.push(`${name} must be https, or http on loopback`);
  }
  return problems;
}

function smtpOf(settings: Values): SmtpOptions {
  const { SMTP_HOST: host = '', SMTP_SECURE: secure, DELIVERY_TIMEOUT_MS: answerMs } = settings;
  const setupMs = Math.min(answerMs, 10_000);
  return {
    host, port: settings.SMTP_PORT ?? (secure ? 465 : 587), user: settings.SMTP_USER, pass: settings.SMTP_PASS, connections: smtpConnections,
    security: secure ? 'implicit' : isLoopback(host) ? 'loopback' : 'starttls', timeouts: { connectMs: setupMs, greetingMs: setupMs, answerMs },
  };
}

function smscUrlsOf({ SMSC_API_URL: url }: Values): string[] {
  return url === providerSettings.SMSC_API_URL.default ? [url, 'https://www2.smsc.ru'] : [baseOf(url)];
}

/** With or without the API's own first folder, which the adapters add. */
function baseOf(url: string): string {
  return url.replace(/\/+$/, '').replace(/\/(v3|sys|2010-04-01)$/, '');
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname === '::1' || /^127(\.\d+){3}$/.test(hostname);
}
