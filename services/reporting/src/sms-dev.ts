/** The development outbox for text messages: each is a file of two lines, the number and the text. */
import { writeWhole } from './files.ts';
import { outboxPath } from './outbox-path.ts';
import { SendError } from './send-error.ts';
import type { Sms } from './sms.ts';

export function createDevSms({ folder }: { folder: string }): Sms {
  return {
    async send({ deliveryId, date, to, text }) {
      try {
        await writeWhole(outboxPath({ folder, date, deliveryId, extension: 'txt' }), `${to}\n${text}\n`);
      } catch (cause) {
        throw new SendError({ kind: 'temporary', reason: 'provider_unavailable', cause });
      }
      return {};
    },
  };
}
