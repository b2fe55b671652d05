/** How an answer leaves: whole, late, broken, or not at all. */
import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Response } from 'express';
import { distort } from './distortion.ts';
import type { Fault } from './faults.ts';
import { FAULT_KINDS } from './faults.ts';
import type { JournalEntry } from './journal.ts';
import { Refusal } from './refusal.ts';

/** `text` is JSON. */
export type Answer = Readonly<{ status: number; text: string; code?: string }>;

const SLOW_BODY_MS = 30_000;
const SLOW_BODY_CHUNKS = 20;

export function refusalAnswer(refusal: Refusal): Answer {
  return { status: refusal.status, code: refusal.code, text: JSON.stringify(refusal.body) };
}

/** Carries the request out, unless the fault strikes before that, and sends what the fault leaves of the answer. */
export async function answer(options: {
  response: Response;
  entry: JournalEntry;
  fault: Fault | undefined;
  perform: () => Answer;
  /** Ends every wait. */
  closing: AbortSignal;
}): Promise<void> {
  const { response, entry, fault, closing } = options;
  const truth = fault === undefined || FAULT_KINDS[fault.kind].deed ? options.perform() : undefined;
  if (fault?.delayMs !== undefined && fault.kind !== 'slow_body') await wait(fault.delayMs, closing);
  if (closing.aborted) return;
  switch (fault?.kind) {
    case 'hang':
    case 'hang_after':
      return;
    case 'reset_before':
    case 'reset_after':
      response.socket?.resetAndDestroy();
      return;
    case 'error_500_before':
    case 'error_500_after':
      return send(response, entry, refusalAnswer(new Refusal({ code: 'internal_server_error', description: 'Internal server error' })));
    case 'too_many':
      return send(response, entry, refusalAnswer(new Refusal({ code: 'too_many_requests', description: 'Too many requests' })));
    case 'unauthorized':
      return send(response, entry, refusalAnswer(wrongCredentials()));
    case 'forbidden':
      return send(response, entry, refusalAnswer(new Refusal({ code: 'forbidden', description: 'The shop may not do this' })));
    case 'html':
      return send(response, entry, { status: 200, text: '<!doctype html><title>Bad Gateway</title><h1>Bad Gateway</h1>' }, 'text/html');
  }
  if (truth === undefined) return;
  switch (fault?.kind) {
    case 'garbage':
      return send(response, entry, { status: 200, text: truth.text.slice(0, Math.ceil(truth.text.length / 2)) });
    case 'slow_body':
      return dribble({ response, entry, answer: truth, forMs: fault.delayMs ?? SLOW_BODY_MS, closing });
    default:
      return send(response, entry, fault && truth.status === 200 ? { ...truth, text: distort(truth.text, fault.kind) } : truth);
  }
}

export function wrongCredentials(): Refusal {
  return new Refusal({ code: 'invalid_credentials', description: 'Error in shopId or secret key. Check their validity.' });
}

function send(response: Response, entry: JournalEntry, { status, text, code }: Answer, type = 'application/json'): void {
  entry.answer = { status, code, bodySha256: sha256(text) };
  response.status(status).type(type).send(text);
}

async function dribble({ response, entry, answer, forMs, closing }: {
  response: Response; entry: JournalEntry; answer: Answer; forMs: number; closing: AbortSignal;
}): Promise<void> {
  const bytes = Buffer.from(answer.text);
  entry.answer = { status: answer.status, code: answer.code, bodySha256: sha256(bytes) };
  response.status(answer.status).type('application/json').set('content-length', String(bytes.length));
  const chunkSize = Math.ceil(bytes.length / SLOW_BODY_CHUNKS);
  for (let from = 0; from < bytes.length && !response.destroyed; from += chunkSize) {
    response.write(bytes.subarray(from, from + chunkSize));
    await wait(forMs / SLOW_BODY_CHUNKS, closing);
    if (closing.aborted) return;
  }
  response.end();
}

export function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function wait(ms: number, closing: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal: closing }).catch(() => undefined); // closing ends the wait; the caller looks at the signal
}
