/** Routes of the contract that this version does not serve. */
import { Fault } from '@kiosk/fault';
import type { Roles } from './access.ts';
import type { Method, Route } from './route.ts';

const unbuilt: readonly [Method, path: string, Roles][] = [
  ['delete', '/api/sessions/:id', ['operator']],
  ['get', '/api/audit', ['operator']],
];

export const unbuiltRoutes: readonly Route[] = unbuilt.map(([method, path, roles]) => ({
  method,
  path,
  name: 'unbuilt',
  summary: '',
  roles,
  urgency: 'list',
  answers: {},
  bodyLimitBytes: 0,
  handle: () => {
    throw new Fault({ kind: 'unimplemented', reason: 'not_implemented', message: 'This version does not serve this resource.' });
  },
}));
