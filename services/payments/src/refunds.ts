/** Giving money back: by an operator's hand here, by itself where settlement and the service watch say so; and following each refund to its end. */
import { Fault, invalid } from '@kiosk/fault';
import type { Log } from '@kiosk/service';
import { createHash } from 'node:crypto';
import { leaseMs } from './intent.ts';
import { PspError, listAll, type Psp, type PspRefund, type RefundQuery } from './psp.ts';
import { clockSkewMs, type RefundStore } from './refund-store.ts';
import { checkReason, hourMs, nextRefundAskAt, type Refund } from './refund.ts';
import { pauseMs } from './settlement.ts';
import type { Key, Origin } from './tables.ts';
import { within } from './within.ts';

export type RefundRequest = { idempotencyKey: string; intentId: string; amountMinor?: number; reason: string };

export type Refunds = ReturnType<typeof createRefunds>;

export function createRefunds({ store, psp, log, now, submitWaitMs, misconfigured }: {
  store: RefundStore; psp: Psp; log: Log; now: () => number; submitWaitMs: number;
  /** Tells the operator that the PSP does not accept our credentials. */
  misconfigured: (code: string) => Promise<void>;
}) {
  const underWay = new Map<string, Promise<void>>();

  function submit(id: string, origin: Origin): Promise<void> {
    let running = underWay.get(id);
    if (!running) {
      running = submitOnce(id, origin).finally(() => underWay.delete(id));
      underWay.set(id, running);
    }
    return running;
  }

  async function submitOnce(id: string, origin: Origin): Promise<void> {
    const refund = await store.claimSubmission(id, { now: now(), leaseMs });
    if (!refund) return;
    let told: PspRefund;
    try {
      told = await psp.createRefund({ key: refund.id, body: refund.pspRequest });
    } catch (error) {
      if (!(error instanceof PspError)) throw error;
      const { code, outcome } = error;
      log.warn({ event: 'psp.refund_failed', refundId: id, kind: outcome, reason: code, attempt: refund.attempts }, 'the PSP did not take a refund');
      if (outcome === 'refused' || outcome === 'not_found') await store.submissionRefused(id, { now: now(), code, origin });
      else await store.submissionUnknown(id, { now: now(), code, delayMs: outcome === 'unknown' ? undefined : pauseMs });
      if (outcome === 'misconfigured') await misconfigured(code);
      return;
    }
    await store.settle(id, told, { now: now(), origin });
  }

  return {
    /** Fails with `operator_only` and as RefundStore.open. */
    async refund({ idempotencyKey, intentId, amountMinor, reason }: RefundRequest, origin: Origin): Promise<Refund> {
      // Without keys, which is for development, an operator is anonymous.
      if (origin.caller.role !== 'operator' && origin.caller.role !== 'anonymous') throw new Fault({ kind: 'forbidden', reason: 'operator_only', message: 'Only an operator gives money back.' });
      const refund = await store.open({
        intentId, amountMinor, reason: checkReason(reason), key: keyOf({ idempotencyKey, intentId, amountMinor, reason }, origin), origin, now: now(),
      });
      if (refund.status === 'pending' && refund.submission !== 'attached') await within(submitWaitMs, submit(refund.id, origin));
      return store.get(refund.id);
    },

    submit,

    /** Asks the PSP how an attached refund stands, and applies the answer. */
    async ask(refund: Refund, origin: Origin): Promise<void> {
      try {
        const told = await psp.getRefund(refund.pspRefundId!);
        await store.settle(refund.id, told, { now: now(), origin });
      } catch (error) {
        if (!(error instanceof PspError)) throw error;
        log.warn({ event: 'psp.ask_failed', refundId: refund.id, kind: error.outcome, reason: error.code }, 'the PSP did not say how a refund stands');
        if (error.outcome === 'misconfigured') await misconfigured(error.code);
        const at = Math.max(now() + pauseMs, nextRefundAskAt(refund, now()));
        await store.askLater(refund, { at, gone: error.outcome === 'not_found' });
      }
    },

    /** Looks for one that was given up among the refunds of its payment, now that the PSP takes its request no more. */
    async lookUp(refund: Refund, origin: Origin): Promise<void> {
      const range = { createdFrom: refund.createdAt - clockSkewMs, createdTo: now() + clockSkewMs };
      try {
        const told = await listAll((query: RefundQuery) => psp.listRefunds(query), { ...range, pspPaymentId: await store.pspPaymentOf(refund) });
        for (const each of told) await store.adopt(each, { now: now(), origin });
        await store.neverMade(refund.id, { now: now(), origin });
      } catch (error) {
        if (!(error instanceof PspError)) throw error;
        log.warn({ event: 'psp.list_failed', refundId: refund.id, kind: error.outcome, reason: error.code }, 'the PSP did not list the refunds of a payment');
        if (error.outcome === 'misconfigured') await misconfigured(error.code);
        await store.askLater(refund, { at: now() + hourMs, gone: false });
      }
    },

    /** Waits for what is under way. */
    async drain(): Promise<void> {
      await Promise.allSettled(underWay.values());
    },
  };
}

function keyOf({ idempotencyKey, intentId, amountMinor, reason }: RefundRequest, { caller }: Origin): Key | undefined {
  if (idempotencyKey === '') return undefined;
  if (idempotencyKey.length > 255) throw invalid('invalid_idempotency_key', 'Idempotency-Key must be at most 255 characters.');
  const body = JSON.stringify([intentId, amountMinor ?? null, reason]);
  return { caller: `${caller.role}:${caller.name}`, key: idempotencyKey, bodySha256: createHash('sha256').update(body).digest('hex') };
}
