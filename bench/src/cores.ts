/** Which core a process runs on. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Gives the load the first core and what is measured all others, as if they were machines of their own: what the load takes would be missing otherwise. Fails on a single core. */
export function separate({ load, measured }: { load: number; measured: readonly number[] }): void {
  const cores = availableParallelism();
  if (cores < 2) throw new Error('the load needs a core of its own');
  const place = (pid: number, on: string) => execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', on, String(pid)], { stdio: ['ignore', 'ignore', 'inherit'] });
  place(load, '0');
  for (const pid of measured) place(pid, `1-${cores - 1}`);
}
