/** What the services tell after they took a message: SMSC when it is asked, Twilio and SendGrid by a signed call. */
import type { Kept, Mail, Text } from './kept.ts';
import { Refusal } from './refusal.ts';
import { SENDGRID_EVENTS, sendgridEvents } from './sendgrid.ts';
import { SMSC_STATUSES } from './smsc.ts';
import type { Twilio } from './twilio.ts';
import { TWILIO_STATUSES } from './twilio.ts';

const TIMEOUT_MS = 10_000;

/** Whom it was told, if anybody, and what came back: an HTTP status, or why there was none. */
export type Told = { url?: string; answer?: number; error?: string };

export class DeliveryReports {
  readonly #kept: Kept;
  readonly #twilio: Twilio;
  readonly #now: () => number;
  readonly #sendgridWebhookUrl: () => string | undefined;
  readonly #closing = new AbortController();

  constructor({ kept, twilio, now, sendgridWebhookUrl }: {
    kept: Kept; twilio: Twilio; now: () => number; sendgridWebhookUrl: () => string | undefined;
  }) {
    this.#kept = kept;
    this.#twilio = twilio;
    this.#now = now;
    this.#sendgridWebhookUrl = sendgridWebhookUrl;
  }

  /** Told once, like Twilio does. Fails with a `Refusal` for an unknown id, or a status that its service does not have. */
  async deliver(id: string, status: string | number): Promise<Told> {
    const text = this.#kept.text(id);
    if (text !== undefined) return this.#deliverText(text, status);
    const mail = this.#kept.mail(id);
    if (mail?.provider === 'sendgrid') return this.#deliverMail(mail, one(SENDGRID_EVENTS, status));
    throw new Refusal({ status: 404, message: `no text or SendGrid mail has the id ${id}` });
  }

  close(): void {
    this.#closing.abort();
  }

  async #deliverText(text: Text, status: string | number): Promise<Told> {
    const at = this.#now();
    if (text.provider === 'smsc') {
      this.#kept.markText(text, { status: one(SMSC_STATUSES, Number(status)), at });
      return {};
    }
    const call = this.#twilio.callback(this.#kept.markText(text, { status: one(TWILIO_STATUSES, status), at }));
    if (call === undefined) return {};
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', 'x-twilio-signature': call.signature };
    return this.#tell(call.url, headers, call.form);
  }

  async #deliverMail(mail: Mail, event: string): Promise<Told> {
    this.#kept.markMail(mail, event);
    const url = this.#sendgridWebhookUrl();
    if (url === undefined) return {};
    const { body, timestamp, signature } = sendgridEvents({ mail, event, at: this.#now() });
    return this.#tell(url, {
      'content-type': 'application/json',
      'x-twilio-email-event-webhook-signature': signature,
      'x-twilio-email-event-webhook-timestamp': timestamp,
    }, body);
  }

  async #tell(url: string, headers: Record<string, string>, body: string): Promise<Told> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
      await response.body?.cancel();
      return { url, answer: response.status };
    } catch (error) {
      const { name, cause } = error as Error & { cause?: { code?: string } };
      return { url, error: cause?.code ?? name };
    }
  }
}

function one<T extends string | number>(known: readonly T[], status: string | number): T {
  const found = known.find((each) => each === status);
  if (found === undefined) throw new Refusal({ status: 400, message: `the status is one of ${known.join(', ')}` });
  return found;
}
