/** The providers that the settings name, opened when they are chosen: what nobody uses is not loaded. */
import type { Email } from './email.ts';
import type { EmailProvider, SmsProvider } from './provider-settings.ts';
import type { Asked, Sms } from './sms.ts';

/** A sender by the name that its deliveries remember. */
export type Named<Sender> = { name: string; sender: Sender };

/** `outbox` is the folder of the development outbox. */
export function openEmail(provider: EmailProvider, { outbox }: { outbox: string }): Named<Email & AsyncDisposable> {
  return {
    name: provider.name,
    sender: openedLater(async () => {
      switch (provider.name) {
        case 'smtp': return (await import('./email-smtp.ts')).createSmtpEmail(provider);
        case 'sendgrid': return (await import('./email-sendgrid.ts')).createSendgridEmail(provider);
        case 'dev': return (await import('./email-dev.ts')).createDevEmail({ folder: outbox });
      }
    }),
  };
}

/** Opened by the first message: the library that writes mail is large, and an idle service has no use for it. What could not be opened is opened by the next one. */
export function openedLater(open: () => Promise<Email & Partial<AsyncDisposable>>): Email & AsyncDisposable {
  let opening: ReturnType<typeof open> | undefined;
  const opened = (): ReturnType<typeof open> => opening ??= open().catch((error: unknown) => {
    opening = undefined;
    throw error;
  });
  return {
    send: async (...message) => (await opened()).send(...message),
    [Symbol.asyncDispose]: async () => (await opening)?.[Symbol.asyncDispose]?.(),
  };
}

/** `outbox` as for e-mail. A sender that can be asked what became of a message has `report`. */
export async function openSms(provider: SmsProvider, { outbox }: { outbox: string }): Promise<Named<Sms & Partial<Asked>>> {
  switch (provider.name) {
    case 'twilio': return { name: provider.name, sender: (await import('./sms-twilio.ts')).createTwilioSms(provider) };
    case 'smsc': return { name: provider.name, sender: (await import('./sms-smsc.ts')).createSmscSms(provider) };
    case 'dev': return { name: provider.name, sender: (await import('./sms-dev.ts')).createDevSms({ folder: outbox }) };
  }
}
