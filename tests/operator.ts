/** The operator's commands, as `npm run` runs them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const workspace = join(import.meta.dirname, '..');

/** Runs the package's own script of that name, and answers what it said and its exit code. */
export async function operate(script: string, args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<{ code: number; output: string }> {
  const { scripts } = JSON.parse(readFileSync(join(workspace, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const [program = '', ...own] = scripts[script]?.split(' ') ?? [];
  if (program !== 'node') throw new Error(`npm run ${script} is no plain program: ${scripts[script]}`);
  const child = spawn(process.execPath, [...own, ...args], { cwd: workspace, env: { ...env, NODE_NO_WARNINGS: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number]>]);
  return { code, output: out + err };
}
