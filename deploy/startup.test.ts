/**
 * docs/STARTUP.md, followed word by word: the rehearsal's commands are run as they stand there, one after the other in one shell, on a machine where nothing
 * runs yet. Here the alarm is in less of a hurry than in the document only by its configuration; `npm run torture -- startup` begins without the
 * dependencies and leaves the configuration as it is shipped, which takes five minutes.
 */
import { expect, test } from '@jest/globals';
import { runnableBlocks } from '@kiosk/stack/runnable';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canIsolate, newMachine } from './empty-machine.ts';
import { describeWith } from './tools.ts';
import { promptly } from './watching.ts';

const isWhole = process.env['KIOSK_STARTUP_WHOLE'] !== undefined;
const blocks = runnableBlocks(join(import.meta.dirname, '../docs/STARTUP.md'));

/** The commands, each block announced with its number. */
function rehearsal(): string {
  return blocks.map(({ script }, index) => `echo "== ${index} after $SECONDS s"\n${script}\n`).join('');
}

/** What of the data others on the machine could read. */
const openToOthers = 'echo "== open to others"\nfind "${STORAGE_PATH:-storage}" "${BACKUP_PATH:-backups}" "${BACKUP_KEYS_PATH:-backup-keys}" -perm /077\n';

/** What each block printed. */
function parts(output: string): string[] {
  return output.split(/^== .*\n/m).slice(1);
}

function hurry(folder: string): void {
  const rewrite = (path: string, change: (text: string) => string): void => writeFileSync(join(folder, path), change(readFileSync(join(folder, path), 'utf8')));
  rewrite('deploy/prometheus/prometheus.yml', promptly.prometheus);
  rewrite('deploy/alertmanager/alertmanager.yml', promptly.alertmanager);
  for (const path of globSync('deploy/prometheus/rules/*.yml', { cwd: folder })) rewrite(path, (text) => promptly.rules(text, [[/for: 1m$/gm, 'for: 5s']]));
}

test('the document has its commands, in one piece each', () => {
  expect(blocks.length).toBeGreaterThanOrEqual(8);
});

describeWith(['npm', 'curl', 'unshare', 'ip', 'prometheus', 'prometheus-alertmanager', 'amtool'], 'the rehearsal of docs/STARTUP.md', () => {
  test('leads from nothing to a paid visit, an alarm that comes and goes, a backup and a restore', async () => {
    using machine = newMachine({ installed: !isWhole });
    // The first command installs, for which it needs the world.
    if (isWhole) expect(await machine.run(blocks[0]!.script, { withinMs: 600_000, online: true })).toMatchObject({ code: 0 });
    else hurry(machine.folder);

    const { code, output } = await machine.run(rehearsal() + openToOthers, { withinMs: isWhole ? 900_000 : 240_000 });

    if (code !== 0) throw new Error(`ended with ${code} after:\n${output}`);
    const [settings = '', , , , delivered = '', , backedUp = '', restored = '', open] = parts(output);
    expect(settings).toMatch(/PROD/);
    expect(delivered).toMatch(/^\S+\.eml$/m);
    expect(backedUp).toMatch(/ is whole: reporting, payments, sessions and 1 report file$/m);
    expect(restored).toMatch(/^restored reporting, payments, sessions and 1 report file as of /m);
    expect(restored).toContain('"status":"confirmed"');
    expect(open).toBe('');
  }, 1_600_000);
}, { alsoMissing: canIsolate() ? [] : ['a network of its own (namespaces)'] });
