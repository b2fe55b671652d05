/**
 * For tests: the repository as a new clone has it, on a machine of its own, so that a document's commands can be run as they stand there. The machine has
 * its own network, where every port is free and nobody else is, and its own processes, which end with it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';

const workspace = join(import.meta.dirname, '..');
const root = process.getuid?.() === 0 ? [] : ['--map-root-user'];
const unshare = [...root, '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** Whether this system lets us have such a machine: Linux, and not within a container that forbids namespaces. */
export function canIsolate(): boolean {
  try {
    execFileSync('unshare', [...unshare, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface Machine extends Disposable {
  /** The clone. */
  readonly folder: string;
  /** Runs the script there by bash, each of its processes with it, and answers all that was printed. `code` is null where it took too long. */
  run(script: string, options: { withinMs: number; online?: boolean }): Promise<{ code: number | null; output: string }>;
}

/** `installed`: with this repository's dependencies, as links; otherwise with none. */
export function newMachine({ installed }: { installed: boolean }): Machine {
  const base = mkdtempSync(join(tmpdir(), 'kiosk-machine-'));
  const folder = join(base, 'kiosk');
  const temporary = join(base, 'tmp');
  for (const each of [folder, temporary]) mkdirSync(each);
  const known = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: workspace, encoding: 'utf8' }).split('\0');
  const files = known.filter((name) => name !== '' && existsSync(join(workspace, name)));
  execFileSync('sh', ['-c', `tar --create --null --files-from=- | tar --extract --directory='${folder}'`], { cwd: workspace, input: files.join('\0') });
  if (installed) {
    execFileSync('cp', ['-al', join(workspace, 'node_modules'), folder]);
    // They are up to date, whatever git has done to the time of the lock file.
    utimesSync(join(folder, 'package-lock.json'), 0, 0);
  }
  const env = {
    // The project's own Node is npm's to find.
    PATH: process.env['PATH']?.split(delimiter).filter((each) => !each.includes('node_modules')).join(delimiter),
    HOME: process.env['HOME'], TMPDIR: temporary,
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => /^npm_config_(registry|cache|userconfig)$/.test(name))),
  };
  return {
    folder,
    async run(script, { withinMs, online = false }) {
      const bash = ['bash', '-c', `set -eo pipefail\n${online ? '' : 'ip link set lo up\n'}${script}`];
      const child = spawn('unshare', [...(online ? unshare.filter((flag) => flag !== '--net') : unshare), ...bash], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      const limit = setTimeout(() => child.kill('SIGKILL'), withinMs);
      const output = Promise.all([text(child.stdout), text(child.stderr)]);
      const [code] = await once(child, 'exit') as [number | null];
      clearTimeout(limit);
      return { code, output: (await output).join('') };
    },
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }),
  };
}
