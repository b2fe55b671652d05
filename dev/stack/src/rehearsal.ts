/** `npm start -- --psp --outbox`: the system against pretend parties, so that failures can be rehearsed without a network. */
import { SettingsError } from '@kiosk/service';
import { join } from 'node:path';
import type { PartyName } from './services.ts';
import type { StackSettings } from './settings.ts';

export type Rehearsal = {
  party: PartyName;
  /** Over the operator's own settings, in every service's environment. */
  services: NodeJS.ProcessEnv;
  /** The pretend party's whole environment. */
  env: NodeJS.ProcessEnv;
  /** Its page, for people. */
  page: string;
};

type Rehearse = (env: NodeJS.ProcessEnv, settings: StackSettings) => Rehearsal;

/** Each fails with a SettingsError in PROD. */
export const rehearsals: Record<PartyName, Rehearse> = { psp: rehearsePayments, outbox: rehearseDeliveries };

/** The pretend YooKassa. */
function rehearsePayments(env: NodeJS.ProcessEnv, { env: agentEnv, url, storagePath }: StackSettings): Rehearsal {
  if (agentEnv === 'PROD') throw new SettingsError(['--psp takes pretend money, and AGENT_ENV is PROD']);
  const port = env['PSP_PORT'] || '8088';
  const page = `http://127.0.0.1:${port}`;
  const credentials = { YOOKASSA_SHOP_ID: '100500', YOOKASSA_SECRET_KEY: 'test_rehearsal' };
  return {
    party: 'psp',
    services: { ...credentials, PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_API_URL: `${page}/v3` },
    env: {
      ...credentials, PATH: env['PATH'], PSP_PORT: port, STORAGE_PATH: join(storagePath, 'psp'),
      YOOKASSA_WEBHOOK_URL: `${url}/api/payments/webhook`,
    },
    page,
  };
}

/** The pretend mail server and SMS gateway. */
function rehearseDeliveries(env: NodeJS.ProcessEnv, { env: agentEnv, storagePath }: StackSettings): Rehearsal {
  if (agentEnv === 'PROD') throw new SettingsError(['--outbox delivers to nobody, and AGENT_ENV is PROD']);
  const [smtpPort, smtpsPort, httpPort] = [env['OUTBOX_SMTP_PORT'] || '2525', env['OUTBOX_SMTPS_PORT'] || '2465', env['OUTBOX_HTTP_PORT'] || '8025'];
  const page = `http://127.0.0.1:${httpPort}`;
  const credentials = { SMSC_LOGIN: 'kiosk', SMSC_PASSWORD: 'rehearsal' };
  return {
    party: 'outbox',
    services: { ...credentials, EMAIL_PROVIDER: 'smtp', SMTP_HOST: '127.0.0.1', SMTP_PORT: smtpPort, SMTP_SECURE: 'false', SMS_PROVIDER: 'smsc', SMSC_API_URL: page },
    env: {
      ...credentials, PATH: env['PATH'], OUTBOX_SMTP_PORT: smtpPort, OUTBOX_SMTPS_PORT: smtpsPort, OUTBOX_HTTP_PORT: httpPort,
      STORAGE_PATH: join(storagePath, 'pretend-outbox'),
    },
    page,
  };
}
