/**
 * The delivery worker. It claims one due delivery, sends it outside of any transaction, and writes down how that ended. Several lanes run beside one
 * another, each channel has its own, so a recipient whose server hangs holds up one lane until the attempt's time is over, and nobody else (D6).
 */
import { Fault } from '@kiosk/fault';
import { inSpan, type Log, type Tracing } from '@kiosk/service';
import { randomUUID } from 'node:crypto';
import { limitAttempt } from './attempt-limit.ts';
import { afterAttempt, channels, type AttemptResult, type Channel } from './delivery.ts';
import type { Claim, DeliveryStore } from './delivery-store.ts';
import type { Email, EmailMessage } from './email.ts';
import { DamagedFileError, type Files } from './files.ts';
import type { Gate } from './gate.ts';
import { emailOf, smsOf } from './letter.ts';
import { SendError } from './send-error.ts';
import type { Sms } from './sms.ts';
import type { Store } from './store.ts';

export const lanesPerChannel = 3;
/** Longer than the gate and the attempt can take. */
const leaseMs = 120_000;
const sendTimeoutMs = 30_000;
/** Of the ten seconds that a stopping process has. */
const stopGraceMs = 5000;

export type Deliveries = ReturnType<typeof createDeliveries>;

export function createDeliveries({ deliveries, store, files, gate, email, sms, from, now, random, log, tracer }: {
  deliveries: DeliveryStore; store: Store; files: Files; gate: Gate; email: Email; sms: Sms; from: EmailMessage['from'];
  now: () => number;
  /** From 0 to 1. */
  random: () => number;
  log: Log; tracer: Tracing['tracer'];
}) {
  const underWay = new Set<Promise<boolean>>();
  const neverStops = new AbortController().signal;

  /** Sends the delivery of the channel that has been due for longest. False when none is. */
  function sendNext(channel: Channel, stop: AbortSignal): Promise<boolean> {
    const work = claimAndSend(channel, stop).finally(() => underWay.delete(work));
    underWay.add(work);
    return work;
  }

  async function claimAndSend(channel: Channel, stop: AbortSignal): Promise<boolean> {
    const claim = await deliveries.claimDue(channel, { now: now(), leaseMs, token: randomUUID() });
    if (!claim) return false;
    const result = await attempt(claim, stop);
    const after = afterAttempt(claim.delivery, result, { now: now(), random: random() });
    if (!await deliveries.complete(claim, after)) {
      log.warn({ event: 'delivery.stale', deliveryId: claim.delivery.id, reportId: claim.report.id }, 'a delivery was taken over meanwhile; this attempt changes nothing');
    }
    return true;
  }

  async function attempt({ delivery, report }: Claim, stop: AbortSignal): Promise<AttemptResult> {
    try {
      await gate.pass(report, { requestId: delivery.id, caller: { role: 'service', name: 'reporting' } });
      const send = await prepare({ delivery, report });
      const { providerId } = await inSpan(tracer, `${delivery.channel} send`, { attributes: { 'delivery.id': delivery.id, 'delivery.attempt': delivery.attempts } },
        () => limitAttempt(send, { stop, timeoutMs: sendTimeoutMs, graceMs: stopGraceMs }));
      return { kind: 'sent', providerId };
    } catch (error) {
      log.warn({ error, deliveryId: delivery.id, reportId: report.id, channel: delivery.channel }, 'an attempt to send failed');
      return failureOf(error);
    }
  }

  async function prepare({ delivery, report }: Pick<Claim, 'delivery' | 'report'>): Promise<(signal: AbortSignal) => Promise<{ providerId?: string }>> {
    if (delivery.channel === 'sms') return (signal) => sms.send(smsOf({ delivery, report }), { signal });
    const pdf = await files.read(report);
    if (!pdf) throw new SendError({ kind: 'temporary', reason: 'file_unusable' });
    const message = emailOf({ delivery, report, document: await store.document(report.id), from, pdf });
    return (signal) => email.send(message, { signal });
  }

  return {
    /** What one lane does until nothing is due. */
    async work(channel: Channel, stop: AbortSignal): Promise<void> {
      while (!stop.aborted && await sendNext(channel, stop));
    },

    /** Everything that is due now, what is under way included. */
    async deliverDue(): Promise<void> {
      await Promise.all(channels.map(async (channel) => {
        while (await sendNext(channel, neverStops));
      }));
      await Promise.all(underWay);
    },
  };
}

/** What nobody foresaw is worth another attempt. */
function failureOf(error: unknown): AttemptResult {
  if (error instanceof SendError) return { kind: error.kind, reason: error.reason };
  if (error instanceof DamagedFileError) return { kind: 'temporary', reason: 'file_unusable' };
  if (error instanceof Fault) return { kind: 'temporary', reason: error.kind === 'payment_required' ? 'payment_required' : 'payments_unavailable' };
  return { kind: 'temporary', reason: 'internal' };
}
