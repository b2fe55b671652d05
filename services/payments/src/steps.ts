/**
 * Everything this service does outside itself is a commit or a call to the PSP. Each goes through `around`, so that a test can kill the process before
 * or after any one of them; in a running service `around` only runs it.
 */
import type { Psp } from './psp.ts';
import type { Rows } from './tables.ts';

export type Around = <T>(step: string, run: () => Promise<T>) => Promise<T>;

export function stepwiseRows(rows: Rows, around: Around): Rows {
  return { read: rows.read, transaction: (work) => around('commit', () => rows.transaction(work)) };
}

export function stepwisePsp<P extends Psp>(psp: P, around: Around): P {
  return {
    ...psp,
    createPayment: (request) => around('psp create', () => psp.createPayment(request)),
    getPayment: (id) => around('psp get', () => psp.getPayment(id)),
    listPayments: (query) => around('psp list', () => psp.listPayments(query)),
    createRefund: (request) => around('psp refund', () => psp.createRefund(request)),
    getRefund: (id) => around('psp get refund', () => psp.getRefund(id)),
    listRefunds: (query) => around('psp list refunds', () => psp.listRefunds(query)),
  };
}
