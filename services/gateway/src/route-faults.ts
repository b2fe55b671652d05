/** What a route may fail with: its own reasons, and those that follow from what it is. */
import type { Route } from './route.ts';

/** Reasons by status, in ascending order. */
export function faultsOf(route: Route): [status: number, reasons: string[]][] {
  const { path, roles, rate, ref, body, rawBody, query, idempotent, faults = {} } = route;
  const needsKey = !roles.some((role) => role === 'public');
  const asksServices = [ref, body, rawBody, query, path.includes(':')].some(Boolean);
  const service = /^\/api\/(sessions|payments)/.exec(path)?.[1] ?? 'reporting';
  const all: Record<number, string[]> = {
    400: [
      ...(body || query ? ['invalid_request'] : []), ...(body ? ['invalid_json', 'invalid_encoding', 'json_too_deep'] : []), ...(idempotent ? ['invalid_idempotency_key'] : []),
    ],
    401: needsKey ? ['unauthenticated'] : [],
    403: needsKey && !roles.some((role) => role === 'kiosk') ? ['operator_only'] : [],
    404: ref ? [ref.reason] : [],
    413: body || rawBody ? ['body_too_large'] : [],
    415: body ? ['unsupported_media_type'] : [],
    422: idempotent ? ['idempotency_key_reused'] : [],
    429: rate === 'none' ? [] : ['rate_limited'],
    500: ['internal'],
    503: ['overloaded', ...(asksServices ? [`${service}_unavailable`] : []), ...(body || rawBody ? ['outcome_unknown'] : [])],
    504: asksServices ? ['deadline_exceeded'] : [],
  };
  for (const [status, reasons] of Object.entries(faults)) (all[Number(status)] ??= []).push(...reasons);
  return Object.entries(all).flatMap(([status, reasons]) => (reasons.length === 0 ? [] : [[Number(status), reasons]]));
}
