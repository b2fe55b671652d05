/**
 * The development PSP: pretend money that pays itself after a while, or by hand. It goes through the same seam as a real one and remembers in the
 * service's own database, so that what is due stays due across a restart. Refunds succeed at once.
 */
import { columns, idFloor, newId, statement } from '@kiosk/database';
import { PspError, type Psp, type PspPayment, type PspRefund } from './psp.ts';
import type { Rows, Tables } from './tables.ts';

export type DevPsp = Psp & {
  /** The customer pays now. Fails with PspError not_found. */
  pay(id: string): Promise<void>;
};

type PaymentRequest = { amountMinor: number; currency: string; intentId: string };
type RefundRequest = { pspPaymentId: string; amountMinor: number; currency: string };

const pageSize = 100;

export function createDevPsp({ rows, now, autoConfirmDelayMs }: {
  rows: Rows;
  now: () => number;
  /** Undefined: only by hand. */
  autoConfirmDelayMs: number | undefined;
}): DevPsp {
  return {
    name: 'dev',
    expected: { testAllowed: true },
    freezePayment: ({ id, amountMinor, currency }) => JSON.stringify({ amountMinor, currency, intentId: id } satisfies PaymentRequest),
    freezeRefund: ({ pspPaymentId, amountMinor, currency }) => JSON.stringify({ pspPaymentId, amountMinor, currency } satisfies RefundRequest),
    isObjectId: (id) => /^dev_[0-9a-z]{26}$/.test(id),

    async createPayment({ key, body }) {
      const at = now();
      const fresh = {
        id: newId('dev', at), idempotence_key: key, request: body, status: 'pending', created_at: at,
        succeeds_at: autoConfirmDelayMs === undefined ? null : at + autoConfirmDelayMs,
      } as const;
      const row = await rows.transaction(async ({ db }) =>
        (await insertPayment.run(db, fresh) > 0 ? { ...fresh, called_off_at: null } : (await paymentByKey.first(db, { key }))!));
      if (row.request !== body) throw new PspError('refused', 'invalid_request');
      return toPayment(row, at);
    },

    async getPayment(id) {
      const row = await paymentById.first(rows.read, { id });
      if (!row) throw new PspError('not_found', 'not_found');
      return toPayment(row, now());
    },

    async listPayments({ createdFrom, createdTo, cursor = '' }) {
      const found = await payments(rows.read)
        .where('dev_psp_payments.id', '>=', idFloor('dev', createdFrom)).where('dev_psp_payments.id', '<', idFloor('dev', createdTo))
        .where('dev_psp_payments.id', '>', cursor).orderBy('dev_psp_payments.id').limit(pageSize).execute();
      return { items: found.map((row) => toPayment(row, now())), nextCursor: found.length < pageSize ? undefined : found.at(-1)!.id };
    },

    async createRefund({ key, body }) {
      const at = now();
      const row = await rows.transaction(async ({ db }) => {
        await db.insertInto('dev_psp_refunds').values({ id: newId('dev', at), idempotence_key: key, request: body, created_at: at })
          .onConflict((conflict) => conflict.column('idempotence_key').doNothing()).execute();
        return db.selectFrom('dev_psp_refunds').selectAll().where('idempotence_key', '=', key).executeTakeFirstOrThrow();
      });
      if (row.request !== body) throw new PspError('refused', 'invalid_request');
      return toRefund(row);
    },

    async getRefund(id) {
      const row = await rows.read.selectFrom('dev_psp_refunds').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) throw new PspError('not_found', 'not_found');
      return toRefund(row);
    },

    async listRefunds({ createdFrom, createdTo, cursor = '', pspPaymentId }) {
      const found = await rows.read.selectFrom('dev_psp_refunds').selectAll()
        .where('id', '>=', idFloor('dev', createdFrom)).where('id', '<', idFloor('dev', createdTo)).where('id', '>', cursor).orderBy('id').limit(pageSize).execute();
      const items = found.map(toRefund).filter((refund) => pspPaymentId === undefined || refund.pspPaymentId === pspPaymentId);
      return { items, nextCursor: found.length < pageSize ? undefined : found.at(-1)!.id };
    },

    async pay(id) {
      const { numUpdatedRows } = await rows.transaction(({ db }) =>
        db.updateTable('dev_psp_payments').set({ status: 'succeeded' }).where('id', '=', id).executeTakeFirst());
      if (numUpdatedRows === 0n) throw new PspError('not_found', 'not_found');
    },
  };
}

/** The pretend customer pays what the screen shows: not what was canceled or replaced before its time came. */
function payments(db: Rows['read']) {
  return db.selectFrom('dev_psp_payments')
    .leftJoin('intents', (join) => join.onRef('intents.id', '=', 'dev_psp_payments.idempotence_key').on('intents.status', '=', 'failed'))
    .selectAll('dev_psp_payments').select('intents.updated_at as called_off_at');
}

const paymentById = statement<Tables, { id: string }>()((db, param) => payments(db).where('dev_psp_payments.id', '=', param('id')));
const paymentByKey = statement<Tables, { key: string }>()((db, param) => payments(db).where('idempotence_key', '=', param('key')));
const insertPayment = statement<Tables, Tables['dev_psp_payments']>()((db, param) => db.insertInto('dev_psp_payments')
  .values(columns<Tables['dev_psp_payments']>({ id: true, idempotence_key: true, request: true, status: true, succeeds_at: true, created_at: true }, param))
  .onConflict((conflict) => conflict.column('idempotence_key').doNothing()));

function toPayment(row: Tables['dev_psp_payments'] & { called_off_at: number | null }, now: number): PspPayment {
  const { amountMinor, currency, intentId } = JSON.parse(row.request) as PaymentRequest;
  const due = row.succeeds_at !== null && row.succeeds_at <= now && (row.called_off_at === null || row.called_off_at >= row.succeeds_at);
  const status = row.status === 'pending' && due ? 'succeeded' : row.status;
  return {
    id: row.id,
    status,
    paid: status === 'succeeded',
    test: true,
    amountMinor,
    currency,
    intentId,
    createdAt: row.created_at,
    // The form of a Russian SBP payment link, at a name that nobody can own (RFC 2606).
    qrCodeData: `https://qr.dev.invalid/${row.id}?type=02&sum=${amountMinor}&cur=${currency}`,
    askAgainAt: status === 'pending' && row.succeeds_at !== null && row.succeeds_at > now ? row.succeeds_at : undefined,
  };
}

function toRefund(row: Tables['dev_psp_refunds']): PspRefund {
  const { pspPaymentId, amountMinor, currency } = JSON.parse(row.request) as RefundRequest;
  return { id: row.id, pspPaymentId, status: 'succeeded', amountMinor, currency, createdAt: row.created_at };
}
