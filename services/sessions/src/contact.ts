/** Where a report goes: at most one e-mail address and one phone number, each in one canonical writing. */
import { invalid } from '@kiosk/fault';
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';

export type Contact = { email?: string; phone?: string };

/** Absent: unchanged. Empty: removed. Anything else replaces. */
export type ContactPatch = { email?: string; phone?: string };

/** RFC 5321: 254 octets. */
const emailLimit = 254;
// One mailbox in the dot-atom form of RFC 5322 at a domain with a dot; no comments, quotes, lists or line breaks.
// Tested before toLowerCase, which makes a k of the Kelvin sign; the last label begins with a letter, so no address of a machine fits.
const mailbox = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/i;

// At the ends of a text they are an attempt at a header, not blanks (D9).
const headerBreak = /[\r\n\0]/;

/** Lower case, blanks around it dropped. Fails with `invalid_email`. */
export function normalizeEmail(text: string): string {
  const email = text.trim();
  if (headerBreak.test(text) || email.length > emailLimit || !mailbox.test(email) || email.indexOf('@') > 64) {
    throw invalid('invalid_email', 'The e-mail address must be one mailbox such as name@example.com.', 'contact.email');
  }
  return email.toLowerCase();
}

/** E.164. A customer in Russia types 8…, 7…, 9… or +7…: all become +7…. Fails with `invalid_phone`. */
export function normalizePhone(text: string): string {
  const phone = text.length <= 32 && !headerBreak.test(text) ? parsePhoneNumberFromString(text.trim(), { defaultCountry: 'RU', extract: false }) : undefined;
  if (!phone?.isValid() || phone.ext) {
    throw invalid('invalid_phone', 'The phone number must be a valid number such as +7 900 123-45-67.', 'contact.phone');
  }
  return phone.number;
}

/** The contact after a patch. Fails as the two above. */
export function patchContact(contact: Contact, patch: ContactPatch): Contact {
  const email = patch.email === undefined ? contact.email : patch.email === '' ? undefined : normalizeEmail(patch.email);
  const phone = patch.phone === undefined ? contact.phone : patch.phone === '' ? undefined : normalizePhone(patch.phone);
  return { ...(email === undefined ? {} : { email }), ...(phone === undefined ? {} : { phone }) };
}
