/** Where a report goes: at most one e-mail address and one phone number, each in one canonical writing. */
import { invalid } from '@kiosk/fault';
// Not /min, which knows no numbers but only their lengths: a number a digit short would do, its 7 or 8 taken for a part of it.
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

/** `consent`: which text the customer agreed to, and when (epoch ms). It is kept with the contact and goes with it. */
export type Contact = { email?: string; phone?: string; consent?: Consent };
export type Consent = { textVersion: string; at: number };

/** Absent: unchanged. Empty: removed. Anything else replaces. Consent goes with an empty `textVersion`, or with the last of the two. */
export type ContactPatch = { email?: string; phone?: string; consent?: Consent };

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

/** The clocks of a kiosk and of this machine differ. */
const clockToleranceMs = 5 * 60_000;

/** Fails with `invalid_consent`. */
function checkConsent({ textVersion, at }: Consent, now: number): Consent {
  if (!/^[\w.:-]{1,64}$/.test(textVersion) || !(at > 0 && at <= now + clockToleranceMs)) {
    throw invalid('invalid_consent', 'consent must name the text by 1–64 of A–Z, a–z, 0–9, dot, colon, underscore and hyphen, and a time that is not in the future.', 'contact.consent');
  }
  return { textVersion, at };
}

/** Fails with `consent_required` where there is a contact without it. */
export function refuseWithoutConsent({ email, phone, consent }: Contact): void {
  if ((email !== undefined || phone !== undefined) && !consent) {
    throw invalid('consent_required', 'A contact is only taken with the customer\'s consent.', 'contact.consent');
  }
}

/** The contact after a patch. Fails as the three above. */
export function patchContact(contact: Contact, patch: ContactPatch, now: number): Contact {
  const email = patch.email === undefined ? contact.email : patch.email === '' ? undefined : normalizeEmail(patch.email);
  const phone = patch.phone === undefined ? contact.phone : patch.phone === '' ? undefined : normalizePhone(patch.phone);
  const consent = patch.consent === undefined ? contact.consent : patch.consent.textVersion === '' ? undefined : checkConsent(patch.consent, now);
  const isEmpty = email === undefined && phone === undefined;
  return { ...(email === undefined ? {} : { email }), ...(phone === undefined ? {} : { phone }), ...(consent === undefined || isEmpty ? {} : { consent }) };
}
