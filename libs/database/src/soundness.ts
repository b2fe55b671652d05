/**
 * A database that is damaged is not to be written to. A small one is checked before it is opened. Reading a large one through takes many seconds in which nobody could
 * pay, at every restart; so that is done beside the running service, by a process that ends with it, and if it finds damage the service stops.
 */
import Sqlite from 'better-sqlite3';
import { spawn, type ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Half a second at most. */
export const usualLimitBytes = 64 * 1024 * 1024;
/** A start has the machine to itself. */
const startPatienceMs = 2000;

/** What is wrong with the file, in SQLite's words; undefined where nothing is. */
export function damageOf(sqlite: Sqlite.Database): string | undefined {
  const verdict = String(sqlite.pragma('quick_check(1)', { simple: true }));
  return verdict === 'ok' ? undefined : verdict;
}

export function isLarge(path: string, limitBytes: number): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > limitBytes;
}

/** Looks for damage until it is disposed of, once the service has started. A look that could not be taken is no damage: the next start takes it again. */
export function lookForDamage({ path, onDamage }: { path: string; onDamage: (how: string) => void }): Disposable {
  let looking: ChildProcess | undefined;
  const waiting = setTimeout(() => {
    looking = look(path, onDamage);
  }, startPatienceMs).unref();
  return {
    [Symbol.dispose]: () => {
      clearTimeout(waiting);
      looking?.removeAllListeners('close');
      looking?.kill('SIGKILL');
    },
  };
}

function look(path: string, onDamage: (how: string) => void): ChildProcess {
  const looking = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), path], { env: {}, stdio: ['ignore', 'pipe', 'ignore'] });
  looking.unref();
  if (looking.pid !== undefined) yieldToOthers(looking.pid);
  let said = '';
  looking.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  looking.on('error', () => {});
  looking.on('close', () => {
    if (said !== '') onDamage(said.trim());
  });
  return looking;
}

/** There is no hurry, and kiosks wait for the others. */
function yieldToOthers(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // Where that is not allowed, or it has ended, it goes without.
  }
}

if (import.meta.main) {
  const sqlite = new Sqlite(process.argv[2], { readonly: true, fileMustExist: true, timeout: 5000 });
  const damage = damageOf(sqlite);
  if (damage !== undefined) console.log(damage);
}
