/** That a customer agreed to have a report sent somewhere: which text, and when (epoch ms). The session's contact has consent of its own, which sessions sees to. */
import { invalid } from '@kiosk/fault';
import type { Recipients } from './recipients.ts';

export type Consent = { textVersion: string; at: number };

/** The clocks of a kiosk and of this machine differ. */
const clockToleranceMs = 5 * 60_000;

/** Fails with `invalid_consent`; `prefix` is the path of the object that it is in. */
export function checkConsent({ textVersion, at }: Consent, { now, prefix }: { now: number; prefix: string }): Consent {
  if (/^[\w.:-]{1,64}$/.test(textVersion) && at > 0 && at <= now + clockToleranceMs) return { textVersion, at };
  throw invalid('invalid_consent', 'consent must name its text by 1–64 of A–Z a–z 0–9 . : _ - and a time that is not in the future.', `${prefix}consent`);
}

/** Whether nobody has agreed to one of the recipients: without consent of their own only those who are known are agreed to. */
export function lacksConsent(to: Recipients, known: { emails: readonly (string | undefined)[]; phones: readonly (string | undefined)[] }): boolean {
  return (to.email !== undefined && !known.emails.includes(to.email)) || (to.phone !== undefined && !known.phones.includes(to.phone));
}
