/**
 * `npm run config:check` explains what is set from where and what is wrong; `-- --all` shows the defaults too, `-- --prod` judges as for AGENT_ENV=PROD.
 * Exits 0 when the services would start and every name is known, 1 when not.
 */
import { SettingsError, loadSettingsFile, settingsFilePath, type SettingsDeclaration } from '@kiosk/service';
import { configNames, readerOf, settingsOf } from '@kiosk/stack/services';
import { parseArgs } from 'node:util';
import { advice, explain, refusals, unknownNames } from './config-check.ts';

async function main(): Promise<number> {
  const { values: flags } = parseArgs({ options: { all: { type: 'boolean', default: false }, prod: { type: 'boolean', default: false } } });
  const path = settingsFilePath();
  const file = loadSettingsFile();
  const declaration: SettingsDeclaration = Object.assign({}, ...(await Promise.all(configNames.map((name) => settingsOf(name)))));
  const readers = await Promise.all(configNames.map((name) => readerOf(name)));
  const env = flags.prod ? { ...process.env, AGENT_ENV: 'PROD' } : process.env;

  console.log(`settings: the environment over ${path ?? 'no file'} over the defaults`);
  const states = explain(declaration, { env: process.env, file });
  const widest = Math.max(...states.map(({ name }) => name.length));
  for (const { name, source, shown } of states) {
    if (source !== 'default' || flags.all) console.log(`  ${name.padEnd(widest)}  ${source.padEnd('environment'.length)}  ${shown}`);
  }
  if (!flags.all) console.log(`  and ${states.filter(({ source }) => source === 'default').length} by default: npm run config:check -- --all`);

  const unknown = unknownNames(Object.keys(declaration), { env: process.env, file });
  const refused = refusals(readers, env);
  for (const sentence of unknown) console.log(`fail  ${sentence}`);
  for (const sentence of refused) console.log(`fail  ${sentence}`);
  const isProd = (env['AGENT_ENV'] || file['AGENT_ENV']) === 'PROD';
  const shownAdvice = advice(Object.fromEntries(Object.entries(declaration).map(([name, { default: fallback }]) => [name, (env[name] || file[name]) ?? fallback])));
  if (isProd) for (const sentence of shownAdvice) console.log(`warn  ${sentence}`);
  else {
    const missing = refusals(readers, { ...env, AGENT_ENV: 'PROD' }).filter((sentence) => !refused.includes(sentence));
    console.log(`for PROD ${missing.length === 0 ? 'nothing is missing' : 'this is missing'}, and ${shownAdvice.length === 0 ? 'nothing' : 'this'} should be looked at:`);
    for (const sentence of missing) console.log(`  missing  ${sentence}`);
    for (const sentence of shownAdvice) console.log(`  look at  ${sentence}`);
  }
  const problems = unknown.length + refused.length;
  console.log(problems === 0 ? `ok: the services start with these settings in ${isProd ? 'PROD' : 'DEV'}` : `the services do not start with these settings: ${problems} to put right`);
  return problems === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof TypeError && 'code' in error)) throw error;
  for (const sentence of error instanceof SettingsError ? error.problems : [error.message]) console.error('fail ', sentence);
  process.exitCode = 1;
}
