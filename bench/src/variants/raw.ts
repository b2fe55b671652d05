/**
 * Loaded first, it has the sessions service use a store whose hot queries, and the audit's, are prepared by hand with better-sqlite3: what Kysely and the statements
 * of libs/database cost is measured by leaving them out. Everything else is the service's own. For the bench only.
 */
import { registerHooks } from 'node:module';

const substitutes = [
  { in: '/services/sessions/src/service.ts', of: './store.ts', by: new URL('./raw-store.ts', import.meta.url).href },
  { in: '/services/sessions/src/events.ts', of: '@kiosk/database', by: new URL('./raw-audit.ts', import.meta.url).href },
];

registerHooks({
  resolve(specifier, context, next) {
    const found = substitutes.find((substitute) => specifier === substitute.of && context.parentURL?.endsWith(substitute.in));
    return found ? { url: found.by, shortCircuit: true } : next(specifier, context);
  },
});
