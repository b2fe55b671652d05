import { simpleParser } from 'mailparser';
import type { Mail } from './kept.ts';
import { sendgridMail } from './sendgrid.ts';

export type ReadMail = {
  subject: string;
  /** The header's From and To, as text. */
  from: string;
  to: string;
  text?: string;
  html?: string;
  attachments: { filename: string; contentType: string; content: Buffer }[];
};

/** What a person would see of a mail, whichever way it came. */
export async function readMail({ provider, raw }: Pick<Mail, 'provider' | 'raw'>): Promise<ReadMail> {
  return provider === 'smtp' ? readMime(raw) : readSendgrid(raw);
}

async function readMime(raw: Buffer): Promise<ReadMail> {
  const { subject, from, to, text, html, attachments } = await simpleParser(raw, { skipImageLinks: true, skipTextToHtml: true });
  const recipients = to === undefined ? [] : Array.isArray(to) ? to : [to];
  return {
    subject: subject ?? '',
    from: from?.text ?? '',
    to: recipients.map((one) => one.text).join(', '),
    text,
    html: html === false ? undefined : html,
    attachments: attachments.map(({ filename = 'attachment', contentType, content }) => ({ filename, contentType, content })),
  };
}

function readSendgrid(raw: Buffer): ReadMail {
  const { subject, from, personalizations, content, attachments = [] } = sendgridMail.parse(JSON.parse(raw.toString()));
  const named = ({ name, email }: { name?: string; email: string }) => (name === undefined ? email : `${name} <${email}>`);
  return {
    subject: personalizations[0]?.subject ?? subject,
    from: named(from),
    to: personalizations.flatMap((one) => one.to.map(named)).join(', '),
    text: content.find((one) => one.type.startsWith('text/plain'))?.value,
    html: content.find((one) => one.type.startsWith('text/html'))?.value,
    attachments: attachments.map(({ filename, type, content: base64 }) => ({
      filename, contentType: type ?? 'application/octet-stream', content: Buffer.from(base64, 'base64'),
    })),
  };
}
