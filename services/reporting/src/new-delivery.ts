import { newId } from '@kiosk/database';
import type { Delivery } from './delivery.ts';

/** `mailDomain` is that of the Message-ID, which every delivery has (D4). */
export function newDelivery({ mailDomain, at, ...rest }: Pick<Delivery, 'reportId' | 'channel' | 'recipient' | 'cause'> & { mailDomain: string; at: number }): Delivery {
  const id = newId('dlv', at);
  return { id, ...rest, messageId: `<${id}@${mailDomain}>`, status: 'queued', attempts: 0, ambiguousAttempts: 0, createdAt: at };
}
