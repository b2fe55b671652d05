/** Conditional GET, RFC 9110, 13.1.2. */
import type { Request, Response } from 'express';

/** Whether the client says that it has this version. */
export function has(request: Request, version: string): boolean {
  const asked = request.get('if-none-match');
  if (asked === undefined) return false;
  return asked.trim() === '*' || asked.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etagOf(version));
}

/**
 * Sets the strong ETag and tells whether the client has this version already, in which case 304 has been answered. Not Express's `request.fresh`:
 * that ignores If-None-Match beside `cache-control: no-cache`, which a browser's fetch always adds to it.
 */
export function notModified(request: Request, response: Response, version: string): boolean {
  response.set('etag', etagOf(version));
  const isKnown = has(request, version);
  if (isKnown) response.status(304).end();
  return isKnown;
}

function etagOf(version: string): string {
  return `"${version}"`;
}
