/**
 * For `node --import`: libraries that come as hundreds of small files are taken from one file each, which tools/prepare.mjs makes after an install. To
 * find, read and link the small ones is most of a service's start. Where there are no such files nothing changes.
 */
import { existsSync, readdirSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundledLibraries } from './services.ts';

const suffix = '.mjs';
const files = existsSync(bundledLibraries) ? readdirSync(bundledLibraries).filter((name) => name.endsWith(suffix)) : [];
/** Where each library is, by the name under which it is imported. */
const bundles = new Map(files.map((name) => [decodeURIComponent(name.slice(0, -suffix.length)), pathToFileURL(join(bundledLibraries, name)).href]));

registerHooks({
  resolve(specifier, context, next) {
    const url = bundles.get(specifier);
    // What is required gets what was written to be required.
    return url === undefined || context.conditions.includes('require') ? next(specifier, context) : { url, format: 'module', shortCircuit: true };
  },
});
