/** Conditional GET, RFC 9110, 13.1.2. */
import type { Request, Response } from 'express';

/**
 * Sets the strong ETag and tells whether the client has this version already, in which case 304 has been answered. Not Express's `request.fresh`:
 * that ignores If-None-Match beside `cache-control: no-cache`, which a browser's fetch always adds to it.
 */
export function notModified(request: Request, response: Response, version: string): boolean {
  const etag = `"${version}"`;
  response.set('etag', etag);
  const asked = request.get('if-none-match');
  if (asked === undefined) return false;
  const has = asked.trim() === '*' || asked.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  if (has) response.status(304).end();
  return has;
}
