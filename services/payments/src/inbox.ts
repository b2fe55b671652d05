/**
 * Notifications from the PSP. They carry no signature, so nothing in one is believed: it is kept (W3), and it makes us ask the PSP about the object
 * sooner than the schedule would (W1). A known payment is asked about at most every few seconds however many notifications name it; an unknown
 * object is asked about once, at a bounded pace (W2, W8). Never is the PSP called before the answer (W5).
 */
import { biteRows, inBites } from '@kiosk/database';
import { Fault, invalid } from '@kiosk/fault';
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isAllowed, toBlockList } from './addresses.ts';
import type { Events } from './events.ts';
import { PspError, type Psp } from './psp.ts';
import type { RefundStore } from './refund-store.ts';
import type { Refunds } from './refunds.ts';
import type { Settlement } from './settlement.ts';
import type { Store } from './store.ts';
import type { Origin, Rows } from './tables.ts';

/** A known object is asked about again no sooner than this, whoever asks for it. */
const askIntervalMs = 2000;
/** And one that is final there already, no sooner than this. */
const finalAskIntervalMs = 60_000;
/** How many unknown objects are asked about in a minute. */
const strangersPerMinute = 30;

const bodySchema = z.object({ type: z.literal('notification'), event: z.string().max(100), object: z.object({ id: z.string() }) });

const origin: Origin = { requestId: 'inbox', caller: { role: 'psp', name: 'notification' } };

export type Inbox = ReturnType<typeof createInbox>;

export function createInbox({ rows, store, refundStore, psp, settlement, refunds, events, now, allowedAddresses, wake }: {
  rows: Rows; store: Store; refundStore: RefundStore; psp: Psp; settlement: Settlement; refunds: Refunds; events: Events; now: () => number;
  /** CIDRs; undefined: from anywhere, since it is only re-fetched. */
  allowedAddresses: readonly string[] | undefined;
  /** Tells the janitor that something is due. */
  wake: () => void;
}) {
  const allowed = allowedAddresses && toBlockList(allowedAddresses);

  return {
    /** Fails with `foreign_address` (W7) and `invalid_notification`; both are counted, and nothing is kept of them. */
    async receive({ body, sourceIp }: { body: Uint8Array; sourceIp: string }): Promise<void> {
      if (allowed && !isAllowed(allowed, sourceIp)) {
        events.notification('refused');
        throw new Fault({ kind: 'forbidden', reason: 'foreign_address', message: 'Notifications are taken from the PSP\'s addresses only.' });
      }
      const notification = bodySchema.safeParse(parseJson(body));
      if (!notification.success) {
        events.notification('invalid');
        throw invalid('invalid_notification', 'This is not a notification of the PSP.');
      }
      const { event, object: { id } } = notification.data;
      const at = now();
      await rows.transaction(async (tx) => {
        const objectId = psp.isObjectId(id) ? id : undefined;
        await tx.db.insertInto('notifications').values({
          received_at: at, source_ip: sourceIp.slice(0, 64), event, object_id: objectId ?? null, body_sha256: createHash('sha256').update(body).digest('hex'),
        }).execute();
        if (objectId !== undefined) await askSooner(tx, event.startsWith('refund.') ? 'refund' : 'payment', objectId, at);
        tx.afterCommit(() => {
          events.notification('accepted');
          wake();
        });
      });
    },

    /** Asks about the objects that nobody here knows: an answer to a create that we never read is found this way. */
    async meetStrangers(): Promise<void> {
      const at = now();
      const { count } = await rows.read.selectFrom('strangers').select((s) => s.fn.countAll<number>().as('count')).where('asked_at', '>', at - 60_000).where('asked_at', '<=', at).executeTakeFirstOrThrow();
      const budget = strangersPerMinute - count;
      if (budget <= 0) return;
      const waiting = await rows.read.selectFrom('strangers').select(['object_id', 'kind']).where('asked_at', 'is', null).orderBy('seen_at').limit(budget).execute();
      for (const { object_id: id, kind } of waiting) {
        // Marked first: at most one GET, even if the process dies in it.
        const { numUpdatedRows } = await rows.transaction(({ db }) =>
          db.updateTable('strangers').set({ asked_at: at }).where('object_id', '=', id).where('asked_at', 'is', null).executeTakeFirst());
        if (numUpdatedRows > 0n) await meet(id, kind);
      }
    },

    async deleteOld(before: number): Promise<void> {
      await inBites(() => rows.transaction(async ({ db }) => Number((await db.deleteFrom('notifications')
        .where('id', 'in', db.selectFrom('notifications').select('id').where('received_at', '<', before).limit(biteRows)).executeTakeFirst()).numDeletedRows)));
      await inBites(() => rows.transaction(async ({ db }) => Number((await db.deleteFrom('strangers')
        .where('object_id', 'in', db.selectFrom('strangers').select('object_id').where('asked_at', '<', before).limit(biteRows)).executeTakeFirst()).numDeletedRows)));
    },
  };

  type Tx = Parameters<Parameters<Rows['transaction']>[0]>[0];

  async function askSooner({ db }: Tx, kind: 'payment' | 'refund', id: string, at: number): Promise<void> {
    if (kind === 'payment') {
      const intent = await db.selectFrom('intents').select(['id', 'status', 'psp_status', 'last_asked_at', 'next_action_at']).where('psp_payment_id', '=', id).executeTakeFirst();
      if (intent) {
        const final = intent.psp_status === 'succeeded' || intent.psp_status === 'canceled';
        // The clock may have been set back since it was asked about.
        const due = Math.max(at, Math.min(intent.last_asked_at ?? 0, at) + (final ? finalAskIntervalMs : askIntervalMs));
        if (intent.next_action_at === null || intent.next_action_at > due) await db.updateTable('intents').set({ next_action_at: due }).where('id', '=', intent.id).execute();
        return;
      }
    } else {
      const refund = await db.selectFrom('refunds').select(['id', 'status', 'next_action_at']).where('psp_refund_id', '=', id).executeTakeFirst();
      if (refund) {
        if (refund.status === 'pending' && (refund.next_action_at ?? Infinity) > at + askIntervalMs) {
          await db.updateTable('refunds').set({ next_action_at: at + askIntervalMs }).where('id', '=', refund.id).execute();
        }
        return;
      }
    }
    await db.insertInto('strangers').values({ object_id: id, kind, seen_at: at, asked_at: null }).onConflict((known) => known.column('object_id').doNothing()).execute();
  }

  async function meet(id: string, kind: 'payment' | 'refund'): Promise<void> {
    try {
      if (kind === 'refund') {
        const known = await refundStore.findByPspId(id);
        if (known) await refunds.ask(known, origin);
        else await refundStore.adopt(await psp.getRefund(id), { now: now(), origin });
        return;
      }
      const payment = await psp.getPayment(id);
      const intentId = payment.intentId;
      if (intentId === undefined || !/^pay_[0-9a-z]{26}$/.test(intentId)) return;
      const intent = await store.get(intentId, undefined, now());
      // An intent that has its own does not get this one; that somebody paid it is the operator's to know.
      if (intent.pspPaymentId === undefined || payment.status === 'succeeded') await settlement.settle(intentId, payment, { source: 'notification', origin });
    } catch (error) {
      // Unknown there, unknown here, or not to be had now: polling and reconciliation find whatever is ours.
      if (error instanceof PspError || error instanceof Fault) return;
      throw error;
    }
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
