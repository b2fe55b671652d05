/** SMSC.ru's HTTP API (https://smsc.ru/api/http/): send.php, status.php, balance.php. Its answers are always HTTP 200. */
import { createHash } from 'node:crypto';
import type { Request, Response, Router } from 'express';
import express from 'express';
import type { Answer } from './answering.ts';
import { answer, send } from './answering.ts';
import type { Fault, Faults } from './faults.ts';
import type { Fields } from './form.ts';
import { fieldsOf } from './form.ts';
import type { Kept } from './kept.ts';
import { partsOf } from './parts.ts';

/** -2 stopped, -1 waiting, 0 passed to the operator, 1 delivered, 2 read, 3 expired; the rest are failures. -3 is for what is not found. */
export const SMSC_STATUSES = [-2, -1, 0, 1, 2, 3, 20, 22, 23, 24, 25] as const;

const ERRORS: Readonly<Record<number, string>> = {
  1: 'parameters error', 2: 'authorise error', 3: 'no money', 4: 'IP is blocked', 5: 'date format error', 6: 'message is denied',
  7: 'invalid number', 8: 'message to this number can not be delivered', 9: 'duplicate request, wait a minute',
};
/** These are about a message, which has got its id. */
const ERRORS_WITH_ID = new Set([3, 6, 7, 8]);
const PRICE_PER_PART = 4.2;
const CHARSETS = new Set(['windows-1251', 'utf-8', 'koi8-r']);
const REPEAT_WINDOW_MS = 60_000;

export type SmscOptions = {
  faults: Faults;
  kept: Kept;
  now: () => number;
  /** Each that is given has to be right; none given: any are. */
  login: string | undefined;
  password: string | undefined;
  /** Rubles to begin with. */
  balance: number;
};

export function smscRouter({ faults, kept, now, login, password, ...options }: SmscOptions): Router {
  let balance = options.balance;
  let lastId = kept.texts().length;
  /** When each request to send was last taken: the same one within a minute is error 9. */
  const takenAt = new Map<string, number>();
  const router = express.Router();
  router.use(express.raw({ type: () => true, limit: '1mb' }));

  router.all('/send.php', (request, response) => authorized(request, response, (fields) => {
    const phones = (fields.get('phones') ?? '').split(/[,;]/).map((phone) => phone.trim()).filter((phone) => phone !== '');
    const fault = faults.reach({ on: 'sms_send', provider: 'smsc', recipients: phones });
    answer({ response, fault, perform: () => sent(fields, phones), refusal: (struck) => refusal(struck, fields) });
  }));

  router.all('/status.php', (request, response) => authorized(request, response, (fields) => {
    const phone = fields.get('phone') ?? '';
    const fault = faults.reach({ on: 'sms_status', provider: 'smsc', recipients: [phone] });
    answer({ response, fault, perform: () => statusOf(fields), refusal: (struck) => refusal(struck, fields) });
  }));

  router.all('/balance.php', (request, response) => authorized(request, response, (fields) =>
    send(response, worded(fields, { balance: balance.toFixed(2) }, balance.toFixed(2)))));
  return router;

  function authorized(request: Request, response: Response, act: (fields: Fields) => void): void {
    const fields = fieldsOf(request, (raw) => {
      const charset = raw.get('charset') ?? 'windows-1251';
      return CHARSETS.has(charset) ? charset : 'windows-1251';
    });
    if (isRight(fields)) act(fields);
    else send(response, error(2, fields));
  }

  function isRight(fields: Fields): boolean {
    const key = fields.get('apikey');
    if (key !== undefined) return key !== '' && (password === undefined || key === password);
    const [user = '', psw = ''] = [fields.get('login'), fields.get('psw')];
    if (user === '' || psw === '') return false;
    return (login === undefined || user === login)
      && (password === undefined || psw === password || psw === createHash('md5').update(password).digest('hex'));
  }

  function sent(fields: Fields, phones: readonly string[]): Answer {
    const [body = '', from = '', cost = '0'] = [fields.get('mes'), fields.get('sender'), fields.get('cost')];
    const given = fields.get('id') ?? '';
    if (phones.length === 0 || body === '' || !/^\d{0,10}$/.test(given) || !/^[0-3]$/.test(cost)) return error(1, fields);
    const parts = partsOf(body).count;
    const count = parts * phones.length;
    const price = count * PRICE_PER_PART;
    if (cost === '1') return worded(fields, { cost: price.toFixed(2), cnt: count }, `${price.toFixed(2)} (${count} SMS)`);
    // Only what is to be sent gets an id.
    const id = given === '' ? String(lastId += 1) : given;
    if (!phones.every((phone) => /^\+?\d{10,15}$/.test(phone))) return error(7, fields, id);
    const request = JSON.stringify([phones, body, from]);
    if (now() - (takenAt.get(request) ?? Number.NEGATIVE_INFINITY) < REPEAT_WINDOW_MS) return error(9, fields);
    if (price > balance) return error(3, fields, id);
    takenAt.set(request, now());
    balance -= price;
    for (const to of phones) kept.keepText({ provider: 'smsc', to, from, body, id, parts, at: now(), status: -1, statusAt: now() });
    const money = {
      ...(cost === '2' || cost === '3' ? { cost: price.toFixed(2) } : {}),
      ...(cost === '3' ? { balance: balance.toFixed(2) } : {}),
    };
    return worded(fields, { id: Number(id), cnt: count, ...money }, `OK - ${count} SMS, ID - ${id}`);
  }

  function statusOf(fields: Fields): Answer {
    const [phone = '', id = ''] = [fields.get('phone'), fields.get('id')];
    if (phone === '' || id === '') return error(1, fields);
    const text = kept.texts().findLast((one) => one.provider === 'smsc' && one.id === id && digits(one.to) === digits(phone));
    if (text === undefined) return worded(fields, { status: -3 }, 'Status = -3');
    const when = { last_date: dateOf(text.statusAt), last_timestamp: Math.floor(text.statusAt / 1000) };
    return worded(fields, { status: text.status, ...when }, `Status = ${text.status}, check_time = ${when.last_date}`);
  }

  function refusal({ kind, code, text }: Fault, fields: Fields): Answer {
    if (kind === 'error_500') return { status: 500, text: '<h1>500 Internal Server Error</h1>' };
    if (kind === 'too_many') return error(9, fields, undefined, 'too many concurrent requests');
    return error(kind === 'reply' && code !== undefined ? code : 8, fields, String(lastId + 1), text);
  }
}

function error(code: number, fields: Fields, id?: string, text = ERRORS[code] ?? 'error'): Answer {
  const named = id !== undefined && ERRORS_WITH_ID.has(code);
  const json = { error: text, error_code: code, ...(named ? { id: Number(id) } : {}) };
  return worded(fields, json, `ERROR = ${code} (${text})${named ? `, ID - ${id}` : ''}`);
}

/** JSON with fmt=3 only. The formats 1 and 2 are not pretended: they are answered like 0. */
function worded(fields: Fields, json: object, text: string): Answer {
  return fields.get('fmt') === '3' ? { status: 200, json } : { status: 200, text };
}

function digits(phone: string): string {
  return phone.replace(/\D/g, '');
}

function dateOf(atMs: number): string {
  const [date = '', time = ''] = new Date(atMs).toISOString().slice(0, 19).split('T');
  return `${date.split('-').toReversed().join('.')} ${time}`;
}
