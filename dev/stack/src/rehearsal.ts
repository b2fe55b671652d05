/** `npm start -- --psp`: the system against the pretend YooKassa, so that failures can be rehearsed without a network. */
import { SettingsError } from '@kiosk/service';
import { join } from 'node:path';
import type { StackSettings } from './settings.ts';

const shopId = '100500';
const secretKey = 'test_rehearsal';
const usualPort = 8088;

export type Rehearsal = {
  /** Over the operator's own settings, in every service's environment. */
  services: NodeJS.ProcessEnv;
  /** The pretend YooKassa's whole environment. */
  psp: NodeJS.ProcessEnv;
  /** Its page, for people. */
  page: string;
};

/** Fails with a SettingsError in PROD. */
export function rehearse(env: NodeJS.ProcessEnv, { env: agentEnv, url, storagePath }: StackSettings): Rehearsal {
  if (agentEnv === 'PROD') throw new SettingsError(['--psp takes pretend money, and AGENT_ENV is PROD']);
  const port = env['PSP_PORT'] || String(usualPort);
  const page = `http://127.0.0.1:${port}`;
  const credentials = { YOOKASSA_SHOP_ID: shopId, YOOKASSA_SECRET_KEY: secretKey };
  return {
    services: { ...credentials, PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_API_URL: `${page}/v3` },
    psp: {
      ...credentials, PATH: env['PATH'], PSP_PORT: port, STORAGE_PATH: join(storagePath, 'psp'),
      YOOKASSA_WEBHOOK_URL: `${url}/api/payments/webhook`,
    },
    page,
  };
}
