/** Programs that are no npm packages: .ci/run installs them, and without one its checks are skipped and say so. */
import { describe } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { writeSync } from 'node:fs';

export function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A `describe` that is skipped, loudly, where one of the programs is missing, or something else that is named in `alsoMissing`. */
export function describeWith(programs: readonly string[], name: string, tests: () => void, { alsoMissing = [] }: { alsoMissing?: readonly string[] } = {}): void {
  const missing = [...programs.filter((program) => !has(program)), ...alsoMissing];
  // Not through Jest, which keeps what a test prints to itself.
  if (missing.length > 0) writeSync(2, `!!! ${missing.join(', ')} not to be had: "${name}" is SKIPPED !!!\n`);
  (missing.length > 0 ? describe.skip : describe)(name, tests);
}

/** Runs a program to its end and answers what it wrote; fails with that when the program fails. */
export function run(program: string, args: readonly string[], { env, cwd }: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe', env: { ...process.env, ...env }, cwd });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}
