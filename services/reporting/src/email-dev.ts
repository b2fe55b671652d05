/** The development outbox for e-mail: each message is a file that any mail program opens. */
import { createTransport } from 'nodemailer';
import type { Email } from './email.ts';
import { writeWhole } from './files.ts';
import { outboxPath } from './outbox-path.ts';
import { SendError } from './send-error.ts';

export function createDevEmail({ folder }: { folder: string }): Email {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' }, { disableFileAccess: true, disableUrlAccess: true });
  return {
    async send({ deliveryId, messageId, date, from, to, subject, text, html, attachment }) {
      const { message } = await composer.sendMail({
        messageId, date: new Date(date), from, to: { name: '', address: to }, subject, text, html,
        attachments: [{ filename: attachment.filename, content: Buffer.from(attachment.content), contentType: 'application/pdf' }],
      });
      try {
        await writeWhole(outboxPath({ folder, date, deliveryId, extension: 'eml' }), message as Buffer);
      } catch (cause) {
        throw new SendError({ kind: 'temporary', reason: 'provider_unavailable', cause });
      }
      return {};
    },
  };
}
