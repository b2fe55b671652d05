/** How an HTTP answer leaves: as it is, as the service's refusal, broken, or not at all. */
import type { Response } from 'express';
import type { Fault } from './faults.ts';

export type Answer = Readonly<{ status: number; headers?: Readonly<Record<string, string>>; json?: unknown; text?: string }>;

export function answer({ response, fault, perform, refusal }: {
  response: Response;
  fault: Fault | undefined;
  /** Does what is asked. */
  perform: () => Answer;
  /** How this service words refuse, reply, too_many and error_500. */
  refusal: (fault: Fault) => Answer;
}): void {
  switch (fault?.kind) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'garbage':
      return send(response, { status: 200, text: '<!doctype html><title>Bad Gateway</title><h1>Bad Gateway</h1>' });
    case 'accept_then_hang':
      perform();
      return;
    case 'accept_then_drop':
      perform();
      response.socket?.destroy();
      return;
    default:
      return send(response, fault === undefined ? perform() : refusal(fault));
  }
}

export function send(response: Response, { status, headers = {}, json, text }: Answer): void {
  response.status(status).set(headers);
  if (json !== undefined) response.json(json);
  else if (text !== undefined) response.type(text.startsWith('<') ? 'html' : 'text').send(text);
  else response.end();
}
