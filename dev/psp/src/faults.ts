/** Faults by script: which of the next calls to the API go wrong, and how. */
import { z } from 'zod';
import { parse } from './requests.ts';

export const CALLS = ['create', 'get', 'list', 'capture', 'cancel', 'refund', 'getRefund', 'listRefunds', 'me'] as const;
export type Call = (typeof CALLS)[number];

/** What each fault does, and whether the request is carried out before it strikes. */
export const FAULT_KINDS = {
  delay: { deed: true, says: 'the true answer, after delayMs' },
  slow_body: { deed: true, says: 'the true answer, its body dribbling for delayMs' },
  hang: { deed: false, says: 'no answer ever' },
  hang_after: { deed: true, says: 'carried out, no answer ever' },
  reset_before: { deed: false, says: 'connection reset' },
  reset_after: { deed: true, says: 'carried out, then connection reset' },
  error_500_before: { deed: false, says: 'HTTP 500' },
  error_500_after: { deed: true, says: 'carried out, then HTTP 500' },
  too_many: { deed: false, says: 'HTTP 429' },
  unauthorized: { deed: false, says: 'HTTP 401' },
  forbidden: { deed: false, says: 'HTTP 403' },
  garbage: { deed: true, says: 'carried out, HTTP 200 with broken JSON' },
  html: { deed: true, says: "carried out, HTTP 200 with a proxy's HTML page" },
  wrong_amount: { deed: true, says: 'answer says one unit more' },
  wrong_currency: { deed: true, says: 'answer says another currency' },
  wrong_shop: { deed: true, says: 'answer says another recipient.account_id' },
  wrong_metadata: { deed: true, says: 'answer says other metadata' },
  wrong_test: { deed: true, says: 'answer says the opposite of test' },
} as const;
export type FaultKind = keyof typeof FAULT_KINDS;

const times = z.union([z.literal('always'), z.coerce.number().int().min(1).max(1_000_000)]).default(1);

const faultSchema = z.strictObject({
  call: z.enum([...CALLS, 'any']),
  kind: z.enum(Object.keys(FAULT_KINDS) as [FaultKind, ...FaultKind[]]),
  times,
  /** Waits this long before it answers or breaks; for slow_body: how long the body takes. Real time, whatever the shop's clock says. */
  delayMs: z.coerce.number().int().min(0).max(3600_000).optional(),
  /** Only calls about this payment; a list, or a create (which has no payment yet), never matches. */
  paymentId: z.string().optional(),
});
/** `times` is 1 unless given; `'always'` strikes until the faults are cleared. */
export type FaultInput = z.input<typeof faultSchema>;
export type Fault = z.output<typeof faultSchema>;

/** The first fault that fits strikes; one call meets at most one fault. */
export class Faults {
  #script: Fault[] = [];

  /** Fails with a `Refusal` for words it does not know. */
  add(fault: FaultInput): void {
    this.#script.push(parse(faultSchema, fault));
  }

  clear(): void {
    this.#script = [];
  }

  all(): readonly Fault[] {
    return this.#script;
  }

  take({ call, paymentId }: { call: Call; paymentId: string | undefined }): Fault | undefined {
    const fault = this.#script.find((one) =>
      (one.call === 'any' || one.call === call) && (one.paymentId === undefined || one.paymentId === paymentId));
    if (fault !== undefined) this.#script = strike(this.#script, fault);
    return fault;
  }
}

const notificationFaultSchema = z.strictObject({
  kind: z.enum(['duplicate', 'reordered', 'dropped', 'late']),
  times,
  /** duplicate: how many notifications besides the first. */
  copies: z.coerce.number().int().min(1).max(100).default(1),
  /** late: how much later, on the shop's clock. */
  delayMs: z.coerce.number().int().min(0).default(60_000),
  /** Only notifications about this payment or refund. */
  objectId: z.string().optional(),
});
export type NotificationFaultInput = z.input<typeof notificationFaultSchema>;
export type NotificationFault = z.output<typeof notificationFaultSchema>;

/** The same for notifications; a fault strikes when the notification is written, not when it is delivered. */
export class NotificationFaults {
  #script: NotificationFault[] = [];

  add(fault: NotificationFaultInput): void {
    this.#script.push(parse(notificationFaultSchema, fault));
  }

  clear(): void {
    this.#script = [];
  }

  all(): readonly NotificationFault[] {
    return this.#script;
  }

  take({ objectId }: { objectId: string }): NotificationFault | undefined {
    const fault = this.#script.find((one) => one.objectId === undefined || one.objectId === objectId);
    if (fault !== undefined) this.#script = strike(this.#script, fault);
    return fault;
  }
}

/** The script after one stroke of a fault: one time less, and gone at the last. */
function strike<F extends { times: number | 'always' }>(script: readonly F[], struck: F): F[] {
  return script.flatMap((one) => {
    if (one !== struck || one.times === 'always') return [one];
    return one.times > 1 ? [{ ...one, times: one.times - 1 }] : [];
  });
}
