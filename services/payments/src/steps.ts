/**
 * Everything this service does outside itself is a commit or a call to the PSP. Each goes through `around`, so that a test can kill the process before
 * or after any one of them; in a running service `around` only runs it.
 */
import type { Database } from '@kiosk/database';
import type { Psp } from './psp.ts';
import type { Tables } from './store.ts';

export type Around = <T>(step: string, run: () => Promise<T>) => Promise<T>;

/** The part of a database that a store uses. */
export type Rows = Pick<Database<Tables>, 'read' | 'transaction'>;

export function stepwiseDatabase(database: Rows, around: Around): Rows {
  return { read: database.read, transaction: (work) => around('commit', () => database.transaction(work)) };
}

export function stepwisePsp<P extends Psp>(psp: P, around: Around): P {
  return {
    ...psp,
    createPayment: (request) => around('psp create', () => psp.createPayment(request)),
    getPayment: (id) => around('psp get', () => psp.getPayment(id)),
  };
}
