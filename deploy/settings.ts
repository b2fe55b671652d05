/** For tests: the names that may stand in an environment. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every setting that a service declares: .env.example is written from the declarations. */
export const settingNames: ReadonlySet<string> = new Set(
  [...readFileSync(join(import.meta.dirname, '../.env.example'), 'utf8').matchAll(/^#([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name!),
);

/** Those that are neither a setting nor a standard OTEL_ variable nor Node's. */
export function unknownNames(names: Iterable<string>): string[] {
  return [...names].filter((name) => !settingNames.has(name) && !/^(OTEL_[A-Z_]+|NODE_ENV|KIOSK_SERVICE)$/.test(name));
}
