/**
 * YooKassa's API v3 over fetch (https://yookassa.ru/developers/api). Six calls, each with Basic authorization and a limit above the API's own thirty
 * seconds. A 500, a timeout, a reset or an unreadable answer is *unknown*; 4xx but 429 is a definite no; 401 and 403 are our settings' fault.
 * No redirect is followed: it would carry the credentials elsewhere.
 */
import { SpanKind, type Tracer } from '@opentelemetry/api';
import { inSpan } from '@kiosk/service';
import { z } from 'zod';
import { refundReceipt, type ReceiptSettings, receiptFor } from './receipt.ts';
import { PspError, type Page, type Psp, type PspPayment, type PspRefund, type RefundQuery } from './psp.ts';

export type YooKassaOptions = {
  /** `https://api.yookassa.ru/v3`, without a slash at its end. */
  apiUrl: string;
  shopId: string;
  secretKey: string;
  /** Whether objects that carry `test: true` may confirm payments. */
  testAllowed: boolean;
  confirmation: 'qr' | 'redirect';
  /** Where the customer's phone goes after a redirect payment. */
  returnUrl: string;
  /** `sbp`, `bank_card`, …; absent: the customer chooses on YooKassa's page. */
  paymentMethod?: string;
  receipts?: ReceiptSettings;
  tracer: Tracer;
  /** Of one call, its answer's body included: above the API's own 30 s, and below the claim that covers the call (settlement.ts). */
  timeoutMs: number;
  /** Breaks off the calls under way; their outcome is unknown. */
  stopping?: AbortSignal;
};

/** YooKassa's ids look like UUIDs but are none: 36 hexadecimal digits and hyphens. */
const objectId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const answerLimitBytes = 4 * 1024 * 1024;
const pageSize = 100;

const amountSchema = z.object({ value: z.string().regex(/^\d{1,12}\.\d{2}$/), currency: z.string() });
const registration = z.enum(['pending', 'succeeded', 'canceled']).optional();
const cancellation = z.object({ reason: z.string().regex(/^\w{1,64}$/) }).optional();
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const paymentSchema = z.object({
  id: z.string().regex(objectId),
  status: z.enum(['pending', 'waiting_for_capture', 'succeeded', 'canceled']),
  paid: z.boolean(),
  test: z.boolean(),
  amount: amountSchema,
  recipient: z.object({ account_id: z.string() }).optional(),
  created_at: time,
  metadata: z.record(z.string(), z.unknown()).optional(),
  cancellation_details: cancellation,
  receipt_registration: registration,
  confirmation: z.object({ confirmation_data: z.string().max(2048).optional(), confirmation_url: z.url().max(2048).optional() }).optional(),
});

const refundSchema = z.object({
  id: z.string().regex(objectId),
  payment_id: z.string().regex(objectId),
  status: z.enum(['pending', 'succeeded', 'canceled']),
  amount: amountSchema,
  created_at: time,
  cancellation_details: cancellation,
  receipt_registration: registration,
});

const listOf = <S extends z.ZodType>(item: S) => z.object({ items: z.array(item), next_cursor: z.string().max(512).optional() });
const errorSchema = z.object({ code: z.string().regex(/^\w{1,64}$/) });

