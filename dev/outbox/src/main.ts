/** Runs the outbox as a program, by itself or as a child of `npm start`. */
import { once } from 'node:events';
import { z } from 'zod';
import { startOutbox } from './outbox.ts';

const port = z.coerce.number().int().min(0).max(65_535);

const settings = z.object({
  OUTBOX_SMTP_PORT: port.default(2525),
  OUTBOX_SMTPS_PORT: port.default(2465),
  OUTBOX_HTTP_PORT: port.default(8025),
  OUTBOX_HOST: z.string().default('127.0.0.1'),
  SMTP_USER: z.string().optional(),
  SMTP_PASS: z.string().optional(),
  SMSC_LOGIN: z.string().optional(),
  SMSC_PASSWORD: z.string().optional(),
  TWILIO_ACCOUNT_SID: z.string().optional(),
  TWILIO_AUTH_TOKEN: z.string().optional(),
  SENDGRID_API_KEY: z.string().optional(),
  SENDGRID_WEBHOOK_URL: z.url().optional(),
  STORAGE_PATH: z.string().optional(),
}).safeParse(Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== '')));

if (!settings.success) {
  // Names only: a value may be a secret.
  console.error(`The outbox cannot use: ${settings.error.issues.map((issue) => issue.path.join('.')).join(', ')}`);
  process.exit(1);
}

const env = settings.data;
// Listening before anybody is told that it runs, so that no request to stop is missed.
const stopped = Promise.race(['SIGTERM', 'SIGINT', 'disconnect'].map((event) => once(process, event)));
{
  await using outbox = await startOutbox({
    smtpPort: env.OUTBOX_SMTP_PORT,
    smtpsPort: env.OUTBOX_SMTPS_PORT,
    httpPort: env.OUTBOX_HTTP_PORT,
    host: env.OUTBOX_HOST,
    smtpUser: env.SMTP_USER,
    smtpPass: env.SMTP_PASS,
    smscLogin: env.SMSC_LOGIN,
    smscPassword: env.SMSC_PASSWORD,
    twilioSid: env.TWILIO_ACCOUNT_SID,
    twilioToken: env.TWILIO_AUTH_TOKEN,
    sendgridKey: env.SENDGRID_API_KEY,
    sendgridWebhookUrl: env.SENDGRID_WEBHOOK_URL,
    storagePath: env.STORAGE_PATH,
  });
  const ready = `outbox at ${outbox.httpUrl}, SMTP at ${outbox.smtpPort}, with TLS at ${outbox.smtpsPort}`;
  console.log(ready);
  process.send?.({ ready });
  await stopped;
}
process.exit(0);
