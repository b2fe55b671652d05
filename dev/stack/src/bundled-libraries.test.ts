import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bundledLibraries } from './services.ts';

const workspace = join(import.meta.dirname, '../../..');
const preload = join(import.meta.dirname, 'bundled-libraries.ts');

/** What a process of its own writes as JSON. */
function run(args: readonly string[], script: string): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, '--input-type=module', '--eval', script], { cwd: workspace, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

spawnSync(process.execPath, ['tools/prepare.mjs'], { cwd: workspace, stdio: 'inherit' });
const libraries = readdirSync(bundledLibraries).map((name) => decodeURIComponent(name.slice(0, -'.mjs'.length)));

test('the large libraries have a bundle each', () => {
  expect(libraries.toSorted()).toEqual(['@opentelemetry/api', 'kysely', 'libphonenumber-js/max', 'zod']);
});

test.each(libraries)('%s: what is imported comes from the bundle, and is all that the library offers; what is required does not', (library) => {
  const script = `
    import { createRequire } from 'node:module';
    const offered = await import('${library}');
    const from = import.meta.resolve('${library}');
    console.log(JSON.stringify({ names: Object.keys(offered).filter((name) => name !== 'default').sort(), bundled: from.includes('/.cache/bundled/'), required: createRequire(import.meta.url).resolve('${library}') }));`;
  const [plain, bundled] = [run([], script), run(['--import', preload], script)] as { names: string[]; bundled: boolean; required: string }[];
  expect(bundled).toEqual({ ...plain, bundled: true });
  expect(plain!.bundled).toBe(false);
});
