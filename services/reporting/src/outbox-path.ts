import { join } from 'node:path';

/** The file of a delivery in a development outbox: a repeated attempt writes the same file again. `date` is epoch ms. */
export function outboxPath({ folder, date, deliveryId, extension }: { folder: string; date: number; deliveryId: string; extension: 'eml' | 'txt' }): string {
  const time = new Date(date).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return join(folder, `${time}-${deliveryId}.${extension}`);
}
