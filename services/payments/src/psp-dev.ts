/**
 * The development PSP: pretend money that pays itself after a while, or by hand. It goes through the same seam as a real one and remembers in the
 * service's own database, so that what is due stays due across a restart.
 */
import { newId } from '@kiosk/database';
import { PspError, type Psp, type PspPayment } from './psp.ts';
import type { Rows } from './steps.ts';
import type { Tables } from './store.ts';

export type DevPsp = Psp & {
  /** The customer pays now. Fails with PspError not_found. */
  pay(id: string): Promise<void>;
};

type Request = { amountMinor: number; currency: string; intentId: string };

export function createDevPsp({ rows, now, autoConfirmDelayMs }: {
  rows: Rows;
  now: () => number;
  /** Undefined: only by hand. */
  autoConfirmDelayMs: number | undefined;
}): DevPsp {
  return {
    name: 'dev',
    expected: { testAllowed: true },
    freeze: ({ id, amountMinor, currency }) => JSON.stringify({ amountMinor, currency, intentId: id } satisfies Request),
    isPaymentId: (id) => /^dev_[0-9a-z]{26}$/.test(id),

    async createPayment({ key, body }) {
      const at = now();
      const row = await rows.transaction(async ({ db }) => {
        await db.insertInto('dev_psp_payments').values({
          id: newId('dev', at), idempotence_key: key, request: body, status: 'pending', created_at: at,
          succeeds_at: autoConfirmDelayMs === undefined ? null : at + autoConfirmDelayMs,
        }).onConflict((conflict) => conflict.column('idempotence_key').doNothing()).execute();
        return db.selectFrom('dev_psp_payments').selectAll().where('idempotence_key', '=', key).executeTakeFirstOrThrow();
      });
      if (row.request !== body) throw new PspError('refused', 'invalid_request');
      return toPayment(row, at);
    },

    async getPayment(id) {
      const row = await rows.read.selectFrom('dev_psp_payments').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) throw new PspError('not_found', 'not_found');
      return toPayment(row, now());
    },

    async pay(id) {
      const { numUpdatedRows } = await rows.transaction(({ db }) =>
        db.updateTable('dev_psp_payments').set({ status: 'succeeded' }).where('id', '=', id).executeTakeFirst());
      if (numUpdatedRows === 0n) throw new PspError('not_found', 'not_found');
    },
  };
}

function toPayment(row: Tables['dev_psp_payments'], now: number): PspPayment {
  const { amountMinor, currency, intentId } = JSON.parse(row.request) as Request;
  const due = row.succeeds_at !== null && row.succeeds_at <= now;
  const status = row.status === 'pending' && due ? 'succeeded' : row.status;
  return {
    id: row.id,
    status,
    paid: status === 'succeeded',
    test: true,
    amountMinor,
    currency,
    intentId,
    // The form of a Russian SBP payment link, at a name that nobody can own (RFC 2606).
    qrCodeData: `https://qr.dev.invalid/${row.id}?type=02&sum=${amountMinor}&cur=${currency}`,
    askAgainAt: status === 'pending' && row.succeeds_at !== null ? row.succeeds_at : undefined,
  };
}
