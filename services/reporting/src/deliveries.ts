/**
 * The delivery worker. It claims one due delivery, sends it outside of any transaction, and writes down how that ended. Several lanes run beside one
 * another, each channel has its own, so a recipient whose server hangs holds up one lane until the attempt's time is over, and nobody else (D6).
 */
import { Fault } from '@kiosk/fault';
import { inSpan, type Log, type Tracing } from '@kiosk/service';
import { randomUUID } from 'node:crypto';
import { limitAttempt } from './attempt-limit.ts';
import { afterAttempt, channels, type AttemptResult, type Channel, type Delivery } from './delivery.ts';
import type { Claim, DeliveryStore } from './delivery-store.ts';
import type { Email, EmailMessage } from './email.ts';
import { DamagedFileError, type Files } from './files.ts';
import type { Gate } from './gate.ts';
import { emailOf, smsOf } from './letter.ts';
import type { Links } from './links.ts';
import type { Named } from './providers.ts';
import { SendError } from './send-error.ts';
import type { Sms } from './sms.ts';
import type { Store } from './store.ts';

export const lanesPerChannel = 3;
/** Longer than the gate and the attempt can take. */
const leaseMs = 120_000;
const sendTimeoutMs = 30_000;
/** A phone's texts are counted over so long. */
const smsBudgetWindowMs = 24 * 3_600_000;
/** Of the ten seconds that a stopping process has. */
const stopGraceMs = 5000;

export type Deliveries = ReturnType<typeof createDeliveries>;

export function createDeliveries({ deliveries, store, files, gate, email, sms, links, from, smsDailyLimitPerPhone, onDead, now, random, log, tracer }: {
  deliveries: DeliveryStore; store: Store; files: Files; gate: Gate; links: Links; from: EmailMessage['from'];
  /** In the order in which they are tried. */
  email: readonly Named<Email>[];
  sms: readonly (Named<Sms> & { isAskedLater: boolean })[];
  smsDailyLimitPerPhone: number;
  /** Told after a delivery was given up. */
  onDead: () => void;
  now: () => number;
  /** From 0 to 1. */
  random: () => number;
  log: Log; tracer: Tracing['tracer'];
}) {
  const underWay = new Set<Promise<boolean>>();
  const neverStops = new AbortController().signal;
  const providers: Record<Channel, readonly string[]> = { email: email.map(({ name }) => name), sms: sms.map(({ name }) => name) };

  /** Sends the delivery of the channel that has been due for longest. False when none is. */
  function sendNext(channel: Channel, stop: AbortSignal): Promise<boolean> {
    const work = claimAndSend(channel, stop).finally(() => underWay.delete(work));
    underWay.add(work);
    return work;
  }

  async function claimAndSend(channel: Channel, stop: AbortSignal): Promise<boolean> {
    const claim = await deliveries.claimDue(channel, { now: now(), leaseMs, token: randomUUID(), providers: providers[channel] });
    if (!claim) return false;
    const result = await attempt(claim, stop);
    const after = afterAttempt(claim.delivery, result, { now: now(), random: random() });
    if (!await deliveries.complete(claim, after)) {
      log.warn({ event: 'delivery.stale', deliveryId: claim.delivery.id, reportId: claim.report.id }, 'a delivery was taken over meanwhile; this attempt changes nothing');
    }
    if (after.status === 'dead') onDead();
    return true;
  }

  async function attempt({ delivery, report }: Claim, stop: AbortSignal): Promise<AttemptResult> {
    try {
      await gate.pass(report, { requestId: delivery.id, caller: { role: 'service', name: 'reporting' } });
      await refuseOverBudget(delivery);
      const { send, isAskedLater } = await prepare({ delivery, report });
      const { providerId } = await inSpan(tracer, `${delivery.channel} send`, { attributes: { 'delivery.id': delivery.id, 'delivery.attempt': delivery.attempts, 'delivery.provider': delivery.provider } },
        () => limitAttempt(send, { stop, timeoutMs: sendTimeoutMs, graceMs: stopGraceMs }));
      return { kind: 'sent', providerId, isAskedLater };
    } catch (error) {
      log.warn({ error, deliveryId: delivery.id, reportId: report.id, channel: delivery.channel }, 'an attempt to send failed');
      return failureOf(error);
    }
  }

  /** The first attempt decides; what was let through once is repeated. */
  async function refuseOverBudget(delivery: Delivery): Promise<void> {
    if (delivery.channel !== 'sms' || delivery.attempts > 1) return;
    const had = await deliveries.textsBefore(delivery, { since: now() - smsBudgetWindowMs });
    if (had >= smsDailyLimitPerPhone) throw new SendError({ kind: 'permanent', reason: 'sms_budget' });
  }

  async function prepare({ delivery, report }: Pick<Claim, 'delivery' | 'report'>): Promise<{
    send: (signal: AbortSignal) => Promise<{ providerId?: string }>; isAskedLater?: boolean;
  }> {
    const link = links.of(delivery);
    if (delivery.channel === 'sms') {
      const { sender, isAskedLater } = chosen(sms, delivery);
      const text = smsOf({ delivery, link });
      return { send: (signal) => sender.send(text, { signal, mayHaveArrived: delivery.ambiguousAttempts > 0 }), isAskedLater };
    }
    const pdf = await files.read(report);
    if (!pdf) throw new SendError({ kind: 'temporary', reason: 'file_unusable' });
    const { sender } = chosen(email, delivery);
    const message = emailOf({ delivery, report, document: await store.document(report.id), link, from, pdf });
    return { send: (signal) => sender.send(message, { signal }) };
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

/** The claim has chosen by name. */
function chosen<Sender extends { name: string }>(senders: readonly Sender[], { provider }: Delivery): Sender {
  return senders.find(({ name }) => name === provider)!;
}

/** What nobody foresaw is worth another attempt. */
function failureOf(error: unknown): AttemptResult {
  if (error instanceof SendError) return { kind: error.kind, reason: error.reason };
  if (error instanceof DamagedFileError) return { kind: 'temporary', reason: 'file_unusable' };
  if (error instanceof Fault) return { kind: 'temporary', reason: error.kind === 'payment_required' ? 'payment_required' : 'payments_unavailable' };
  return { kind: 'temporary', reason: 'internal' };
}
