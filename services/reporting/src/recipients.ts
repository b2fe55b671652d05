/** Where a report goes: at most one e-mail address and one phone number, each in one canonical writing that fits a header as it is (D9). */
import { invalid } from '@kiosk/fault';
// Not /min, which knows no numbers but only their lengths: a number a digit short would do, its 7 or 8 taken for a part of it.
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { Channel } from './delivery.ts';

export type Recipients = { email?: string; phone?: string };

/** RFC 5321: 254 octets. */
const emailLimit = 254;
// One mailbox in the dot-atom form of RFC 5322 at a domain with a dot; no comments, quotes, lists or line breaks.
// Letters of both cases rather than the flag i or toLowerCase first: both take the Kelvin sign for a k.
const mailbox = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])$/;
// At the ends of a text they are an attempt at a header, not blanks.
const headerBreak = /[\r\n\0]/;

/** Whether the text is one mailbox and nothing else. */
export function isMailbox(text: string): boolean {
  return text.length <= emailLimit && mailbox.test(text) && text.indexOf('@') <= 64;
}

/** Lower case, blanks around it dropped. Fails with `invalid_email`. */
export function normalizeEmail(text: string, path = 'deliverTo.email'): string {
  const email = text.trim();
  if (headerBreak.test(text) || !isMailbox(email)) throw invalid('invalid_email', 'The e-mail address must be one mailbox such as name@example.com.', path);
  return email.toLowerCase();
}

/** E.164. A customer in Russia types 8…, 7…, 9… or +7…: all become +7…. Fails with `invalid_phone`. */
export function normalizePhone(text: string, path = 'deliverTo.phone'): string {
  const possible = text.length <= 32 && !headerBreak.test(text);
  const phone = possible ? parsePhoneNumberFromString(text.trim(), { defaultCountry: 'RU', extract: false }) : undefined;
  if (!phone?.isValid() || phone.ext) throw invalid('invalid_phone', 'The phone number must be a valid number such as +7 900 123-45-67.', path);
  return phone.number;
}

/** Fails as the two above; `prefix` is the path of the object in the request. */
export function normalizeRecipients({ email, phone }: Recipients, prefix = 'deliverTo.'): Recipients {
  return {
    ...(email === undefined ? {} : { email: normalizeEmail(email, `${prefix}email`) }),
    ...(phone === undefined ? {} : { phone: normalizePhone(phone, `${prefix}phone`) }),
  };
}

/** `i***@example.com`, `+7912***6789`: enough for its owner to recognise, and for nobody else to use. */
export function maskRecipient(channel: Channel, recipient: string): string {
  if (channel === 'sms') return `${recipient.slice(0, 5)}***${recipient.slice(-4)}`;
  return `${recipient.slice(0, 1)}***${recipient.slice(recipient.lastIndexOf('@'))}`;
}
