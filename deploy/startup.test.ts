/**
 * docs/STARTUP.md, followed word by word: the rehearsal's commands are run as they stand there, one after the other in one shell, on a machine where nothing
 * runs yet. Here the alarm is in less of a hurry than in the document only by its configuration; `npm run torture -- startup` begins without the
 * dependencies and leaves the configuration as it is shipped, which takes five minutes, and follows README.md and docs/deliveries.md too.
 */
import { describe, expect, test } from '@jest/globals';
import { runnableBlocks, type Block } from '@kiosk/stack/runnable';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canIsolate, newMachine } from './empty-machine.ts';
import { describeWith } from './tools.ts';
import { promptly } from './watching.ts';

const isWhole = process.env['KIOSK_STARTUP_WHOLE'] !== undefined;
const workspace = join(import.meta.dirname, '..');
const startup = runnableBlocks(join(workspace, 'docs/STARTUP.md'));

/** The commands, each block announced with its number. */
function rehearsal(blocks: readonly Block[]): string {
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
  expect(startup.length).toBeGreaterThanOrEqual(8);
});

describeWith(['npm', 'curl', 'unshare', 'ip', 'prometheus', 'prometheus-alertmanager', 'amtool'], 'the rehearsal of docs/STARTUP.md', () => {
  test('leads from nothing to a paid visit, an alarm that comes and goes, a backup and a restore', async () => {
    using machine = newMachine({ installed: !isWhole });
    // The first command installs, for which it needs the world.
    if (isWhole) expect(await machine.run(startup[0]!.script, { withinMs: 600_000, online: true })).toMatchObject({ code: 0 });
    else hurry(machine.folder);

    const { code, output } = await machine.run(rehearsal(startup) + openToOthers, { withinMs: 900_000 });

    if (code !== 0) throw new Error(`ended with ${code} after:\n${output}`);
    const [settings = '', , , , delivered = '', , backedUp = '', restored = '', open] = parts(output);
    expect(settings).toMatch(/PROD/);
    expect(delivered).toMatch(/^\S+\.eml$/m);
    expect(backedUp).toMatch(/ is whole: reporting, payments, sessions and 1 report file$/m);
    expect(restored).toMatch(/^restored reporting, payments, sessions and 1 report file as of /m);
    expect(restored).toContain('"status":"confirmed"');
    expect(open).toBe('');
  }, 1_600_000);

  (isWhole ? describe : describe.skip)('what else a newcomer is told to type', () => {
    test('the visit of README.md ends with a PDF, an e-mail and a text message', async () => {
      using machine = newMachine({ installed: true });
      const running = 'npm start > log 2>&1 &\nsystem=$!\nuntil curl -sf http://127.0.0.1:3000/health/ready > /dev/null; do sleep 1; done\n';
      const { code, output } = await machine.run(`${running}${rehearsal(runnableBlocks(join(workspace, 'README.md')))}kill "$system"`, { withinMs: 120_000 });
      expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/"status":"confirmed"[^]* report\.pdf$[^]*\.eml$[^]*\.txt$/m) });
    }, 180_000);

    test('the rehearsal of docs/deliveries.md ends with the e-mail that waited', async () => {
      using machine = newMachine({ installed: true });
      const { code, output } = await machine.run(rehearsal(runnableBlocks(join(workspace, 'docs/deliveries.md'))), { withinMs: 240_000 });
      expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/provider_unavailable"\n== 1 .*\n"to":\["ivan\.petrov@example\.com"\]$/m) });
    }, 300_000);
  });
}, { alsoMissing: canIsolate() ? [] : ['a network of its own (namespaces)'] });
