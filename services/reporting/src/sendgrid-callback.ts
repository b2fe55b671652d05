/** SendGrid's events: a signed batch (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features). */
import { createPublicKey, verify } from 'node:crypto';
import { z } from 'zod';
import type { ProviderReport } from './provider-report.ts';

/** ECDSA P-256 over the time and the bytes as they came. `publicKey` is SPKI in base64, as SendGrid's settings show it. */
export function isSignedBySendgrid({ publicKey, timestamp, body, signature }: { publicKey: string; timestamp: string; body: Uint8Array; signature: string }): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
    return verify('sha256', Buffer.concat([Buffer.from(timestamp), body]), key, Buffer.from(signature, 'base64'));
  } catch {
    // Neither a key nor a signature that can be read.
    return false;
  }
}

const eventSchema = z.object({ event: z.string(), sg_message_id: z.string(), delivery_id: z.string().optional() });
const outcomes: Readonly<Record<string, ProviderReport['outcome']>> = { delivered: 'delivered', bounce: 'undelivered', dropped: 'undelivered' };

/** The final ones of a batch; what cannot be read is left out, because the rest of the batch is not its fault. */
export function readSendgridReports(batch: unknown): ProviderReport[] {
  return (Array.isArray(batch) ? batch : []).flatMap((item: unknown) => {
    const parsed = eventSchema.safeParse(item);
    const outcome = parsed.success ? outcomes[parsed.data.event] : undefined;
    if (!parsed.success || !outcome) return [];
    // It begins with the x-message-id of the answer, and goes on after a dot.
    return [{ providerId: parsed.data.sg_message_id.split('.')[0]!, deliveryId: parsed.data.delivery_id, outcome }];
  });
}
