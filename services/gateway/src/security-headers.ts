/**
 * The security headers of an answer that is data; a page says what it needs itself. Helmet says what they are, once: its middleware would work them out again,
 * in thirteen layers, for each request.
 */
import { http } from '@kiosk/service';
import type { Response } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import { Socket } from 'node:net';

/** A kiosk's other hosts are its owner's to protect, so HSTS does not speak for them. */
const options: HelmetOptions = {
  contentSecurityPolicy: { useDefaults: false, directives: { 'default-src': ['\'none\''], 'frame-ancestors': ['\'none\''] } },
  strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false },
  xFrameOptions: { action: 'deny' },
};

const headers: readonly [name: string, value: string][] = headersOf(options);

function headersOf(chosen: HelmetOptions): [string, string][] {
  const request = new http.IncomingMessage(new Socket());
  const response = new http.ServerResponse(request);
  helmet(chosen)(request, response, (error) => {
    if (error !== undefined) throw new Error('helmet refuses its options', { cause: error });
  });
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]);
}

export function secure(response: Response): void {
  for (const [name, value] of headers) response.setHeader(name, value);
}
