/**
 * P14: the PSP's day against ours. Whatever the PSP's word can bring up to date is (through the one function that applies its objects); what still
 * differs is listed for the operator. A day is one of Moscow time, as in the PSP's own registers, and a payment belongs to the day of its creation there.
 */
import { Fault, invalid } from '@kiosk/fault';
import type { Events } from './events.ts';
import { intentFromRow } from './intent-row.ts';
import type { Intent } from './intent.ts';
import { PspError, listAll, type ListQuery, type Page, type Psp, type PspPayment, type PspRefund } from './psp.ts';
import type { RefundStore } from './refund-store.ts';
import { refundable } from './refund.ts';
import { pauseMs, type Settlement } from './settlement.ts';
import type { Store } from './store.ts';
import type { Origin, Rows } from './tables.ts';

export type Difference = {
  kind: 'missing_here' | 'missing_there' | 'amount_differs' | 'status_differs';
  object: 'payment' | 'refund';
  pspId: string;
  ourId?: string;
  pspAmountMinor?: number;
  ourAmountMinor?: number;
};

export type Reconciliation = {
  day: string; pspPayments: number; ourPayments: number; pspRefunds: number; ourRefunds: number; repaired: number; differences: Difference[];
};

const hourMs = 3_600_000;
const moscowOffsetMs = 3 * hourMs;
const dayMs = 24 * hourMs;
/** A run is over at this hour of Moscow time at the earliest, when yesterday's late payments are in. */
const earliestHour = 3;
/** A machine that was off for longer is reconciled by hand. */
const catchUpDays = 31;

const origin: Origin = { requestId: 'reconciliation', caller: { role: 'service', name: 'payments' } };

