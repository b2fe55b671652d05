// Adds to package-lock.json the optional platform packages that the registry in use did not serve, so that `npm ci`
// accepts the lock on every system. With --check it writes nothing and fails if something is missing.
import { readFileSync, writeFileSync } from 'node:fs';

const file = 'package-lock.json';
const systems = ['darwin', 'linux', 'win32', 'freebsd', 'openbsd', 'netbsd', 'sunos', 'android', 'aix', 'openharmony'];
const processors = {
  arm64: 'arm64', x64: 'x64', ia32: 'ia32', arm: 'arm', armv7: 'arm', ppc64: 'ppc64', ppc64le: 'ppc64', s390x: 's390x',
  riscv64: 'riscv64', loong64: 'loong64', mips64el: 'mips64el', wasm32: 'wasm32',
};
const lock = JSON.parse(readFileSync(file, 'utf8'));

/** Where Node would find `name` from the package at `from`, or undefined. */
function resolve(from, name) {
  for (let at = from; ; ) {
    const key = `${at ? `${at}/` : ''}node_modules/${name}`;
    if (lock.packages[key]) return key;
    if (!at) return undefined;
    const i = at.lastIndexOf('node_modules/');
    at = i <= 0 ? '' : at.slice(0, i - 1);
  }
}

const added = [];
for (const [path, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (resolve(path, name)) continue;
    const words = name.replace(/^@[^/]+\//, '').split('-');
    const os = systems.filter((system) => words.includes(system));
    if (!os.length) continue; // optional for a reason other than the platform
    const cpu = [...new Set(words.map((word) => processors[word]).filter(Boolean))];
    const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : words.some((word) => word.startsWith('gnu')) && os[0] === 'linux' ? ['glibc'] : undefined;
    const key = lock.packages[`node_modules/${name}`] ? `${path}/node_modules/${name}` : `node_modules/${name}`;
    lock.packages[key] = { version: range.replace(/^[~^]/, ''), ...(cpu.length ? { cpu } : {}), ...(entry.dev ? { dev: true } : {}), ...(libc ? { libc } : {}), optional: true, os };
    added.push(name);
  }
}
if (process.argv.includes('--check')) {
  if (added.length) console.error(`package-lock.json misses ${added.join(', ')}: run "npm run lock"`);
  process.exitCode = added.length ? 1 : 0;
} else if (added.length) {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`added ${added.length}: ${added.join(', ')}`);
}
