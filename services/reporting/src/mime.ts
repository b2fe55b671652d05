/** An e-mail as nodemailer composes it. Whatever carries it, the customer gets the same message. */
import type { SendMailOptions } from 'nodemailer';
import type { EmailMessage } from './email.ts';

/** For programs that answer mail by themselves (RFC 3834): this one wants no answer. */
export const automaticHeaders = { 'Auto-Submitted': 'auto-generated' };

export function mimeOf({ messageId, date, from, to, subject, text, html, attachment }: EmailMessage): SendMailOptions {
  return {
    messageId, date: new Date(date), from, to: { name: '', address: to }, subject, text, html, headers: automaticHeaders,
    attachments: [{ filename: attachment.filename, content: Buffer.from(attachment.content), contentType: 'application/pdf' }],
  };
}