export function createReconciliation({ rows, store, refundStore, psp, settlement, events, now }: {
  rows: Rows; store: Store; refundStore: RefundStore; psp: Psp; settlement: Settlement; events: Events; now: () => number;
}) {
  /** Fails with `invalid_day`, and with `psp_unavailable` while the PSP cannot be asked. */
  async function reconcile(day = yesterday(now())): Promise<Reconciliation> {
    const range = rangeOf(day, now());
    const told = (await ask((query) => psp.listPayments(query), range)).filter(({ status }) => status === 'succeeded');
    const anyRefunds = await ask((query) => psp.listRefunds(query), range);
    const toldRefunds = anyRefunds.filter(({ status }) => status === 'succeeded');
    const repaired = await repair(told) + await repairRefunds(anyRefunds);
    const ours = await ourPayments(range);
    const ourRefunds = await rows.read.selectFrom('refunds').selectAll()
      .where('status', '=', 'succeeded').where('psp_created_at', '>=', range.createdFrom).where('psp_created_at', '<', range.createdTo).execute();
    const differences = [
      ...compare('payment', told, ours.map((intent) => ({ id: intent.id, pspId: intent.pspPaymentId!, amountMinor: intent.amountMinor }))),
      ...(await unaccounted(ours)).map((intent): Difference =>
        ({ kind: 'status_differs', object: 'payment', pspId: intent.pspPaymentId!, ourId: intent.id, pspAmountMinor: intent.amountMinor, ourAmountMinor: 0 })),
      ...compare('refund', toldRefunds, ourRefunds.map((row) => ({ id: row.id, pspId: row.psp_refund_id!, amountMinor: row.amount_minor }))),
      ...(await unknownPending(anyRefunds)).map(({ id, amountMinor }): Difference => ({ kind: 'missing_here', object: 'refund', pspId: id, pspAmountMinor: amountMinor })),
    ];
    const result: Reconciliation = {
      day, pspPayments: told.length, ourPayments: ours.length, pspRefunds: toldRefunds.length, ourRefunds: ourRefunds.length, repaired, differences,
    };
    await save(result);
    return result;
  }

  async function ask<T>(list: (query: ListQuery) => Promise<Page<T>>, range: Range): Promise<T[]> {
    try {
      return await listAll(list, range);
    } catch (error) {
      if (!(error instanceof PspError)) throw error;
      if (error.outcome === 'misconfigured') await settlement.misconfigured(error.code);
      throw new Fault({ kind: 'unavailable', reason: 'psp_unavailable', message: `The PSP did not list its day (${error.code}).`, retryAfterMs: pauseMs });
    }
  }

  async function repair(told: readonly PspPayment[]): Promise<number> {
    let repaired = 0;
    for (const payment of told) {
      const intent = await ourIntent(payment);
      if (!intent || (intent.pspPaymentId !== undefined && intent.pspPaymentId !== payment.id)) continue;
      // What differed once may have been a wrong word: as long as the money is not accounted for, the PSP is listened to again.
      if (intent.pspStatus === 'succeeded' && (await unaccounted([intent])).length === 0) continue;
      const after = await settlement.settle(intent.id, payment, { source: 'reconciliation', origin });
      if (after.status !== intent.status || after.pspStatus !== intent.pspStatus) repaired++;
    }
    return repaired;
  }

  async function repairRefunds(told: readonly PspRefund[]): Promise<number> {
    let repaired = 0;
    for (const refund of told) if (await repairRefund(refund)) repaired++;
    return repaired;
  }

  async function repairRefund(told: PspRefund): Promise<boolean> {
    const known = await refundStore.findByPspId(told.id);
    if (!known) return await refundStore.adopt(told, { now: now(), origin }) !== undefined;
    if (known.status !== 'pending' || told.status === 'pending') return false;
    await refundStore.settle(known.id, told, { now: now(), origin });
    return true;
  }

  /** Refunds that are on their way and that nobody here knows. Compared with ours they will not be: their day is over when they come to their end. */
  async function unknownPending(told: readonly PspRefund[]): Promise<PspRefund[]> {
    const pending = told.filter(({ status }) => status === 'pending');
    const known = await Promise.all(pending.map(({ id }) => refundStore.findByPspId(id)));
    return pending.filter((_, index) => !known[index]);
  }

  async function ourIntent(payment: PspPayment): Promise<Intent | undefined> {
    const known = await store.findByPspId(payment.id, now());
    if (known || payment.intentId === undefined) return known;
    return store.get(payment.intentId, undefined, now()).catch((error: unknown) => {
      if (error instanceof Fault && error.kind === 'not_found') return undefined;
      throw error;
    });
  }

  async function ourPayments({ createdFrom, createdTo }: Range): Promise<Intent[]> {
    const found = await rows.read.selectFrom('intents').selectAll()
      .where('psp_status', '=', 'succeeded').where('psp_created_at', '>=', createdFrom).where('psp_created_at', '<', createdTo).execute();
    return found.map(intentFromRow);
  }

  /** Money that came and neither paid for anything nor is on its way back. */
  async function unaccounted(ours: readonly Intent[]): Promise<Intent[]> {
    const unconfirmed = ours.filter(({ status }) => status !== 'confirmed');
    const refunds = await refundStore.listOf(unconfirmed.map(({ id }) => id));
    return unconfirmed.filter((intent) => refundable(intent, refunds.get(intent.id) ?? []) > 0);
  }

  async function save({ day, pspPayments, ourPayments: ours, pspRefunds, ourRefunds, repaired, differences }: Reconciliation): Promise<void> {
    const row = {
      run_at: now(), psp_payments: pspPayments, our_payments: ours, psp_refunds: pspRefunds, our_refunds: ourRefunds, repaired, differences: JSON.stringify(differences),
    };
    await rows.transaction(async (tx) => {
      await tx.db.insertInto('reconciliations').values({ day, ...row }).onConflict((known) => known.column('day').doUpdateSet(row)).execute();
      for (const difference of differences) {
        await events.anomaly(tx, { kind: `reconciliation_${difference.kind}`, objectId: difference.pspId, intentId: intentIdOf(difference), details: { day, ...difference } });
      }
      tx.afterCommit(() => events.reconciled({ day, differences }));
    });
  }

  return {
    reconcile,

    /** Reconciles yesterday, and the days before it that were missed, unless that is done: the job asks every few minutes. */
    async reconcileDaily(): Promise<void> {
      const at = now();
      if (new Date(at + moscowOffsetMs).getUTCHours() < earliestHour) return;
      const days = Array.from({ length: catchUpDays }, (_, index) => yesterday(at - (catchUpDays - 1 - index) * dayMs));
      const runs = await rows.read.selectFrom('reconciliations').select(['day', 'run_at']).where('day', 'in', days).execute();
      // A run during the day itself has not seen all of it.
      const done = new Set(runs.filter(({ day, run_at }) => run_at >= rangeOf(day, at).createdTo + earliestHour * hourMs).map(({ day }) => day));
      const firstDone = days.findIndex((day) => done.has(day));
      // A new installation has no days to catch up with.
      const failures: unknown[] = [];
      for (const day of firstDone < 0 ? days.slice(-1) : days.slice(firstDone)) {
        // A day that the PSP does not list holds up no other.
        if (!done.has(day)) await reconcile(day).catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}

type Range = { createdFrom: number; createdTo: number };

function compare(
  object: Difference['object'], told: readonly (PspPayment | PspRefund)[], ours: readonly { id: string; pspId: string; amountMinor: number }[],
): Difference[] {
  const differences: Difference[] = [];
  const byPspId = new Map(ours.map((our) => [our.pspId, our]));
  for (const { id, amountMinor } of told) {
    const our = byPspId.get(id);
    byPspId.delete(id);
    if (!our) differences.push({ kind: 'missing_here', object, pspId: id, pspAmountMinor: amountMinor });
    else if (our.amountMinor !== amountMinor) {
      differences.push({ kind: 'amount_differs', object, pspId: id, ourId: our.id, pspAmountMinor: amountMinor, ourAmountMinor: our.amountMinor });
    }
  }
  for (const our of byPspId.values()) differences.push({ kind: 'missing_there', object, pspId: our.pspId, ourId: our.id, ourAmountMinor: our.amountMinor });
  return differences;
}

function intentIdOf({ object, ourId }: Difference): string | undefined {
  return object === 'payment' ? ourId : undefined;
}

function yesterday(now: number): string {
  return new Date(now + moscowOffsetMs - dayMs).toISOString().slice(0, 10);
}

/** Fails with `invalid_day`. */
function rangeOf(day: string, now: number): Range {
  const start = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  // Date.parse takes 31 February for March.
  if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== day || start - moscowOffsetMs > now) {
    throw invalid('invalid_day', 'day must be a past or present day such as 2026-11-20.', 'day');
  }
  return { createdFrom: start - moscowOffsetMs, createdTo: start - moscowOffsetMs + dayMs };
}
