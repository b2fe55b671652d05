/** For the tests of the providers: a message of each kind, the pretend providers, and what an attempt ends with. */
import { readFileSync } from 'node:fs';
import { startOutbox, type FaultInput, type Outbox, type OutboxOptions } from '@kiosk/outbox';
import type { EmailMessage } from './email.ts';
import { createSmtpEmail, type SmtpOptions } from './email-smtp.ts';
import { SendError } from './send-error.ts';
import type { SmsMessage } from './sms.ts';

export { startOutbox, type Outbox };

/** Longer than a busy machine takes. */
export const patienceMs = 15_000;

/** For the attempt that a fault strikes. Where nobody will answer it is short, unless the message has to be there by then. */
export function patienceMsFor({ on, kind }: FaultInput): number {
  if (kind === 'accept_then_hang' || (kind === 'hang' && on === 'after_data')) return 4000;
  return kind === 'hang' ? 500 : patienceMs;
}

export const signal = new AbortController().signal;

export const message: EmailMessage = {
  deliveryId: 'dlv_1', messageId: '<dlv_1@kiosk.example>', date: Date.UTC(2026, 10, 20, 9), from: { name: 'Проверка автомобиля', address: 'reports@kiosk.example' },
  to: 'ivan@example.com', subject: 'Отчёт о диагностике LADA Granta', text: 'Ваш отчёт готов.\n', html: '<p>Ваш отчёт готов.</p>\n',
  attachment: { filename: 'otchet-K3F9XQ2A.pdf', content: new Uint8Array(Buffer.from('%PDF-1.7 '.repeat(8000))) },
};

export const text: SmsMessage = { deliveryId: 'dlv_2', date: Date.UTC(2026, 10, 20, 9), to: '+79123456789', text: 'Отчёт № K3F9XQ2A готов.' };

export const smtpUser = 'kiosk';
export const smtpPass = 'pass-of-the-pretend-server';

export async function startMailServer(options: OutboxOptions = {}): Promise<Outbox> {
  return startOutbox({ smtpUser, smtpPass, ...options });
}

/** Over TLS, as outside of one machine, although the server is on it. */
export function smtpTo(outbox: Outbox, { patienceMs: waitMs = patienceMs, ...change }: Partial<SmtpOptions> & { patienceMs?: number } = {}) {
  const security = change.security ?? 'starttls';
  return createSmtpEmail({
    host: 'localhost', port: security === 'implicit' ? outbox.smtpsPort : outbox.smtpPort, user: smtpUser, pass: smtpPass, security,
    ca: readFileSync(outbox.caPath, 'utf8'), connections: 3, timeouts: { connectMs: waitMs, greetingMs: waitMs, answerMs: waitMs }, ...change,
  });
}

/** `sent`, or the kind and the reason of the failure. */
export async function outcome(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof SendError) return `${error.kind} ${error.reason}`;
    throw error;
  }
  return 'sent';
}
