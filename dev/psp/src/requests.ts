/** The bodies of POST requests, checked as the real API does (https://yookassa.ru/developers/api). Unknown fields are ignored there and here. */
import { z } from 'zod';
import { amountSchema, receiptSchema } from './receipt.ts';
import { invalid } from './refusal.ts';

const metadata = z.record(z.string().min(1).max(32), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 keys');

const returnUrl = z.url().max(2048);

const confirmation = z.discriminatedUnion('type', [
  z.object({ type: z.literal('qr') }),
  z.object({ type: z.literal('redirect'), return_url: returnUrl }),
  z.object({ type: z.literal('mobile_application'), return_url: returnUrl }),
  z.object({ type: z.literal('embedded') }),
  z.object({ type: z.literal('external') }),
]);

const paymentRequest = z.object({
  amount: amountSchema,
  // Left out, it means two stages, as in the vendor's examples, which always name it for one.
  capture: z.boolean().default(false),
  confirmation,
  description: z.string().max(128).optional(),
  metadata: metadata.default({}),
  payment_method_data: z.object({ type: z.string().min(1) }).optional(),
  receipt: receiptSchema.optional(),
}).refine((request) => request.capture || request.payment_method_data?.type !== 'sbp', { message: 'sbp has no two stages', path: ['capture'] });
export type PaymentRequest = z.infer<typeof paymentRequest>;

const refundRequest = z.object({
  payment_id: z.string().length(36),
  amount: amountSchema,
  description: z.string().max(250).optional(),
  metadata: metadata.optional(),
  receipt: receiptSchema.optional(),
});
export type RefundRequest = z.infer<typeof refundRequest>;

const captureRequest = z.object({ amount: amountSchema.optional(), receipt: receiptSchema.optional() });
export type CaptureRequest = z.infer<typeof captureRequest>;

/** Fails with HTTP 400 `invalid_request` that names the field. */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalid(issue?.message ?? 'Invalid request', issue?.path.map(String).join('.') || undefined);
}

export function parsePaymentRequest(value: unknown): PaymentRequest {
  return parse(paymentRequest, value);
}

export function parseRefundRequest(value: unknown): RefundRequest {
  return parse(refundRequest, value);
}

export function parseCaptureRequest(value: unknown): CaptureRequest {
  return parse(captureRequest, value);
}
