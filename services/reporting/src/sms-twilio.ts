/** Text messages by Twilio's Messages API (https://www.twilio.com/docs/messaging/api/message-resource). */
import { z } from 'zod';
import { exchange, parseJson, statusError } from './provider-http.ts';
import { SendError, type SendErrorKind, type SendErrorReason } from './send-error.ts';
import type { Sms } from './sms.ts';

export type TwilioOptions = {
  /** `https://api.twilio.com`, without a slash at its end. */
  apiUrl: string;
  accountSid: string;
  authToken: string;
  /** A number in E.164, a name, or a messaging service `MG…`. */
  from: string;
  /** Where Twilio tells what became of a message; absent: nowhere. */
  statusCallbackUrl?: string;
  /** Of one call. */
  timeoutMs: number;
};

const sentSchema = z.object({ sid: z.string().regex(/^\w{2,64}$/) });
const refusalSchema = z.object({ code: z.int() });

/**
 * https://www.twilio.com/docs/api/errors: what each code is about. A text is always the same words and a link, only the number varies; so any other 400
 * is about our sender, account or settings, would refuse every other text too, and is the operator's to put right.
 */
const refusals: Readonly<Record<number, readonly [SendErrorKind, SendErrorReason]>> = {
  20003: ['temporary', 'credentials_refused'],
  20005: ['temporary', 'credentials_refused'], // the account is suspended
  20404: ['temporary', 'credentials_refused'], // there is no such account
  20429: ['temporary', 'rate_limited'],
  14107: ['temporary', 'rate_limited'],
  21611: ['temporary', 'rate_limited'], // the sender's queue is full
  63038: ['temporary', 'rate_limited'], // the account's daily limit
  21408: ['temporary', 'sender_refused'], // the region is switched off for the account
  21211: ['permanent', 'recipient_refused'],
  21214: ['permanent', 'recipient_refused'],
  21217: ['permanent', 'recipient_refused'],
  21265: ['permanent', 'recipient_refused'], // a short code
  21604: ['permanent', 'recipient_refused'],
  21610: ['permanent', 'recipient_refused'], // has unsubscribed
  21614: ['permanent', 'recipient_refused'], // cannot take text messages
  21635: ['permanent', 'recipient_refused'], // a landline
};

export function createTwilioSms({ apiUrl, accountSid, authToken, from, statusCallbackUrl, timeoutMs }: TwilioOptions): Sms {
  const url = `${apiUrl}/2010-04-01/Accounts/${encodeURIComponent(accountSid)}/Messages.json`;
  const headers = {
    authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json',
  };
  return {
    async send({ to, text: body }, { signal }) {
      const form = new URLSearchParams({ To: to, Body: body, [/^MG[0-9a-f]{32}$/i.test(from) ? 'MessagingServiceSid' : 'From']: from });
      if (statusCallbackUrl !== undefined) form.set('StatusCallback', statusCallbackUrl);
      const { status, text } = await exchange({ url, headers, body: form.toString(), timeoutMs, signal });
      const sent = sentSchema.safeParse(parseJson(text));
      if (status === 201 && sent.success) return { providerId: sent.data.sid };
      throw refusal(status, text);
    },
  };
}

function refusal(status: number, text: string): SendError {
  const parsed = refusalSchema.safeParse(parseJson(text));
  if (!parsed.success || status < 400 || status >= 500) return statusError(status);
  const { code } = parsed.data;
  const [kind, reason] = refusals[code] ?? (status === 400 ? ['temporary', 'sender_refused'] as const : []);
  return kind && reason ? new SendError({ kind, reason, cause: Object.assign(new Error('Twilio'), { code }) }) : statusError(status);
}
