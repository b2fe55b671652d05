/** The seam to whoever carries text messages. */
import type { ProviderReport } from './provider-report.ts';

export type SmsMessage = {
  deliveryId: string;
  /** Epoch ms of the delivery, the same in every attempt. */
  date: number;
  /** E.164. */
  to: string;
  /** At most 70 UCS-2 characters: one part. */
  text: string;
};

export type SmsSendOptions = {
  signal: AbortSignal;
  /** An attempt before may have arrived: a provider that can be asked is asked first, so that nobody pays or reads twice (D4). */
  mayHaveArrived?: boolean;
};

/** What a provider that does not tell by itself is asked, some time after it took a message. */
export interface Asked {
  /** What became of a message; undefined while that is open, or where the provider does not know the message. Fails with a SendError. */
  report(message: { to: string; providerId: string }, options?: { signal?: AbortSignal }): Promise<ProviderReport | undefined>;
}

export interface Sms {
  /** Resolves once the provider has taken the message. Fails with a SendError; anything else is taken for a temporary failure. */
  send(message: SmsMessage, options: SmsSendOptions): Promise<{ providerId?: string }>;
}
