import { IntentStatus, type GetIntentStatusResponse, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { Fault } from '@kiosk/fault';
import type { Call, Rpc } from '@kiosk/rpc';
import type { Request, Response } from 'express';
import { toBuffer, toString } from 'qrcode';
import { intentAnswer, intentListAnswer, intentStatusAnswer, refundAnswer } from './answers.ts';
import { has, notModified } from './etag.ts';
import type { Held, HeldPlace } from './held.ts';
import { intentJson, intentStatusJson, intentStatuses, refundJson } from './payment-json.ts';
import { stopClock } from './request.ts';
import { route, type Ref, type Route } from './route.ts';
import { createIntent, intentStatusQuery, listIntents, nothing, refundIntent } from './schemas.ts';
import { present, wordOf } from './wire.ts';

const intentRef: Ref = { prefix: 'pay', reason: 'intent_not_found', message: 'There is no such payment intent.' };

/** A kiosk's screen may be served from elsewhere and still has to show the picture. */
const pictureHeaders = { 'cache-control': 'private, max-age=3600, immutable', 'cross-origin-resource-policy': 'cross-origin' };
const pngWidthPixels = 512;
/** Grey, and no row guessed from the one before: a third of the time, in which nobody else is served. A QR code is as small either way. */
const pngOptions = { width: pngWidthPixels, rendererOpts: { colorType: 0, filterType: 0, deflateStrategy: 0 } } as const;
/** The PSP usually answers within this. */
const qrRetryAfterMs = 1000;

export function paymentRoutes(payments: Rpc<PaymentsServer>, held: Held): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/payments/intent',
      name: 'createIntent',
      summary: 'Asks for a payment. A session has one pending intent at most: the same amount again answers it, another amount replaces it.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      untimed: true,
      rate: 'intents',
      body: createIntent,
      idempotent: true,
      answers: {
        201: { description: 'The new intent, with what to draw as a QR code', schema: intentAnswer },
        200: { description: 'The pending intent of the session, which was there already', schema: intentAnswer },
      },
      faults: { 400: ['invalid_amount', 'amount_not_listed'], 404: ['session_not_found'], 409: ['session_final', 'already_paid'], 503: ['sessions_unavailable', 'psp_unavailable'] },
      async handle({ body, idempotencyKey, response, call }) {
        const { amount, currency, sessionId, description, metadata = {} } = body;
        const { intent, created } = await payments.createIntent({
          idempotencyKey, sessionId, amountMinor: amount, currency, description, metadataJson: JSON.stringify(metadata),
        }, call);
        response.status(created ? 201 : 200).json(intentJson(present(intent)));
      },
    }),
    route({
      method: 'get',
      path: '/api/payments/status/:id',
      name: 'getIntentStatus',
      summary: 'Tells where a payment stands. For screens that ask every second or two: send the ETag back as If-None-Match and get 304 while nothing changed. With `wait` the answer comes when something has.',
      roles: ['kiosk', 'operator'],
      urgency: 'vital',
      ref: intentRef,
      query: intentStatusQuery,
      answers: { 200: { description: 'Where it stands', schema: intentStatusAnswer }, 304: { description: 'As If-None-Match says' } },
      async handle({ id: intentId, query: { wait: waitSeconds = 0 }, request, response, call }) {
        const status = await payments.getIntentStatus({ intentId }, call);
        const isNews = request.get('if-none-match') !== undefined && !has(request, versionOf(status));
        // Where too many wait already, the next one is answered as it would be without waiting: a payment's status is never refused for that.
        if (waitSeconds === 0 || status.final || isNews || held.isFull(call)) return sendStatus(status, request, response);
        const place = held.enter('wait', call);
        stopClock(response);
        return async () => sendStatus(await nextStatus(status, { place, waitMs: waitSeconds * 1000, call }), request, response);
      },
    }),
    route({
      method: 'get',
      path: '/api/payments/intent/:id',
      name: 'getIntent',
      summary: 'Reads an intent with its refunds.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      ref: intentRef,
      answers: { 200: { description: 'The intent', schema: intentAnswer } },
      async handle({ id: intentId, response, call }) {
        const { intent } = await payments.getIntent({ intentId }, call);
        response.json(intentJson(present(intent)));
      },
    }),
    route({
      method: 'get',
      path: '/api/payments',
      name: 'listIntents',
      summary: 'Lists intents, newest first. A kiosk sees its own.',
      roles: ['kiosk', 'operator'],
      urgency: 'list',
      query: listIntents,
      answers: { 200: { description: 'A page of intents', schema: intentListAnswer } },
      faults: { 400: ['invalid_cursor'] },
      async handle({ query, response, call }) {
        const { status, limit = 0, cursor = '', ...rest } = query;
        const page = await payments.listIntents({
          ...rest, status: status ? intentStatuses[status] : IntentStatus.INTENT_STATUS_UNSPECIFIED, limit, cursor,
        }, call);
        response.json({ payments: page.intents.map(intentJson), count: page.intents.length, nextCursor: page.nextCursor || undefined });
      },
    }),
    route({
      method: 'get',
      path: '/api/payments/qr/:id.svg',
      name: 'getQrSvg',
      summary: 'The QR code of an intent as SVG. It needs no key, because a picture in a page cannot send one: who knows the id may see it.',
      roles: ['public'],
      urgency: 'visit',
      rate: 'pictures',
      ref: intentRef,
      answers: { 200: { description: 'The picture', type: 'image/svg+xml' } },
      faults: { 404: ['qr_not_ready'] },
      async handle({ id, response, call }) {
        const picture = await toString(await qrCodeDataOf(id, call), { type: 'svg' });
        response.set(pictureHeaders).type('image/svg+xml').send(picture);
      },
    }),
    route({
      method: 'get',
      path: '/api/payments/qr/:id.png',
      name: 'getQrPng',
      summary: `The QR code of an intent as PNG, ${pngWidthPixels} pixels wide. It needs no key either.`,
      roles: ['public'],
      // Many times what the SVG costs.
      urgency: 'list',
      rate: 'pictures',
      untimed: true,
      ref: intentRef,
      answers: { 200: { description: 'The picture', type: 'image/png' } },
      faults: { 404: ['qr_not_ready'] },
      async handle({ id, response, call }) {
        const picture = await toBuffer(await qrCodeDataOf(id, call), pngOptions);
        response.set(pictureHeaders).type('image/png').send(picture);
      },
    }),
    route({
      method: 'post',
      path: '/api/payments/cancel/:id',
      name: 'cancelIntent',
      summary: 'Ends a pending intent for the customer, who went away or thought again. Money that comes all the same is counted or returned.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      untimed: true,
      ref: intentRef,
      body: nothing,
      repeatable: true,
      answers: { 200: { description: 'The intent, failed as `canceled_by_customer`; the same answer when asked again', schema: intentAnswer } },
      faults: { 409: ['intent_final'] },
      async handle({ id: intentId, response, call }) {
        const { intent } = await payments.cancelIntent({ intentId }, call);
        response.json(intentJson(present(intent)));
      },
    }),
    route({
      method: 'post',
      path: '/api/payments/confirm/:id',
      name: 'confirmIntent',
      summary: 'Pays by hand at the development PSP. With a real one it is refused.',
      roles: ['kiosk', 'operator'],
      urgency: 'visit',
      untimed: true,
      ref: intentRef,
      body: nothing,
      repeatable: true,
      answers: { 200: { description: 'The confirmed intent', schema: intentAnswer } },
      faults: { 403: ['dev_only'], 409: ['intent_final'] },
      async handle({ id: intentId, response, call }) {
        const { intent } = await payments.confirmIntent({ intentId }, call);
        response.json(intentJson(present(intent)));
      },
    }),
    route({
      method: 'post',
      path: '/api/payments/refund/:id',
      name: 'refundIntent',
      summary: 'Gives money back, all that is left or a part of it.',
      roles: ['operator'],
      urgency: 'visit',
      untimed: true,
      ref: intentRef,
      body: refundIntent,
      idempotent: true,
      answers: { 201: { description: 'The refund; the PSP may still be at it', schema: refundAnswer } },
      faults: { 409: ['intent_not_confirmed', 'refund_exceeds_payment'] },
      async handle({ id: intentId, idempotencyKey, body: { amount, reason }, response, call }) {
        const { refund } = await payments.refundIntent({ idempotencyKey, intentId, amountMinor: amount, reason }, call);
        response.status(201).json(refundJson(present(refund)));
      },
    }),
  ];

  /** The first status that differs; after `waitMs`, or when the gateway stops, the known one. */
  async function nextStatus(known: GetIntentStatusResponse, { place, waitMs, call }: { place: HeldPlace; waitMs: number; call: Call }): Promise<GetIntentStatusResponse> {
    using _place = place;
    const timer = setTimeout(() => place.end(), waitMs);
    try {
      for await (const { now } of payments.watchIntentStatus({ intentId: known.intentId }, { ...call, deadlineAt: Infinity, signal: place.signal })) {
        if (versionOf(present(now)) !== versionOf(known)) return present(now);
      }
    } catch (error) {
      if (!place.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
    return known;
  }

  /** The id is what lets in, whoever asks: a kiosk's key would only shut out the pages of another. */
  async function qrCodeDataOf(intentId: string, call: Call): Promise<string> {
    const { intent } = await payments.getIntent({ intentId }, { ...call, caller: { ...call.caller, role: 'anonymous', name: '' } });
    const { qrCodeData } = present(intent);
    if (qrCodeData !== '') return qrCodeData;
    throw new Fault({ kind: 'not_found', reason: 'qr_not_ready', message: 'The payment has no QR code yet.', retryAfterMs: qrRetryAfterMs });
  }
}

function versionOf({ intentId, status, updatedAt }: GetIntentStatusResponse): string {
  return `${intentId}.${wordOf(intentStatuses, status)}.${present(updatedAt).getTime()}`;
}

function sendStatus(status: GetIntentStatusResponse, request: Request, response: Response): void {
  response.set('cache-control', 'private, no-cache');
  if (!notModified(request, response, versionOf(status))) response.json(intentStatusJson(status));
}
