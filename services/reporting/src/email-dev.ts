/** The development outbox for e-mail: each message is a file that any mail program opens. */
import { createTransport } from 'nodemailer';
import type { Email } from './email.ts';
import { writeWhole } from './files.ts';
import { mimeOf } from './mime.ts';
import { outboxPath } from './outbox-path.ts';
import { SendError } from './send-error.ts';

export function createDevEmail({ folder }: { folder: string }): Email {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' }, { disableFileAccess: true, disableUrlAccess: true });
  return {
    async send(message) {
      const { message: bytes } = await composer.sendMail(mimeOf(message));
      try {
        await writeWhole(outboxPath({ folder, ...message, extension: 'eml' }), bytes as Buffer);
      } catch (cause) {
        throw new SendError({ kind: 'temporary', reason: 'provider_unavailable', cause });
      }
      return {};
    },
  };
}
