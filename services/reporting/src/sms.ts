/** The seam to whoever carries text messages. */
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

export interface Sms {
  /** Resolves once the provider has taken the message. Fails with a SendError; anything else is taken for a temporary failure. */
  send(message: SmsMessage, options: SmsSendOptions): Promise<{ providerId?: string }>;
}
