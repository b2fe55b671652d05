/** Every check, in the order in which an operator would put things right. */
import { SettingsError } from '@kiosk/service';
import { readStackSettings } from '@kiosk/stack/settings';
import { readConfig } from '../config.ts';
import { checkBackups, checkCertificates, checkDatabases, checkKeys } from './data.ts';
import { about, type Finding } from './finding.ts';
import { checkFolder, checkFonts, checkNode, checkPorts, checkReadiness } from './machine.ts';
import { checkEmail, checkSms } from './messages.ts';
import { checkPsp, checkWebhook } from './psp.ts';
import { checkSettings, readValues } from './settings.ts';

/** `say` hears each finding as soon as it is there. Answers all. */
export async function diagnose(env: NodeJS.ProcessEnv, say: (finding: Finding) => void = () => {}): Promise<Finding[]> {
  const all: Finding[] = [];
  const hear = (found: Finding | Finding[]): void => {
    for (const finding of [found].flat()) {
      all.push(finding);
      say(finding);
    }
  };
  hear(checkNode());
  hear(checkFonts());
  try {
    hear(await checkSettings(env));
    const values = await readValues(env);
    const { listeners } = await readStackSettings(env);
    const config = readConfig(env);
    hear(await checkPorts(listeners, values));
    hear(await checkReadiness(listeners, values));
    hear(await checkFolder('storage', 'STORAGE_PATH', config.storagePath));
    hear(await checkFolder('backup', 'BACKUP_PATH', config.backupPath));
    hear(checkDatabases(config.storagePath));
    hear(checkBackups(config));
    hear(await checkKeys(config));
    hear(checkCertificates(values));
    for (const findings of await Promise.all([checkPsp(values), checkWebhook(values), checkEmail(values), checkSms(values)])) hear(findings);
  } catch (error) {
    // Without values there is nothing more to look at; checkSettings has named each bad one, unless the file itself cannot be read.
    if (!(error instanceof SettingsError)) throw error;
    if (!all.some(({ check, level }) => check === 'settings' && level === 'fail')) hear(about('settings').fail(error.message, 'put it right first: the other checks need the settings'));
  }
  return all;
}
