/** Routes of the contract that this version does not serve. */
import { Fault } from '@kiosk/fault';
import type { Method, Route } from './routes.ts';

const unbuilt: readonly [Method, path: string][] = [
  ['delete', '/api/sessions/:id'],
  ['get', '/api/sessions/:id/events'],
  ['get', '/api/audit'],
  ['get', '/r/:token'],
  ['get', '/openapi.json'],
  ['get', '/docs'],
];

export const unbuiltRoutes: readonly Route[] = unbuilt.map(([method, path]) => ({
  method,
  path,
  bodyLimitBytes: 0,
  handle: () => {
    throw new Fault({ kind: 'unimplemented', reason: 'not_implemented', message: 'This version does not serve this resource.' });
  },
}));
