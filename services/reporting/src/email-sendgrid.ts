/** E-mail by SendGrid's Mail Send v3 (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send). 202 means that it is queued there. */
import { z } from 'zod';
import type { Email, EmailMessage } from './email.ts';
import { automaticHeaders } from './mime.ts';
import { exchange, parseJson, statusError } from './provider-http.ts';
import { SendError } from './send-error.ts';

export type SendgridOptions = {
  /** `https://api.sendgrid.com`, without a slash at its end. */
  apiUrl: string;
  apiKey: string;
  /** Of one call. */
  timeoutMs: number;
};

/** `field` names the part of the request that is refused. */
const refusalSchema = z.object({ errors: z.array(z.object({ message: z.string(), field: z.string().nullish() })).min(1) });
/** The statuses that are about the request itself, so that it would be refused again. */
const aboutTheMessage = new Set([400, 413, 415, 422]);
const idPattern = /^[\w.=-]{1,128}$/;

export function createSendgridEmail({ apiUrl, apiKey, timeoutMs }: SendgridOptions): Email {
  return {
    async send(message, { signal }) {
      const { status, headers, text } = await exchange({
        url: `${apiUrl}/v3/mail/send`, headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(bodyOf(message)), timeoutMs, signal,
      });
      if (status !== 202) throw refusal(status, text);
      const providerId = headers.get('x-message-id') ?? '';
      return idPattern.test(providerId) ? { providerId } : {};
    },
  };
}

function bodyOf({ deliveryId, messageId, from, to, subject, text, html, attachment }: EmailMessage): object {
  return {
    personalizations: [{ to: [{ email: to }] }],
    from: from.name === '' ? { email: from.address } : { email: from.address, name: from.name },
    subject,
    content: [{ type: 'text/plain', value: text }, { type: 'text/html', value: html }],
    attachments: [{
      content: Buffer.from(attachment.content).toString('base64'), filename: attachment.filename, type: 'application/pdf', disposition: 'attachment',
    }],
    headers: { 'Message-ID': messageId, ...automaticHeaders },
    // Comes back with each event.
    custom_args: { delivery_id: deliveryId },
    // Nobody is followed: no rewritten links, no invisible pictures.
    tracking_settings: { click_tracking: { enable: false }, open_tracking: { enable: false } },
  };
}

function refusal(status: number, text: string): SendError {
  const parsed = refusalSchema.safeParse(parseJson(text));
  const field = parsed.success ? parsed.data.errors[0]?.field ?? '' : '';
  const cause = Object.assign(new Error('HTTP'), { code: status });
  // An unverified sender would refuse every message alike.
  if (parsed.success && field.startsWith('from')) return new SendError({ kind: 'temporary', reason: 'sender_refused', cause });
  // A 4xx that is not the API's own words (a proxy's page, say) is not a definite no.
  if (!parsed.success || !aboutTheMessage.has(status)) return statusError(status);
  return new SendError({ kind: 'permanent', reason: field.startsWith('personalizations') ? 'recipient_refused' : 'message_refused', cause });
}
