/** Runs the pretend YooKassa as a program, by itself or as a child of `npm start -- --psp`. */
import { once } from 'node:events';
import { z } from 'zod';
import { startPsp } from './psp.ts';

const DELIVER_EVERY_MS = 250;

const settings = z.object({
  PSP_PORT: z.coerce.number().int().min(0).max(65_535).default(8088),
  PSP_HOST: z.string().default('127.0.0.1'),
  PSP_PUBLIC_URL: z.url().transform((url) => url.replace(/\/$/, '')).optional(),
  YOOKASSA_SHOP_ID: z.string().min(1),
  YOOKASSA_SECRET_KEY: z.string().min(1),
  YOOKASSA_WEBHOOK_URL: z.url().optional(),
  STORAGE_PATH: z.string().min(1).optional(),
}).safeParse(Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== '')));

if (!settings.success) {
  // Names only: a value may be a secret.
  console.error(`The pretend YooKassa needs: ${settings.error.issues.map((issue) => issue.path.join('.')).join(', ')}`);
  process.exit(1);
}

const env = settings.data;
// Listening before anybody is told that it runs, so that no request to stop is missed.
const stopped = Promise.race(['SIGTERM', 'SIGINT', 'disconnect'].map((event) => once(process, event)));
{
  await using psp = await startPsp({
    port: env.PSP_PORT,
    host: env.PSP_HOST,
    publicUrl: env.PSP_PUBLIC_URL,
    shopId: env.YOOKASSA_SHOP_ID,
    secretKey: env.YOOKASSA_SECRET_KEY,
    webhookUrl: env.YOOKASSA_WEBHOOK_URL,
    storagePath: env.STORAGE_PATH,
    deliverEveryMs: DELIVER_EVERY_MS,
  });
  const ready = `pretend YooKassa at ${new URL(psp.url).origin}`;
  console.log(ready);
  process.send?.({ ready });
  await stopped;
}
process.exit(0);
