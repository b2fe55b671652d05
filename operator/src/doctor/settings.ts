/** The settings as plain values by name: the doctor looks at what the services will do with them, not at their types. */
import { loadSettingsFile, readSettings, type SettingsDeclaration } from '@kiosk/service';
import { configNames, readerOf, settingsOf } from '@kiosk/stack/services';
import { refusals, unknownNames } from '../config-check.ts';
import { plain } from '../words.ts';
import { about, type Finding } from './finding.ts';

export type Values = { text: (name: string) => string; number: (name: string) => number; isSet: (name: string) => boolean; isProd: boolean };

/** Fails with a SettingsError where a value is no value at all. */
export async function readValues(env: NodeJS.ProcessEnv): Promise<Values> {
  const settings = readSettings(await declarationOfAll(), { env, file: loadSettingsFile() }) as Record<string, unknown>;
  return {
    text: (name) => plain(settings[name]),
    number: (name) => Number(settings[name]),
    isSet: (name) => settings[name] !== undefined,
    isProd: settings['AGENT_ENV'] === 'PROD',
  };
}

export async function checkSettings(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const { ok, fail } = about('settings');
  const unknown = unknownNames(Object.keys(await declarationOfAll()), { env, file: loadSettingsFile() });
  const refused = refusals(await Promise.all(configNames.map((name) => readerOf(name))), env);
  const findings = [...unknown, ...refused].map((sentence) => fail(sentence, 'npm run config:check explains what is set where'));
  return findings.length > 0 ? findings : [ok('every service takes them')];
}

async function declarationOfAll(): Promise<SettingsDeclaration> {
  const all: SettingsDeclaration = Object.assign({}, ...(await Promise.all(configNames.map((name) => settingsOf(name)))));
  return all;
}
