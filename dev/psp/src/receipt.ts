/**
 * 54-FZ receipts, as far as YooKassa checks them
 * (https://yookassa.ru/developers/payment-acceptance/receipts/54fz/yoomoney/parameters-values).
 */
import { z } from 'zod';
import type { Amount } from './amount.ts';
import { minorOf } from './amount.ts';
import { invalid } from './refusal.ts';

export const amountSchema = z.object({
  value: z.string().regex(/^(0|[1-9]\d{0,9})\.\d{2}$/, 'must be major units with two decimals, like 480.00'),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
}).refine((amount) => Number(amount.value) > 0, { message: 'must be above zero', path: ['value'] });

const quantity = z.union([z.number(), z.string().regex(/^\d+(\.\d{1,6})?$/).transform(Number)]).pipe(z.number().positive());

const item = z.object({
  description: z.string().min(1).max(128),
  quantity,
  amount: amountSchema,
  vat_code: z.int().min(1).max(12),
  payment_subject: z.string().optional(),
  payment_mode: z.string().optional(),
  measure: z.string().optional(),
});

export const receiptSchema = z.object({
  customer: z.object({
    email: z.string().regex(/^[^\s@]+@[^\s@]+$/, 'must be an e-mail address').optional(),
    phone: z.string().regex(/^\+?\d{5,15}$/, 'must be a phone in E.164').optional(),
    full_name: z.string().max(256).optional(),
  }).refine((customer) => customer.email !== undefined || customer.phone !== undefined, 'needs email or phone'),
  items: z.array(item).min(1).max(100),
  tax_system_code: z.int().min(1).max(6).optional(),
});

export type Receipt = z.infer<typeof receiptSchema>;

/** An item's amount is the price of one; all items together must be the money that moves. */
export function checkReceiptSum({ receipt, amount }: { receipt: Receipt; amount: Amount }): void {
  let sumMinor = 0;
  for (const [index, one] of receipt.items.entries()) {
    if (one.amount.currency !== amount.currency) throw invalid('Item in another currency', `receipt.items.${index}.amount.currency`);
    sumMinor += Math.round(minorOf(one.amount) * one.quantity);
  }
  if (sumMinor !== minorOf(amount)) throw invalid('Receipt items do not add up to the amount', 'receipt.items');
}

/** YooKassa's own words for it. */
export function receiptMissing() {
  return invalid('Receipt is missing or illegal', 'receipt');
}
