/** D2: where payment is required, nothing leaves this service before it is confirmed, neither by download nor by delivery. */
import { paymentRequired, type Report } from './report.ts';
import type { Store } from './store.ts';
import type { Call, Origin } from './tables.ts';

/** The confirmed payment behind a session; undefined without one. A call's deadline goes along. */
export type GetPayment = (sessionId: string, origin: Origin | Call) => Promise<string | undefined>;

export type Gate = ReturnType<typeof createGate>;

export function createGate({ required, getPayment, store }: { required: boolean; getPayment: GetPayment; store: Store }) {
  return {
    required,
    /** Fails with `payment_required`. Payments is asked once: a confirmed payment stays one. */
    async pass(report: Report, origin: Origin | Call): Promise<void> {
      if (!required || report.paidIntentId !== undefined) return;
      const intentId = await getPayment(report.sessionId, origin);
      if (intentId === undefined) throw paymentRequired();
      await store.paid(report.id, intentId);
    },
  };
}
