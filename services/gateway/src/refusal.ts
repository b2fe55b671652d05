/** A problem document for what never reaches Express, as headers and body or as the bytes of a whole answer. */
import type { Fault } from '@kiosk/fault';
import { http } from '@kiosk/service';
import type { OutgoingHttpHeaders } from 'node:http';
import { problemOf, retryAfterSecondsOf, statusOf } from './problem.ts';

export type Refusal = { status: number; headers: OutgoingHttpHeaders; body: string };

/** With `others` beside the headers that it always has. */
export function refusalOf(fault: Fault, requestId: string, others: OutgoingHttpHeaders): Refusal {
  const body = JSON.stringify(problemOf(fault, requestId));
  const retryAfter = retryAfterSecondsOf(fault);
  return {
    status: statusOf(fault),
    headers: {
      'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(body), 'x-request-id': requestId,
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }), ...others, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
    },
    body,
  };
}

/** As it goes over the wire. */
export function textOf({ status, headers, body }: Refusal): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  return `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`;
}
