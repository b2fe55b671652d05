/** Fiscal receipts under 54-FZ, which YooKassa makes from what the payment request says (its guide "Чеки"). One service, paid in full. */
import type { ReceiptCustomer } from './psp.ts';

export type ReceiptSettings = {
  /** 1 none, 2 0 %, 3 10 %, 4 20 %, 5 10/110, 6 20/120, 7 5 %, 8 7 %, 9 5/105, 10 7/107, 11 22 %, 12 22/122. */
  vatCode: number;
  /** 1–6; absent where the shop has one system only. */
  taxSystemCode?: number;
  /** Receipts go by e-mail only: this one gets those of customers who left just a phone. */
  fallbackEmail: string;
};

type Amount = { value: string; currency: string };
type Receipt = { customer: ReceiptCustomer; items: ({ amount: Amount } & Record<string, unknown>)[]; tax_system_code?: number };

/** The API's bound for an item's name. */
const itemLength = 128;

export function receiptFor({ settings, item, customer, amount }: { settings: ReceiptSettings; item: string; customer: ReceiptCustomer; amount: Amount }): Receipt {
  return {
    customer: { email: customer.email ?? settings.fallbackEmail },
    items: [{
      description: item.slice(0, itemLength),
      quantity: '1.00',
      amount,
      vat_code: settings.vatCode,
      payment_subject: 'service',
      payment_mode: 'full_payment',
      measure: 'piece',
    }],
    ...(settings.taxSystemCode === undefined ? {} : { tax_system_code: settings.taxSystemCode }),
  };
}

/** What a refund's receipt says when the payment's own is no longer there to repeat. */
const forgottenItem = 'Услуга проверки автомобиля';

/** The receipt of a refund repeats the payment's, with the amount that goes back. */
export function refundReceipt({ settings, paymentRequest, amount }: { settings: ReceiptSettings; paymentRequest: string; amount: Amount }): Receipt {
  const { receipt } = JSON.parse(paymentRequest) as { receipt?: Receipt };
  const [item] = receipt?.items ?? [];
  if (!receipt || !item) return receiptFor({ settings, item: forgottenItem, customer: {}, amount });
  return { ...receipt, items: [{ ...item, amount }] };
}
