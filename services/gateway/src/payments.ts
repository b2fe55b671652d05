import { IntentStatus, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { Fault } from '@kiosk/fault';
import type { Call, Rpc } from '@kiosk/rpc';
import type { Request } from 'express';
import { toBuffer, toString } from 'qrcode';
import { notModified } from './etag.ts';
import { parse } from './parse.ts';
import { intentJson, intentStatusJson, intentStatuses, refundJson } from './payment-json.ts';
import { idempotencyKeyOf } from './request.ts';
import { idOf, type Route } from './routes.ts';
import { createIntent, listIntents, nothing, refundIntent } from './schemas.ts';
import { present } from './wire.ts';

/** A kiosk's screen may be served from elsewhere and still has to show the picture. */
const pictureHeaders = { 'cache-control': 'private, max-age=3600, immutable', 'cross-origin-resource-policy': 'cross-origin' };
const pngWidthPixels = 512;
/** The PSP usually answers within this. */
const qrRetryAfterMs = 1000;

export function paymentRoutes(payments: Rpc<PaymentsServer>): Route[] {
  return [
    {
      method: 'post',
      path: '/api/payments/intent',
      async handle(request, response, call) {
        const idempotencyKey = idempotencyKeyOf(request);
        const { amount, currency, sessionId, description, metadata = {} } = parse(createIntent, request.body);
        const { intent, created } = await payments.createIntent({
          idempotencyKey, sessionId, amountMinor: amount, currency, description, metadataJson: JSON.stringify(metadata),
        }, call);
        response.status(created ? 201 : 200).json(intentJson(present(intent)));
      },
    },
    {
      method: 'get',
      path: '/api/payments/status/:id',
      async handle(request, response, call) {
        const status = await payments.getIntentStatus({ intentId: intentIdOf(request) }, call);
        const json = intentStatusJson(status);
        response.set('cache-control', 'private, no-cache');
        if (notModified(request, response, `${json.intentId}.${json.status}.${present(status.updatedAt).getTime()}`)) return;
        response.json(json);
      },
    },
    {
      method: 'get',
      path: '/api/payments/intent/:id',
      async handle(request, response, call) {
        const { intent } = await payments.getIntent({ intentId: intentIdOf(request) }, call);
        response.json(intentJson(present(intent)));
      },
    },
    {
      method: 'get',
      path: '/api/payments',
      async handle(request, response, call) {
        const { status, limit = 0, cursor = '', ...rest } = parse(listIntents, request.query);
        const page = await payments.listIntents({
          ...rest, status: status ? intentStatuses[status] : IntentStatus.INTENT_STATUS_UNSPECIFIED, limit, cursor,
        }, call);
        response.json({ payments: page.intents.map(intentJson), count: page.intents.length, nextCursor: page.nextCursor || undefined });
      },
    },
    {
      method: 'get',
      path: '/api/payments/qr/:id.svg',
      async handle(request, response, call) {
        const picture = await toString(await qrCodeDataOf(request, call), { type: 'svg' });
        response.set(pictureHeaders).type('image/svg+xml').send(picture);
      },
    },
    {
      method: 'get',
      path: '/api/payments/qr/:id.png',
      async handle(request, response, call) {
        const picture = await toBuffer(await qrCodeDataOf(request, call), { width: pngWidthPixels });
        response.set(pictureHeaders).type('image/png').send(picture);
      },
    },
    {
      method: 'post',
      path: '/api/payments/cancel/:id',
      async handle(request, response, call) {
        const intentId = intentIdOf(request);
        parse(nothing, request.body);
        const { intent } = await payments.cancelIntent({ intentId }, call);
        response.json(intentJson(present(intent)));
      },
    },
    {
      method: 'post',
      path: '/api/payments/confirm/:id',
      async handle(request, response, call) {
        const intentId = intentIdOf(request);
        parse(nothing, request.body);
        const { intent } = await payments.confirmIntent({ intentId }, call);
        response.json(intentJson(present(intent)));
      },
    },
    {
      method: 'post',
      path: '/api/payments/refund/:id',
      async handle(request, response, call) {
        const idempotencyKey = idempotencyKeyOf(request);
        const intentId = intentIdOf(request);
        const { amount, reason } = parse(refundIntent, request.body);
        const { refund } = await payments.refundIntent({ idempotencyKey, intentId, amountMinor: amount, reason }, call);
        response.status(201).json(refundJson(present(refund)));
      },
    },
  ];

  async function qrCodeDataOf(request: Request, call: Call): Promise<string> {
    const { intent } = await payments.getIntent({ intentId: intentIdOf(request) }, call);
    const { qrCodeData } = present(intent);
    if (qrCodeData !== '') return qrCodeData;
    throw new Fault({ kind: 'not_found', reason: 'qr_not_ready', message: 'The payment has no QR code yet.', retryAfterMs: qrRetryAfterMs });
  }
}

function intentIdOf(request: Request): string {
  return idOf(request, { prefix: 'pay', reason: 'intent_not_found', message: 'There is no such payment intent.' });
}
