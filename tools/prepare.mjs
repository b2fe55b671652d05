// npm runs this after every install: what each start of a service would otherwise do again, or the first one for all.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Without the development dependencies there is nothing to prepare with; services start all the same, only later.
const { build } = await import('esbuild').catch(() => ({}));
if (build) {
  await bundleLibraries();
  loadEverything();
}

/** One file of each library that comes as hundreds of small ones, for dev/stack/src/bundled-libraries.ts. */
async function bundleLibraries() {
  const folder = 'node_modules/.cache/bundled';
  mkdirSync(folder, { recursive: true });
  // As they are imported.
  const libraries = ['@opentelemetry/api', 'kysely', 'libphonenumber-js/max', 'zod'];
  const nameOf = (library) => `${encodeURIComponent(library)}.mjs`;
  for (const library of libraries) {
    const { outputFiles: [bundle] } = await build({
      stdin: { contents: `export * from '${library}';`, resolveDir: '.' }, bundle: true, platform: 'node', format: 'esm', minifyWhitespace: true, write: false,
    });
    // A service may be starting just now.
    const file = join(folder, nameOf(library));
    writeFileSync(`${file}.new`, bundle.contents);
    renameSync(`${file}.new`, file);
  }
  // What an older version imported.
  for (const name of readdirSync(folder)) if (name.endsWith('.mjs') && !libraries.map(nameOf).includes(name)) rmSync(join(folder, name), { force: true });
}

/** Fills Node's compile cache: each program loads all of itself, and then refuses this setting. */
function loadEverything() {
  const programs = ['services/sessions', 'services/payments', 'services/reporting', 'services/gateway', 'dev/stack'];
  for (const program of programs) {
    spawnSync('node', ['--import', './dev/stack/src/bundled-libraries.ts', '--conditions=@kiosk/source', `${program}/src/main.ts`], {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: 'node_modules/.cache/compiled', LOG_LEVEL: 'prepare' }, stdio: 'ignore', timeout: 30_000,
    });
  }
}
