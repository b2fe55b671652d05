/** The providers that the settings name, opened when they are chosen: what nobody uses is not loaded. */
import type { Email } from './email.ts';
import type { EmailProvider, SmsProvider } from './provider-settings.ts';
import type { Asked, Sms } from './sms.ts';

/** A sender by the name that its deliveries remember. */
export type Named<Sender> = { name: string; sender: Sender };

/** `outbox` is the folder of the development outbox. */
export async function openEmail(provider: EmailProvider, { outbox }: { outbox: string }): Promise<Named<Email & Partial<AsyncDisposable>>> {
  switch (provider.name) {
    case 'smtp': return { name: provider.name, sender: (await import('./email-smtp.ts')).createSmtpEmail(provider) };
    case 'sendgrid': return { name: provider.name, sender: (await import('./email-sendgrid.ts')).createSendgridEmail(provider) };
    case 'dev': return { name: provider.name, sender: (await import('./email-dev.ts')).createDevEmail({ folder: outbox }) };
  }
}

/** Likewise. A sender that can be asked what became of a message has `report`. */
export async function openSms(provider: SmsProvider, { outbox }: { outbox: string }): Promise<Named<Sms & Partial<Asked>>> {
  switch (provider.name) {
    case 'twilio': return { name: provider.name, sender: (await import('./sms-twilio.ts')).createTwilioSms(provider) };
    case 'smsc': return { name: provider.name, sender: (await import('./sms-smsc.ts')).createSmscSms(provider) };
    case 'dev': return { name: provider.name, sender: (await import('./sms-dev.ts')).createDevSms({ folder: outbox }) };
  }
}
