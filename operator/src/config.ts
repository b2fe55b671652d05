/** The settings of the operator's commands, over those of the services whose storage they look after. */
import { commonSettings, declare, loadSettingsFile, readSettings, setting } from '@kiosk/service';
import { resolve } from 'node:path';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const operatorSettings = {
  ...commonSettings,
  ...declare({
    BACKUP_PATH: { schema: setting.text, default: './backups', doc: 'The folder for backups; better another disk than that of STORAGE_PATH. Each backup is a folder in it, named for its time (UTC).' },
    BACKUP_KEYS_PATH: {
      schema: setting.text, default: './backup-keys',
      doc: 'The folder for copies of the keys in STORAGE_PATH, apart from the backups: who has both can open every report link.',
    },
    BACKUP_INTERVAL_MS: {
      schema: setting.durationMs.optional(),
      // Read by the supervisor.
      doc: 'How often `npm start` makes a backup, in ms; 0: never, where something else does. Default: a day (86400000) in PROD, 0 in DEV.',
    },
    BACKUP_RETENTION_MS: {
      schema: setting.integer({ min: hourMs, max: 3650 * dayMs }), default: 14 * dayMs,
      doc: 'How long a backup is kept, in ms; the newest is always kept. Customers who were erased stay in older backups for as long.',
    },
    BACKUP_AGE_LIMIT_MS: {
      schema: setting.integer({ min: 0, max: 365 * dayMs }).optional(),
      doc: 'How old the newest backup may be before it alarms, in ms; 0: nobody watches. Default: 26 hours (93600000) in PROD, 0 in DEV.',
    },
  }),
};

/** Reads the settings once. Fails with a SettingsError that names each bad one. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const settings = readSettings(operatorSettings, { env, file: loadSettingsFile() });
  const isProd = settings.AGENT_ENV === 'PROD';
  return {
    storagePath: resolve(settings.STORAGE_PATH),
    backupPath: resolve(settings.BACKUP_PATH),
    backupKeysPath: resolve(settings.BACKUP_KEYS_PATH),
    backupRetentionMs: settings.BACKUP_RETENTION_MS,
    backupAgeLimitMs: settings.BACKUP_AGE_LIMIT_MS ?? (isProd ? 26 * hourMs : 0),
  };
}

export type OperatorConfig = ReturnType<typeof readConfig>;
