/** What Twilio tells of a message it took: a signed form (https://www.twilio.com/docs/usage/security#validating-requests). */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ProviderReport } from './provider-report.ts';

/** Of an account's auth token over the address that Twilio was given, exactly, and each field with its value in the order of their names. */
export function isSignedByTwilio({ authToken, url, fields, signature }: { authToken: string; url: string; fields: URLSearchParams; signature: string }): boolean {
  const text = [...fields].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)).flat().join('');
  const expected = createHmac('sha1', authToken).update(url + text).digest();
  const given = Buffer.from(signature, 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Undefined for a status on the way there. */
export function readTwilioReport(fields: URLSearchParams): ProviderReport | undefined {
  const providerId = fields.get('MessageSid') ?? '';
  switch (fields.get('MessageStatus')) {
    case 'delivered':
    case 'read':
      return { providerId, outcome: 'delivered' };
    case 'undelivered':
    case 'failed':
    case 'canceled':
      return { providerId, outcome: 'undelivered' };
    default:
      return undefined;
  }
}
