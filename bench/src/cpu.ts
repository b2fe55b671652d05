/** What a process has spent. */
import { readFileSync } from 'node:fs';

/** The kernel's USER_HZ: 100 on every architecture that Node runs on. */
const tickUs = 10_000;

/** CPU time of a process so far in µs, user and system, all its threads, in steps of 10 ms. Linux only (proc_pid_stat(5)). */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is a name in parentheses that may hold anything; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickUs;
}

/** Begins now. What it gives is, when it is called, what each process has spent in each second since, in µs. */
export function cpuMeter(pids: Readonly<Record<string, number>>): () => Record<string, number> {
  const startedAt = performance.now();
  const before = Object.entries(pids).map(([name, pid]) => ({ name, pid, us: cpuUs(pid) }));
  return () => {
    const seconds = (performance.now() - startedAt) / 1000;
    return Object.fromEntries(before.map(({ name, pid, us }) => [name, (cpuUs(pid) - us) / seconds]));
  };
}
