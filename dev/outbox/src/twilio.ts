/** Twilio's Messages API (https://www.twilio.com/docs/messaging/api/message-resource) and its signed status callback. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Request, Response, Router } from 'express';
import express from 'express';
import type { Answer } from './answering.ts';
import { answer, send } from './answering.ts';
import type { Fault, Faults } from './faults.ts';
import type { Fields } from './form.ts';
import { fieldsOf } from './form.ts';
import type { Kept, Text } from './kept.ts';
import { partsOf } from './parts.ts';

export const TWILIO_STATUSES = [
  'accepted', 'scheduled', 'queued', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'canceled', 'read',
] as const;
/** What the callback's ErrorCode says: unreachable handset, unknown error. */
const ERROR_CODES: Readonly<Record<string, number>> = { undelivered: 30_003, failed: 30_008 };
const BODY_LIMIT_CHARACTERS = 1600;
const HTTP_STATUSES: Readonly<Record<number, number>> = { 20_003: 401, 20_404: 404, 20_429: 429, 20_500: 500, 20_503: 503 };

export type TwilioOptions = {
  faults: Faults;
  kept: Kept;
  now: () => number;
  /** Each that is given has to be right; none given: any are. */
  sid: string | undefined;
  token: string | undefined;
};

export type Twilio = { router: Router; callback(text: Text): { url: string; form: string; signature: string } | undefined };

export function twilio({ faults, kept, now, sid, token }: TwilioOptions): Twilio {
  // The callback is signed with the account's token: the one that has to be right, or the one that was last used.
  let account = { sid: sid ?? '', token: token ?? '' };
  const router = express.Router();
  router.use(express.raw({ type: () => true, limit: '1mb' }));

  router.post('/Accounts/:sid/Messages.json', (request, response) => authorized(request, response, () => {
    const fields = fieldsOf(request);
    const fault = faults.reach({ on: 'sms_send', provider: 'twilio', recipients: [fields.get('To') ?? ''] });
    answer({ response, fault, perform: () => sent(fields), refusal });
  }));
  router.get('/Accounts/:sid/Balance.json', (request, response) => authorized(request, response, () => {
    send(response, { status: 200, json: { account_sid: request.params.sid, balance: '25.00', currency: 'USD' } });
  }));
  router.get('/Accounts/:sid/Messages/:message', (request, response) => authorized(request, response, () => {
    const { message } = request.params;
    const id = typeof message === 'string' ? message.replace(/\.json$/, '') : '';
    const text = kept.texts().find((one) => one.provider === 'twilio' && one.id === id);
    const fault = faults.reach({ on: 'sms_status', provider: 'twilio', recipients: text ? [text.to] : [] });
    const perform = () => (text ? { status: 200, json: resource(text) } : error(20_404, 'The requested resource was not found'));
    answer({ response, fault, perform, refusal });
  }));
  return { router, callback };

  function authorized(request: Request, response: Response, act: () => void): void {
    const [, basic = ''] = /^Basic (.+)$/.exec(request.get('authorization') ?? '') ?? [];
    const [user = '', ...rest] = Buffer.from(basic, 'base64').toString().split(':');
    const password = rest.join(':');
    const isRight = user !== '' && password !== '' && request.params.sid === user
      && (sid === undefined || user === sid) && (token === undefined || password === token);
    if (!isRight) return send(response, error(20_003, 'Authenticate'));
    account = { sid: user, token: password };
    act();
  }

  function sent(fields: Fields): Answer {
    const [to = '', body = '', statusCallback = ''] = [fields.get('To'), fields.get('Body'), fields.get('StatusCallback')];
    const from = fields.get('From') ?? fields.get('MessagingServiceSid') ?? '';
    if (to === '') return error(21_604, "A 'To' phone number is required.");
    if (from === '') return error(21_603, "A 'From' phone number is required.");
    if (body === '') return error(21_602, 'Message body is required.');
    if (body.length > BODY_LIMIT_CHARACTERS) return error(21_617, 'The concatenated message body exceeds the 1600 character limit');
    if (!/^\+[1-9]\d{6,14}$/.test(to)) return error(21_211, `The 'To' number ${to} is not a valid phone number.`);
    if (statusCallback !== '' && !/^https?:\/\//.test(statusCallback)) return error(21_609, "The 'StatusCallback' URL is not a valid URL.");
    const text: Text = {
      provider: 'twilio', to, from, body, id: `SM${randomBytes(16).toString('hex')}`, parts: partsOf(body).count, at: now(),
      status: 'queued', statusAt: now(), ...(statusCallback === '' ? {} : { statusCallback }),
    };
    kept.keepText(text);
    return { status: 201, json: resource(text) };
  }

  function resource({ id, to, from, body, parts, at, status, statusAt }: Text): object {
    const { sid: accountSid } = account;
    return {
      sid: id, account_sid: accountSid, to, body, status,
      messaging_service_sid: from.startsWith('MG') ? from : null, from: from.startsWith('MG') ? null : from,
      num_segments: String(parts), num_media: '0', direction: 'outbound-api', api_version: '2010-04-01', price: null, price_unit: 'USD',
      error_code: ERROR_CODES[status] ?? null, error_message: null,
      date_created: new Date(at).toUTCString(), date_updated: new Date(statusAt).toUTCString(), date_sent: null,
      uri: `/2010-04-01/Accounts/${accountSid}/Messages/${id}.json`,
    };
  }

  function callback({ id, to, from, status, statusCallback }: Text): { url: string; form: string; signature: string } | undefined {
    if (statusCallback === undefined) return undefined;
    const code = ERROR_CODES[status];
    const fields: [string, string][] = Object.entries({
      MessageSid: id, MessageStatus: String(status), SmsSid: id, SmsStatus: String(status), AccountSid: account.sid, To: to, From: from,
      ApiVersion: '2010-04-01', ...(code === undefined ? {} : { ErrorCode: String(code) }),
    });
    const signature = twilioSignature({ token: account.token, url: statusCallback, fields });
    return { url: statusCallback, form: new URLSearchParams(fields).toString(), signature };
  }
}

/** https://www.twilio.com/docs/usage/security: the address and each name with its value, sorted by name. */
export function twilioSignature({ token, url, fields }: { token: string; url: string; fields: readonly [string, string][] }): string {
  const sorted = fields.toSorted(([left], [right]) => (left < right ? -1 : 1));
  return createHmac('sha1', token).update(url + sorted.flat().join('')).digest('base64');
}

function refusal({ kind, code, text }: Fault): Answer {
  switch (kind) {
    case 'too_many': return error(20_429, text ?? 'Too many requests');
    case 'error_500': return error(20_500, text ?? 'Internal server error');
    case 'reply': return error(code ?? 21_211, text ?? 'Refused');
    default: return error(21_610, text ?? 'Attempt to send to unsubscribed recipient');
  }
}

function error(code: number, message: string): Answer {
  const status = HTTP_STATUSES[code] ?? 400;
  return { status, json: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status } };
}
