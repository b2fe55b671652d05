/** Which services there are, and where their files lie. */
import type { SettingsDeclaration } from '@kiosk/service';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** In the order in which they call one another, the callees first. Any other order works as well. */
export const serviceNames = ['sessions', 'payments', 'reporting', 'gateway'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Whether this file was built, as for production, or runs as it is written. */
export const isBuilt = import.meta.filename.endsWith('.js');

const workspace = join(import.meta.dirname, '../../..');

/** Where Node keeps what it made of each source: a second start takes half the time and a fifth less memory. A folder that cannot be written does no harm. */
export const compileCache = join(workspace, 'node_modules/.cache/compiled');

/** What tools/prepare.mjs makes. */
export const bundledLibraries = join(workspace, 'node_modules/.cache/bundled');

/** The pretend parties. */
export type PartyName = 'psp' | 'outbox';

/** Every program that the supervisor can run. */
export type ProgramName = ServiceName | PartyName | 'backup' | 'one-process';

const places: Partial<Record<ProgramName, [folder: string, file: string]>> = {
  psp: ['dev/psp', 'main'], outbox: ['dev/outbox', 'main'], backup: ['operator', 'backup-command'], 'one-process': ['dev/stack', 'one-process'],
};

/** A program, from its sources or from what `npm run build` made of them. */
export function programOf(name: ProgramName, { built }: { built: boolean }): string {
  const [folder, file] = places[name] ?? [`services/${name}`, 'main'];
  return join(workspace, folder, built ? `dist/${file}.js` : `src/${file}.ts`);
}

/** A service's numbered SQL files. */
export function migrationsOf(name: ServiceName): URL {
  return pathToFileURL(`${join(workspace, 'services', name, 'migrations')}/`);
}

/** Whose settings there are: the services', and the operator's commands'. */
export const configNames = [...serviceNames, 'operator'] as const;
export type ConfigName = (typeof configNames)[number];

/** What a service's config.ts exports. Loaded alone, because the service behind it takes ten times as long to load. */
type ConfigModule<Config> = { readConfig: (env: NodeJS.ProcessEnv) => Config } & Record<string, unknown>;

async function configModuleOf<Config>(name: ConfigName): Promise<ConfigModule<Config>> {
  const file = isBuilt ? 'dist/config.js' : 'src/config.ts';
  return await import(pathToFileURL(join(workspace, name === 'operator' ? name : `services/${name}`, file)).href) as ConfigModule<Config>;
}

/** The settings that a service declares. */
export async function settingsOf(name: ConfigName): Promise<SettingsDeclaration> {
  return (await configModuleOf(name))[`${name}Settings`] as SettingsDeclaration;
}

/** A service's own way to read its settings, with every rule of its own; it fails with a SettingsError. */
export async function readerOf<Config = unknown>(name: ConfigName): Promise<(env: NodeJS.ProcessEnv) => Config> {
  return (await configModuleOf<Config>(name)).readConfig;
}

/** A service's configuration from the given environment. `settingsFile` takes the place of config/service.json. */
export async function configOf<Config>(name: ConfigName, { env, settingsFile }: { env: NodeJS.ProcessEnv; settingsFile?: string }): Promise<Config> {
  const readConfig = await readerOf<Config>(name);
  if (settingsFile === undefined) return readConfig(env);
  const before = process.env['CONFIG_FILE'];
  process.env['CONFIG_FILE'] = settingsFile;
  try {
    return readConfig(env);
  } finally {
    if (before === undefined) delete process.env['CONFIG_FILE'];
    else process.env['CONFIG_FILE'] = before;
  }
}
