/**
 * Text messages by SMSC.ru's HTTP API (https://smsc.ru/api/http/), whose answers are HTTP 200 whatever they say. A message's number is ours and the
 * same in every attempt, so that SMSC can be asked whether it has a message that nobody was told of.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { exchange, parseJson, statusError } from './provider-http.ts';
import { SendError, type SendErrorKind, type SendErrorReason } from './send-error.ts';
import type { Asked, Sms } from './sms.ts';

export type SmscOptions = {
  /** Each is tried while the one before cannot be reached: `https://smsc.ru`, without a slash at its end. */
  apiUrls: readonly string[];
  login: string;
  password: string;
  /** A name registered with SMSC; absent: its own. */
  from?: string;
  /** Of one call. */
  timeoutMs: number;
};

export type Smsc = Sms & Asked & {
  /** In rubles. Fails with a SendError. */
  balance(): Promise<number>;
};

export const smscUrls = ['https://smsc.ru', 'https://www2.smsc.ru'] as const;

/** A text is always the same words and a link, only the number varies: what is not about the number would refuse every other text too. */
const refusals: Readonly<Record<number, readonly [SendErrorKind, SendErrorReason]>> = {
  1: ['temporary', 'sender_refused'], // a parameter
  2: ['temporary', 'credentials_refused'],
  3: ['temporary', 'account_unfunded'],
  4: ['temporary', 'credentials_refused'], // our address is blocked
  5: ['temporary', 'sender_refused'], // a date
  6: ['temporary', 'sender_refused'], // a forbidden sender or text
  7: ['permanent', 'recipient_refused'],
  8: ['permanent', 'recipient_refused'],
  9: ['temporary', 'rate_limited'],
};
const repeatedRequest = 9;

const number = z.union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/).transform(Number)]);
const answerSchema = z.union([
  z.object({ error_code: number }),
  z.object({ error_code: z.undefined().optional(), id: number, cnt: number }),
  z.object({ error_code: z.undefined().optional(), status: number }),
  z.object({ error_code: z.undefined().optional(), balance: number }),
]);

/** Expired, undeliverable, wrong number, forbidden, no money, unavailable, stopped. */
const undelivered = new Set([-2, 3, 20, 22, 23, 24, 25]);
const notFound = -3;

export function createSmscSms({ apiUrls, login, password, from, timeoutMs }: SmscOptions): Smsc {
  const form = { login, psw: password, fmt: '3', charset: 'utf-8' };

  async function call(path: string, fields: Record<string, string>, signal?: AbortSignal): Promise<z.output<typeof answerSchema>> {
    const body = new URLSearchParams({ ...form, ...fields }).toString();
    const { status, text } = await overHosts((apiUrl) => exchange({
      url: `${apiUrl}/sys/${path}`, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body, timeoutMs, signal,
    }));
    const answer = answerSchema.safeParse(parseJson(text));
    if (status !== 200 || !answer.success) throw statusError(status);
    return answer.data;
  }

  async function overHosts<T>(ask: (apiUrl: string) => Promise<T>): Promise<T> {
    const [first, ...spare] = apiUrls;
    let attempt = ask(first!);
    for (const apiUrl of spare) {
      attempt = attempt.catch((error: unknown) => {
        if (error instanceof SendError && error.reason === 'provider_unavailable') return ask(apiUrl);
        throw error;
      });
    }
    return attempt;
  }

  async function statusOf({ to, id }: { to: string; id: string }, signal?: AbortSignal): Promise<number> {
    const answer = await call('status.php', { phone: to, id }, signal);
    if ('status' in answer) return answer.status;
    throw refusal(answer);
  }

  /** Whether SMSC has the message. Nothing is sent by asking, so no failure to ask is ambiguous. */
  async function isKnown(message: { to: string; id: string }, signal: AbortSignal): Promise<boolean> {
    try {
      return await statusOf(message, signal) !== notFound;
    } catch (error) {
      throw error instanceof SendError && error.kind === 'ambiguous' ? new SendError({ kind: 'temporary', reason: 'provider_unavailable', cause: error }) : error;
    }
  }

  return {
    async send({ deliveryId, to, text }, { signal, mayHaveArrived = false }) {
      const id = numberOf(deliveryId);
      if (mayHaveArrived && await isKnown({ to, id }, signal)) return { providerId: id };
      const answer = await call('send.php', { phones: to, mes: text, id, ...(from === undefined ? {} : { sender: from }) }, signal);
      if ('cnt' in answer) return { providerId: id };
      // It may be refused as a repetition because it did arrive.
      if ('error_code' in answer && answer.error_code === repeatedRequest && await isKnown({ to, id }, signal)) return { providerId: id };
      throw refusal(answer);
    },

    async report({ to, providerId }, { signal } = {}) {
      const status = await statusOf({ to, id: providerId }, signal);
      if (status === 1 || status === 2) return { providerId, outcome: 'delivered' };
      return undelivered.has(status) ? { providerId, outcome: 'undelivered' } : undefined;
    },

    async balance() {
      const answer = await call('balance.php', {});
      if ('balance' in answer) return answer.balance;
      throw refusal(answer);
    },
  };
}

function refusal(answer: object): SendError {
  const code = 'error_code' in answer ? Number(answer.error_code) : undefined;
  const [kind, reason] = (code === undefined ? undefined : refusals[code]) ?? ['ambiguous', 'answer_unreadable'] as const;
  return new SendError({ kind, reason, cause: Object.assign(new Error('SMSC'), { code }) });
}

/** SMSC takes numbers from 1 to 2 147 483 647; that two deliveries to one phone share one is as likely as one in two thousand million. */
export function numberOf(deliveryId: string): string {
  return String(1 + (createHash('sha256').update(deliveryId).digest().readUInt32BE(0) % 2_147_483_647));
}
