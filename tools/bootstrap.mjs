// Installs the dependencies when they are missing or other than the lock file's. It may run on an old Node: the project's
// own Node comes with the dependencies, and npm puts it first on the path for the command that follows.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';

const installed = 'node_modules/.package-lock.json';
const lock = 'package-lock.json';
if (!isCurrent()) {
  console.log('installing dependencies (npm ci) …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { stdio: 'inherit', shell: process.platform === 'win32' });
  process.exit(status ?? 1);
}

function isCurrent() {
  if (!existsSync(installed)) return false;
  if (statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true;
  // git gives a file that it writes again a new time, whatever is in it.
  const [there, wanted] = [installed, lock].map((path) => JSON.parse(readFileSync(path, 'utf8')).packages);
  const paths = new Set([...Object.keys(there), ...Object.keys(wanted)].filter((path) => path.includes('node_modules/')));
  // What is optional may be for another system.
  return [...paths].every((path) => (there[path] ? there[path].version === wanted[path]?.version && there[path].integrity === wanted[path]?.integrity : wanted[path].optional || wanted[path].devOptional));
}
