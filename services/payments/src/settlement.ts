/**
 * The conversation with the PSP about one intent: sending its frozen request, asking how it stands, and applying the answer. Whoever learns
 * something (the customer's request, the janitor, a notification, reconciliation) comes through `settle`.
 */
import { Fault } from '@kiosk/fault';
import type { Log } from '@kiosk/service';
import { leaseMs, nextAskAt, type Intent } from './intent.ts';
import { PspError, type Psp, type PspPayment } from './psp.ts';
import type { Source, Store } from './store.ts';
import type { Origin } from './tables.ts';

/** After a refusal for our settings' or our pace's sake. */
export const pauseMs = 60_000;

export type Settlement = ReturnType<typeof createSettlement>;

export function createSettlement({ store, psp, log, now, isSessionActive }: {
  store: Store; psp: Psp; log: Log; now: () => number;
  /** Fails with a Fault while nobody can say. */
  isSessionActive: (sessionId: string) => Promise<boolean>;
}) {
  const underWay = new Map<string, Promise<Intent | undefined>>();

  /**
   * Sends the intent's frozen request unless that is under way or done. Whatever goes wrong is recorded and tried again by the janitor. Gives the intent as the PSP's
   * answer left it; undefined without one.
   */
  function submit(id: string, origin: Origin): Promise<Intent | undefined> {
    return once(id, async () => {
      const intent = await store.claimSubmission(id, { now: now(), leaseMs });
      return intent && send(intent, origin);
    });
  }

  /**
   * Sends an intent that is being opened, and claimed with it, as soon as its commit is on disk; nothing where `opening` gives another one or fails.
   * It is under way from now on, so that whoever finds the row first waits for the same answer. What goes wrong is told to whoever waits for `opening` and `submit`.
   */
  function sendWhenOpen(id: string, opening: Promise<{ intent: Intent }>, origin: Origin): void {
    void once(id, async () => {
      const opened = await opening.catch(() => undefined);
      return opened?.intent.id === id ? send(opened.intent, origin) : undefined;
    }).catch(() => {});
  }

  function once(id: string, run: () => Promise<Intent | undefined>): Promise<Intent | undefined> {
    let running = underWay.get(id);
    if (!running) {
      running = run().finally(() => underWay.delete(id));
      underWay.set(id, running);
    }
    return running;
  }

  async function send(intent: Intent, origin: Origin): Promise<Intent | undefined> {
    let payment: PspPayment;
    try {
      payment = await psp.createPayment({ key: intent.id, body: intent.pspRequest });
    } catch (error) {
      if (!(error instanceof PspError)) throw error;
      await recordFailure(intent, error, origin);
      return undefined;
    }
    return settle(intent.id, payment, { source: 'submit', origin });
  }

  async function recordFailure(intent: Intent, error: PspError, origin: Origin): Promise<void> {
    const { code, outcome } = error;
    log.warn({ event: 'psp.submit_failed', intentId: intent.id, kind: outcome, reason: code, attempt: intent.attempts }, 'the PSP did not take a payment');
    if (outcome === 'refused' || outcome === 'not_found') await store.submissionRefused(intent.id, { now: now(), code, origin });
    else await store.submissionUnknown(intent.id, { now: now(), code, delayMs: outcome === 'unknown' ? undefined : pauseMs });
    if (outcome === 'misconfigured') await misconfigured(code);
  }

  /** Our credentials or the shop's settings are wrong: everything waits, and the operator is told. */
  async function misconfigured(code: string): Promise<void> {
    await store.note({ kind: 'psp_misconfigured', objectId: psp.name, details: { code } });
  }

  /** Asks the PSP how an attached payment stands, and applies the answer. Without an answer it is asked again later. */
  async function ask(intent: Intent, { source, origin }: { source: Source; origin: Origin }): Promise<void> {
    try {
      const payment = await psp.getPayment(intent.pspPaymentId!);
      await settle(intent.id, payment, { source, origin });
    } catch (error) {
      if (error instanceof PspError) {
        log.warn({ event: 'psp.ask_failed', intentId: intent.id, kind: error.outcome, reason: error.code }, 'the PSP did not say how a payment stands');
        if (error.outcome === 'misconfigured') await misconfigured(error.code);
        if (error.outcome === 'not_found') await store.note({ kind: 'payment_not_found', objectId: intent.pspPaymentId!, intentId: intent.id, details: {} });
        const paused = error.outcome === 'throttled' || error.outcome === 'misconfigured';
        await store.askLater(intent, paused ? now() + pauseMs : nextAskAt(intent, now()));
        return;
      }
      // Late money waits until the sessions service can say whether the session is still there.
      if (error instanceof Fault) return store.askLater(intent, now() + 5000);
      throw error;
    }
  }

  /** Applies a PSP object. For late money the session is looked at first; fails with a Fault while that cannot be done. */
  async function settle(id: string, payment: PspPayment, { source, origin }: { source: Source; origin: Origin }): Promise<Intent> {
    const first = await store.settle(id, payment, { psp, source, now: now(), origin });
    if (first.outcome !== 'late' || first.confirmed !== undefined) return first.intent;
    const sessionActive = await isSessionActive(first.intent.sessionId);
    const second = await store.settle(id, payment, { psp, source, sessionActive, now: now(), origin });
    return second.intent;
  }

  /** Waits for what is under way. */
  async function drain(): Promise<void> {
    await Promise.allSettled(underWay.values());
  }

  return { submit, sendWhenOpen, ask, settle, misconfigured, drain };
}
