/** What the supervisor checks before it starts anything: names, values and ports. The services check the rest themselves. */
import { SettingsError, loadSettingsFile, readSettings, unknownSettings } from '@kiosk/service';
import type { LogFormat, SettingsDeclaration } from '@kiosk/service';
import { join, resolve } from 'node:path';
import { whyNotFree } from './ports.ts';
import { configNames, settingsOf } from './services.ts';

const dayMs = 24 * 3_600_000;

/** Where one setting makes a service listen. */
export type Listener = { setting: string; host: string; port: number };

export type StackSettings = {
  env: string;
  /** Where the gateway listens. */
  url: string;
  storagePath: string;
  /** Where the development e-mails and messages are written; undefined where they are really sent. */
  outboxPath: string | undefined;
  paymentsProvider: string;
  /** Undefined: pretty in a terminal, json elsewhere. */
  logFormat: LogFormat | undefined;
  listeners: Listener[];
  /** How often a backup is made; 0: never. */
  backupIntervalMs: number;
};

/** Reads every service's settings together. Fails with a SettingsError that lists each bad one and each unknown name in the settings file. */
export async function readStackSettings(env: NodeJS.ProcessEnv): Promise<StackSettings> {
  const declarations = await Promise.all(configNames.map((name) => settingsOf(name)));
  const declaration: SettingsDeclaration = Object.assign({}, ...declarations);
  const file = loadSettingsFile();
  const unknown = unknownSettings(file, Object.keys(declaration));
  if (unknown.length > 0) throw new SettingsError(unknown.map((name) => `the settings file names ${name}, which no service knows`));
  const settings = readSettings(declaration, { env, file }) as Record<string, unknown>;
  const listeners = Object.keys(settings).flatMap((name) => listenerOf(name, settings));
  const storagePath = resolve(String(settings['STORAGE_PATH']));
  const pretends = [settings['EMAIL_PROVIDER'], settings['SMS_PROVIDER']].some((provider) => provider === undefined || provider === 'dev');
  return {
    env: String(settings['AGENT_ENV']),
    url: `http://${String(settings['HOST'])}:${String(settings['PORT'])}`,
    storagePath,
    outboxPath: pretends ? join(storagePath, 'outbox') : undefined,
    paymentsProvider: String(settings['PAYMENTS_PROVIDER']),
    logFormat: settings['LOG_FORMAT'] as LogFormat | undefined,
    listeners,
    backupIntervalMs: Number(settings['BACKUP_INTERVAL_MS'] ?? (settings['AGENT_ENV'] === 'PROD' ? dayMs : 0)),
  };
}

function listenerOf(name: string, settings: Record<string, unknown>): Listener[] {
  const [, kind] = /^(?:[A-Z]+_)?(GRPC_|METRICS_|)PORT$/.exec(name) ?? [];
  // A port such as SMTP_PORT belongs to somebody else's server.
  if (kind === undefined || (kind === '' && name !== 'PORT')) return [];
  return [{ setting: name, host: String(settings[`${kind}HOST`]), port: Number(settings[name]) }];
}

/** Fails with a SettingsError that names each port which two settings share or which cannot be listened on. */
export async function checkPorts(listeners: readonly Listener[]): Promise<void> {
  const problems: string[] = [];
  const owners = new Map<number, string>();
  for (const { setting, host, port } of listeners) {
    const owner = port === 0 ? undefined : owners.get(port);
    owners.set(port, setting);
    if (owner !== undefined) {
      problems.push(`${owner} and ${setting} are both ${port}`);
      continue;
    }
    const why = await whyNotFree({ host, port });
    if (why === 'EADDRINUSE') problems.push(`port ${port} on ${host} is in use: stop what listens there (another kiosk?) or set ${setting}`);
    else if (why !== undefined) problems.push(`port ${port} on ${host} cannot be opened (${why}): set ${setting} or its host`);
  }
  if (problems.length > 0) throw new SettingsError(problems);
}
