import type { Amount } from './amount.ts';
import { amountOf, minorOf } from './amount.ts';
import type { FaultKind } from './faults.ts';

type Shown = Record<string, unknown> & {
  amount?: Amount;
  metadata?: Record<string, string>;
  recipient?: { account_id: string };
  test?: boolean;
  items?: Shown[];
};

/** The answer with one fact told wrongly, in the object itself or in each one of a list. What the shop remembers stays true. */
export function distort(text: string, kind: FaultKind): string {
  const shown = JSON.parse(text) as Shown;
  const { items } = shown;
  return JSON.stringify(items ? { ...shown, items: items.map((one) => distorted(one, kind)) } : distorted(shown, kind));
}

function distorted(object: Shown, kind: FaultKind): Shown {
  const { amount, metadata, recipient, test } = object;
  switch (kind) {
    case 'wrong_amount': return amount ? { ...object, amount: amountOf(minorOf(amount) + 100, amount.currency) } : object;
    case 'wrong_currency': return amount ? { ...object, amount: { ...amount, currency: amount.currency === 'RUB' ? 'USD' : 'RUB' } } : object;
    case 'wrong_shop': return recipient ? { ...object, recipient: { ...recipient, account_id: `9${recipient.account_id}` } } : object;
    case 'wrong_metadata': return metadata ? { ...object, metadata: othersMetadata(metadata) } : object;
    case 'wrong_test': return test === undefined ? object : { ...object, test: !test };
    default: return object;
  }
}

function othersMetadata(metadata: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, `other-${value}`]));
}
