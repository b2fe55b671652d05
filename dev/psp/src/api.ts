/** The HTTP that the shop's server speaks: /v3/payments, /v3/refunds and /v3/me (https://yookassa.ru/developers/api). */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, Router } from 'express';
import express from 'express';
import type { Answer } from './answering.ts';
import { answer, refusalAnswer, sha256, wrongCredentials } from './answering.ts';
import type { Call } from './faults.ts';
import type { Deed, JournalEntry } from './journal.ts';
import { invalid, Refusal } from './refusal.ts';
import { parseCaptureRequest, parsePaymentRequest, parseRefundRequest } from './requests.ts';
import type { Shop } from './shop.ts';

const BODY_LIMIT_BYTES = 1_000_000;
const KEY_LIMIT_CHARACTERS = 64;

type Outcome = Readonly<{ object: object; deed?: Deed }>;
type Asked = Readonly<{ id: string; query: URLSearchParams; body: unknown }>;
type Act = (asked: Asked) => Outcome;

export function apiRouter({ shop, credentials, closing }: {
  shop: Shop;
  credentials: { shopId: string; secretKey: string };
  closing: AbortSignal;
}): Router {
  const { payments, refunds, keys, faults, journal, storage } = shop;
  const router = express.Router();
  router.use(express.raw({ type: () => true, limit: BODY_LIMIT_BYTES }));

  serve('post', '/payments', 'create', ({ body }) => done('created', 'payment', payments.create(parsePaymentRequest(body))));
  serve('get', '/payments', 'list', ({ query }) => ({ object: payments.list(query) }));
  serve('get', '/payments/:id', 'get', ({ id }) => done('read', 'payment', payments.get(id)));
  serve('post', '/payments/:id/capture', 'capture', ({ id, body }) =>
    done('captured', 'payment', payments.capture(id, parseCaptureRequest(body))));
  serve('post', '/payments/:id/cancel', 'cancel', ({ id }) => done('canceled', 'payment', payments.cancel(id)));
  serve('post', '/refunds', 'refund', ({ body }) => done('created', 'refund', refunds.create(parseRefundRequest(body))));
  serve('get', '/refunds', 'listRefunds', ({ query }) => ({ object: refunds.list(query) }));
  serve('get', '/refunds/:id', 'getRefund', ({ id }) => done('read', 'refund', refunds.get(id)));
  serve('get', '/me', 'me', () => ({
    object: { account_id: credentials.shopId, status: 'enabled', test: shop.settings.test, fiscalization_enabled: shop.settings.fiscalisation, payment_methods: ['bank_card', 'sbp'] },
  }));
  router.use((request, response) => {
    const perform = () => refusalAnswer(new Refusal({ code: 'not_found', description: 'No such address' }));
    void answer({ response, entry: open(request, 'unknown'), fault: undefined, perform, closing });
  });
  return router;

  function serve(method: 'get' | 'post', path: string, call: Call, act: Act): void {
    router[method](path, async (request, response) => {
      const entry = open(request, call);
      const authorized = isAuthorized(request);
      const fault = authorized ? faults.take({ call, paymentId: paymentOf(request, call) }) : undefined;
      entry.fault = fault?.kind;
      const perform = () => (authorized ? performed(request, entry, act) : refusalAnswer(wrongCredentials()));
      await answer({ response, entry, fault, perform, closing });
    });
  }

  function open(request: Request, call: Call | 'unknown'): JournalEntry {
    return journal.open({
      atMs: shop.clock.now(),
      method: request.method,
      path: request.originalUrl,
      call,
      idempotenceKey: request.get('idempotence-key'),
      bodySha256: sha256(bytesOf(request)),
    });
  }

  function performed(request: Request, entry: JournalEntry, act: Act): Answer {
    try {
      return request.method === 'POST' ? performedOnce(request, entry, act) : carriedOut(request, entry, act);
    } catch (error) {
      if (error instanceof Refusal) return refusalAnswer(error);
      throw error;
    } finally {
      journal.keep(entry);
      storage.flush();
    }
  }

  /** The same key and the same bytes: the first answer again, as it was. */
  function performedOnce(request: Request, entry: JournalEntry, act: Act): Answer {
    const key = request.get('idempotence-key') ?? '';
    if (key === '') throw invalid('Idempotence key is missing', 'Idempotence-Key');
    if (key.length > KEY_LIMIT_CHARACTERS) throw invalid(`Idempotence key is longer than ${KEY_LIMIT_CHARACTERS}`, 'Idempotence-Key');
    const fingerprint = sha256(Buffer.concat([Buffer.from(`${request.path}\n`), bytesOf(request)]));
    const remembered = keys.find(key);
    if (remembered !== undefined) {
      if (remembered.fingerprint !== fingerprint) throw invalid('Idempotence key duplicated', 'Idempotence-Key');
      entry.deed = { did: 'repeated', object: refunds.has(remembered.objectId) ? 'refund' : 'payment', id: remembered.objectId };
      return { status: 200, text: remembered.text };
    }
    const first = carriedOut(request, entry, act);
    keys.remember({ key, fingerprint, objectId: entry.deed?.id ?? '', text: first.text });
    return first;
  }

  function carriedOut(request: Request, entry: JournalEntry, act: Act): Answer {
    const { searchParams } = new URL(request.originalUrl, 'http://psp');
    const { id } = request.params;
    const outcome = act({ id: typeof id === 'string' ? id : '', query: searchParams, body: jsonOf(request) });
    entry.deed = outcome.deed;
    return { status: 200, text: JSON.stringify(outcome.object) };
  }

  function isAuthorized(request: Request): boolean {
    const expected = `Basic ${Buffer.from(`${credentials.shopId}:${credentials.secretKey}`).toString('base64')}`;
    return timingSafeEqual(digest(expected), digest(request.get('authorization') ?? ''));
  }

  /** The payment that a call is about, so that a fault can be aimed at it. */
  function paymentOf(request: Request, call: Call): string | undefined {
    const { id } = request.params;
    const { searchParams } = new URL(request.originalUrl, 'http://psp');
    switch (call) {
      case 'get':
      case 'capture':
      case 'cancel': return typeof id === 'string' ? id : undefined;
      case 'getRefund': return typeof id === 'string' && refunds.has(id) ? refunds.get(id).payment_id : undefined;
      case 'listRefunds': return searchParams.get('payment_id') ?? undefined;
      case 'refund': return /"payment_id"\s*:\s*"([^"]*)"/.exec(bytesOf(request).toString())?.[1];
      default: return undefined;
    }
  }
}

function done(did: Deed['did'], object: Deed['object'], made: { id: string }): Outcome {
  return { object: made, deed: { did, object, id: made.id } };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** express.raw leaves the body undefined when there is none. */
function bytesOf(request: Request): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}

function jsonOf(request: Request): unknown {
  const bytes = bytesOf(request);
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw invalid('The body is not JSON');
  }
}
