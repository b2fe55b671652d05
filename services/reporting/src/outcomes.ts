/** What became of messages after a provider took them: Twilio and SendGrid tell by a signed call, SMSC is asked. */
import { Fault, invalid } from '@kiosk/fault';
import type { Log } from '@kiosk/service';
import type { OutcomeStore } from './outcome-store.ts';
import type { ProviderReport } from './provider-report.ts';
import type { Callbacks } from './provider-settings.ts';
import { isSignedBySendgrid, readSendgridReports } from './sendgrid-callback.ts';
import type { Asked } from './sms.ts';
import { isSignedByTwilio, readTwilioReport } from './twilio-callback.ts';

export type Callback = { provider: 'twilio' | 'sendgrid'; body: Uint8Array; signature: string; timestamp: string };

export type Outcomes = ReturnType<typeof createOutcomes>;

const biteRows = 50;
/** SendGrid's own limit is a batch of 1 000 events; Twilio's form is small. */
const bodyLimitBytes = 1024 * 1024;

export function createOutcomes({ store, asked, callbacks, onDead, log, now }: {
  store: OutcomeStore;
  /** By the provider's name. */
  asked: ReadonlyMap<string, Asked>;
  callbacks: Callbacks;
  onDead: () => void;
  log: Log;
  now: () => number;
}) {
  async function settle(report: ProviderReport, provider: string): Promise<void> {
    const isNews = await store.settle(report, { provider, now: now() });
    if (isNews && report.outcome === 'undelivered') onDead();
  }

  return {
    /** Asks about what is due. A provider that cannot be asked now is asked later. */
    async askDue(signal?: AbortSignal): Promise<void> {
      for (const delivery of await store.toAsk({ now: now(), limit: biteRows })) {
        if (signal?.aborted) return;
        const { provider = '', providerId, recipient } = delivery;
        try {
          const report = providerId === undefined ? undefined : await asked.get(provider)?.report({ to: recipient, providerId }, { signal });
          // SMSC's numbers are short: another delivery may have the same one.
          if (report) await settle({ ...report, deliveryId: delivery.id }, provider);
          else await store.askAgain(delivery, { now: now() });
        } catch (error) {
          if (signal?.aborted) return;
          log.warn({ error, deliveryId: delivery.id, provider }, 'a provider could not be asked what became of a message');
          await store.askAgain(delivery, { now: now() });
        }
      }
    },

    /** Fails with `callback_not_configured`, `callback_not_signed`. */
    async receive(callback: Callback): Promise<void> {
      if (callback.body.length > bodyLimitBytes) throw invalid('callback_too_large', 'The callback is too large.', 'body');
      for (const report of read(callback)) await settle(report, callback.provider);
    },
  };

  function read({ provider, body, signature, timestamp }: Callback): ProviderReport[] {
    const text = Buffer.from(body).toString('utf8');
    if (provider === 'sendgrid') {
      const { publicKey } = callbacks.sendgrid ?? notConfigured();
      if (!isSignedBySendgrid({ publicKey, timestamp, body, signature })) throw notSigned();
      return readSendgridReports(parsed(text));
    }
    const { authToken, url } = callbacks.twilio ?? notConfigured();
    const fields = new URLSearchParams(text);
    if (!isSignedByTwilio({ authToken, url, fields, signature })) throw notSigned();
    const report = readTwilioReport(fields);
    return report ? [report] : [];
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fault({ kind: 'invalid', reason: 'invalid_callback', message: 'The callback is not JSON.', cause });
  }
}

function notConfigured(): never {
  throw new Fault({ kind: 'forbidden', reason: 'callback_not_configured', message: 'No signature of this provider can be checked.' });
}

function notSigned(): Fault {
  return new Fault({ kind: 'forbidden', reason: 'callback_not_signed', message: 'The signature is not the provider\'s.' });
}
