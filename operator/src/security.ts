/** docs/security.md, proven: starts a system of its own, with keys and pretend money, and runs each claim's commands against it. */
import { startProcesses } from '@kiosk/stack';
import { runnableBlocks, strict } from '@kiosk/stack/runnable';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const workspace = join(import.meta.dirname, '../..');

export type Verdict = { claim: string; holds: boolean; output: string };

export async function checkSecurity(say: (verdict: Verdict) => void = () => {}): Promise<Verdict[]> {
  const [helpers, ...claims] = runnableBlocks(join(workspace, 'docs/security.md'));
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-security-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [kioskKey, otherKey, operatorKey] = Array.from({ length: 3 }, () => crypto.randomUUID());
  const settings = {
    STORAGE_PATH: join(folder, 'storage'), BACKUP_PATH: join(folder, 'backups'), BACKUP_KEYS_PATH: join(folder, 'keys'), LOG_LEVEL: 'info',
    KIOSK_API_KEYS: `hall-1:${kioskKey},hall-2:${otherKey}`, OPERATOR_API_KEYS: `anna:${operatorKey}`,
  };
  const processes = cleanup.use(await startProcesses({ storagePath: settings.STORAGE_PATH, settings }));
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  const log = join(folder, 'log');
  const verdicts: Verdict[] = [];
  for (const { claim, script } of claims) {
    // What was collected until now: the services write within a fifth of a second.
    await new Promise((resolve) => {
      setTimeout(resolve, 500);
    });
    writeFileSync(log, processes.lines.join('\n'));
    const verdict = await run({ claim, script: `${helpers?.script ?? ''}\n${script}`, env: {
      ...processes.env, NODE_NO_WARNINGS: '1', api: processes.url, kiosk_key: kioskKey, other_kiosk_key: otherKey, operator_key: operatorKey, log, scratch,
    } });
    verdicts.push(verdict);
    say(verdict);
  }
  return verdicts;
}

async function run({ claim, script, env }: { claim: string; script: string; env: Readonly<Record<string, string | undefined>> }): Promise<Verdict> {
  const child = spawn('bash', ['-eo', 'pipefail', '-c', strict(script)], { cwd: workspace, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number]>]);
  return { claim, holds: code === 0, output: out + err };
}
