/**
 * `npm run audit:verify`: whether the audit of every service is whole, with the services running or not. It shows each chain's newest entry; kept elsewhere and
 * given back later (`--expect sessions:120:<hash>`), that proves that nobody wrote the chain anew or cut its end off. `--storage` names another folder, such as a
 * restored backup's. Exit code 0: whole; 1: not; 2: a database could not be read.
 */
import { verifyAudit, type AuditVerdict } from '@kiosk/database';
import { SettingsError } from '@kiosk/service';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readStackSettings } from './settings.ts';
import { serviceNames } from './services.ts';

type Expected = { service: string; id: number; hash: string };

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { storage: { type: 'string' }, expect: { type: 'string', multiple: true, default: [] } } });
  const expected = values.expect.map(readExpected);
  const folder = values.storage ?? (await readStackSettings(process.env)).storagePath;
  let code = 0;
  for (const service of serviceNames.filter((name) => name !== 'gateway')) code = Math.max(code, verify(service, { folder, expected }));
  return code;
}

/** Fails with a SettingsError. */
function readExpected(text: string): Expected {
  const [, service, id, hash] = /^(\w+):(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (service === undefined || hash === undefined) throw new SettingsError(['--expect takes <service>:<number>:<hash>, as this command shows them']);
  return { service, id: Number(id), hash };
}

function verify(service: string, { folder, expected }: { folder: string; expected: readonly Expected[] }): number {
  const path = join(folder, `${service}.sqlite`);
  if (!existsSync(path)) {
    console.error(`${service}: there is no ${path}`);
    return 2;
  }
  try {
    const verdict = verifyAudit(path, { expected: expected.filter((each) => each.service === service) });
    if (!verdict) throw new Error('this database is from before the audit was a chain: start the service once');
    console.log(`${service}: ${sentenceOf(verdict)}`);
    return verdict.broken === undefined ? 0 : 1;
  } catch (error) {
    console.error(`${service}: could not be read: ${(error as Error).message}`);
    return 2;
  }
}

function sentenceOf({ rows, unchained, head, broken }: AuditVerdict): string {
  if (broken !== undefined) return `NOT WHOLE: ${broken}`;
  const before = unchained > 0 ? `, ${unchained} of them from before there was a chain` : '';
  return `whole, ${rows} rows${before}${head ? `; the newest is ${head.id}:${head.hash}` : ''}`;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof TypeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