export function createYooKassa(options: YooKassaOptions): Psp {
  const { apiUrl, shopId, secretKey, testAllowed, confirmation, returnUrl, paymentMethod, receipts, tracer, timeoutMs, stopping } = options;
  const authorization = `Basic ${Buffer.from(`${shopId}:${secretKey}`).toString('base64')}`;

  async function call<T>(name: string, schema: z.ZodType<T>, path: string, post?: { key: string; body: string }): Promise<T> {
    return inSpan(tracer, `yookassa ${name}`, { kind: SpanKind.CLIENT, attributes: { 'http.request.method': post ? 'POST' : 'GET', 'server.address': new URL(apiUrl).host } }, async (span) => {
      const { status, text } = await exchange(`${apiUrl}${path}`, post);
      span.setAttribute('http.response.status_code', status);
      if (status !== 200) throw refusal(status, text);
      const parsed = schema.safeParse(parseJson(text));
      if (!parsed.success) throw new PspError('unknown', 'unreadable_answer');
      return parsed.data;
    });
  }

  async function exchange(url: string, post?: { key: string; body: string }): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(url, {
        method: post ? 'POST' : 'GET',
        headers: { authorization, accept: 'application/json', ...(post ? { 'content-type': 'application/json', 'idempotence-key': post.key } : {}) },
        body: post?.body,
        redirect: 'manual',
        signal: stopping ? AbortSignal.any([AbortSignal.timeout(timeoutMs), stopping]) : AbortSignal.timeout(timeoutMs),
      });
      return { status: response.status, text: await readText(response) };
    } catch (error) {
      if (error instanceof PspError) throw error;
      throw new PspError('unknown', stopping?.aborted ? 'stopped' : error instanceof DOMException && error.name === 'TimeoutError' ? 'timeout' : 'network', { cause: error });
    }
  }

  function pathOf(collection: string, id: string): string {
    if (!objectId.test(id)) throw new PspError('not_found', 'malformed_id');
    return `/${collection}/${id}`;
  }

  function listPath(collection: string, { createdFrom, createdTo, cursor, pspPaymentId }: RefundQuery): string {
    const query = new URLSearchParams({ 'created_at.gte': new Date(createdFrom).toISOString(), 'created_at.lt': new Date(createdTo).toISOString(), limit: String(pageSize) });
    if (pspPaymentId !== undefined) query.set('payment_id', pspPaymentId);
    if (cursor !== undefined) query.set('cursor', cursor);
    return `/${collection}?${query.toString()}`;
  }

  return {
    name: 'yookassa',
    expected: { shopId, testAllowed },
    isObjectId: (id) => objectId.test(id),

    freezePayment: (terms) => JSON.stringify({
      amount: toAmount(terms),
      // One stage: SBP has no other, and nobody stands at the counter to capture.
      capture: true,
      confirmation: confirmation === 'qr' ? { type: 'qr' } : { type: 'redirect', return_url: returnUrl },
      ...(paymentMethod === undefined ? {} : { payment_method_data: { type: paymentMethod } }),
      // An empty one is as good as none.
      description: terms.description || `Заказ ${terms.id}`,
      metadata: {
        ...Object.fromEntries(Object.entries(terms.metadata).map(([name, value]) => [name, String(value)])),
        // Last, so that a kiosk's own metadata never stands in for ours.
        intent_id: terms.id, session_id: terms.sessionId, ...(terms.kioskId === undefined ? {} : { kiosk_id: terms.kioskId }),
      },
      ...(receipts && terms.receipt ? { receipt: receiptFor({ settings: receipts, ...terms.receipt, amount: toAmount(terms) }) } : {}),
    }),

    freezeRefund: (terms) => JSON.stringify({
      payment_id: terms.pspPaymentId,
      amount: toAmount(terms),
      ...(receipts ? { receipt: refundReceipt({ settings: receipts, paymentRequest: terms.paymentRequest, amount: toAmount(terms) }) } : {}),
    }),

    createPayment: async (request) => toPayment(await call('create payment', paymentSchema, '/payments', request)),

    async getPayment(id) {
      const payment = await call('get payment', paymentSchema, pathOf('payments', id));
      // Another object than the one that was asked for says nothing about it.
      if (payment.id !== id) throw new PspError('unknown', 'other_object');
      return toPayment(payment);
    },

    async listPayments(query): Promise<Page<PspPayment>> {
      const { items, next_cursor } = await call('list payments', listOf(paymentSchema), listPath('payments', query));
      return { items: items.map(toPayment), nextCursor: next_cursor };
    },

    createRefund: async (request) => toRefund(await call('create refund', refundSchema, '/refunds', request)),

    async getRefund(id) {
      const refund = await call('get refund', refundSchema, pathOf('refunds', id));
      if (refund.id !== id) throw new PspError('unknown', 'other_object');
      return toRefund(refund);
    },

    async listRefunds(query): Promise<Page<PspRefund>> {
      const { items, next_cursor } = await call('list refunds', listOf(refundSchema), listPath('refunds', query));
      return { items: items.map(toRefund), nextCursor: next_cursor };
    },
  };
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > answerLimitBytes) throw new PspError('unknown', 'answer_too_large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The API's error page: "Обработка ошибок" / response handling. */
function refusal(status: number, text: string): PspError {
  const parsed = errorSchema.safeParse(parseJson(text));
  const code = parsed.success ? parsed.data.code : `http_${status}`;
  if (status === 401 || status === 403) return new PspError('misconfigured', code);
  if (status === 429) return new PspError('throttled', code);
  // A 4xx that is not the API's own words (a proxy's page, say) is not a definite no.
  if (status >= 400 && status < 500 && parsed.success) return new PspError(status === 404 ? 'not_found' : 'refused', code);
  return new PspError('unknown', code);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toAmount({ amountMinor, currency }: { amountMinor: number; currency: string }): { value: string; currency: string } {
  return { value: `${Math.floor(amountMinor / 100)}.${String(amountMinor % 100).padStart(2, '0')}`, currency };
}

function toMinor({ value }: { value: string }): number {
  return Number(value.replace('.', ''));
}

function toPayment(wire: z.output<typeof paymentSchema>): PspPayment {
  const intentId = wire.metadata?.['intent_id'];
  // The screen draws one string: the bank's own for a QR payment, the address of the payment page otherwise.
  const qrCodeData = wire.confirmation?.confirmation_data ?? wire.confirmation?.confirmation_url;
  return {
    id: wire.id,
    status: wire.status,
    paid: wire.paid,
    test: wire.test,
    amountMinor: toMinor(wire.amount),
    currency: wire.amount.currency,
    shopId: wire.recipient?.account_id,
    intentId: typeof intentId === 'string' ? intentId : undefined,
    createdAt: wire.created_at,
    cancellationReason: wire.cancellation_details?.reason,
    receiptRegistration: wire.receipt_registration,
    qrCodeData,
    confirmationUrl: wire.confirmation?.confirmation_url,
  };
}

function toRefund(wire: z.output<typeof refundSchema>): PspRefund {
  return {
    id: wire.id,
    pspPaymentId: wire.payment_id,
    status: wire.status,
    amountMinor: toMinor(wire.amount),
    currency: wire.amount.currency,
    createdAt: wire.created_at,
    cancellationReason: wire.cancellation_details?.reason,
    receiptRegistration: wire.receipt_registration,
  };
}
