/**
 * `npm run settings` writes every setting, as the services declare it, into docs/operations.md, .env.example and config/service.schema.json. With --check it
 * only compares; a test does the same, so the documents cannot fall behind.
 */
import { describeSettings, jsonSchemaOf, type SettingsDeclaration } from '@kiosk/service';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configNames, serviceNames, settingsOf } from './services.ts';

const workspace = join(import.meta.dirname, '../../..');
const operations = join(workspace, 'docs/operations.md');
const example = join(workspace, '.env.example');
const schema = join(workspace, 'config/service.schema.json');
const begin = '<!-- settings: written by npm run settings -->';
const end = '<!-- end of settings -->';

type Described = ReturnType<typeof describeSettings>[number] & { services: string[] };

async function describeAll(): Promise<Described[]> {
  const all = new Map<string, Described>();
  for (const service of configNames) {
    for (const described of describeSettings(await settingsOf(service))) {
      const known = all.get(described.name);
      if (known) known.services.push(service);
      else all.set(described.name, { ...described, services: [service] });
    }
  }
  return [...all.values()];
}

function shown(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function row({ name, default: fallback, secret, doc, services }: Described): string {
  const used = serviceNames.every((name) => services.includes(name)) ? 'all' : services.join(', ');
  const value = shown(fallback);
  return `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${used} | ${doc}${secret ? ' **Secret.**' : ''} |`;
}

/** As the first to declare a name says, like the table. */
async function declareAll(): Promise<SettingsDeclaration> {
  const all: SettingsDeclaration = Object.assign({}, ...(await Promise.all(configNames.toReversed().map((name) => settingsOf(name)))));
  return all;
}

/** What the files should hold, by path. */
export async function settingsDocuments(): Promise<Map<string, string>> {
  const all = await describeAll();
  const table = ['| setting | default | read by | meaning |', '|---|---|---|---|', ...all.map(row)].join('\n');
  const text = readFileSync(operations, 'utf8');
  const [before = '', rest = ''] = text.split(begin);
  const after = rest.split(end)[1] ?? '';
  const env = all.map(({ name, default: fallback, doc }) => `# ${doc}\n#${name}=${shown(fallback)}\n`).join('\n');
  return new Map([
    [operations, `${before}${begin}\n${table}\n${end}${after}`],
    [example, `# Every setting with its default: copy to .env, uncomment what you change, and start with \`set -a; . ./.env; set +a; npm start\`.\n\n${env}`],
    [schema, `${JSON.stringify(jsonSchemaOf(await declareAll()), undefined, 2)}\n`],
  ]);
}

/** The files that differ from what they should hold. */
export async function staleDocuments(): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of await settingsDocuments()) {
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) stale.push(path.slice(workspace.length + 1));
  }
  return stale;
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const stale = await staleDocuments();
    if (stale.length > 0) console.error(`${stale.join(' and ')} must be written anew: npm run settings`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    for (const [path, text] of await settingsDocuments()) writeFileSync(path, text);
  }
}
