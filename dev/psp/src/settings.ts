import { z } from 'zod';

const flag = z.union([z.boolean(), z.stringbool()]);

/** What can be switched while the shop runs. */
export type Settings = {
  /** Objects carry `test: true`. */
  test: boolean;
  /** 54-FZ is on: a payment or a partial refund without its receipt is refused. */
  fiscalisation: boolean;
  /** A refund stays pending until it is settled or canceled by hand; otherwise it succeeds at once. */
  refundsByHand: boolean;
  /** A receipt stays pending until it is registered by hand; otherwise it is registered with the money. */
  receiptsByHand: boolean;
};

export const settingsChange = z.strictObject({
  test: flag.optional(), fiscalisation: flag.optional(), refundsByHand: flag.optional(), receiptsByHand: flag.optional(),
});
