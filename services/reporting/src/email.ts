/** The seam to whoever carries e-mail. */
export type EmailMessage = {
  deliveryId: string;
  /** `<…@…>`, the same in every attempt of a delivery, so that a repeated message can be recognised (D4). */
  messageId: string;
  /** Epoch ms of the delivery: the message's date, the same in every attempt. */
  date: number;
  from: { name: string; address: string };
  /** One mailbox. */
  to: string;
  subject: string;
  text: string;
  html: string;
  attachment: { filename: string; content: Uint8Array };
};

export interface Email {
  /** Resolves once the provider has taken the message. Fails with a SendError; anything else is taken for a temporary failure. */
  send(message: EmailMessage, options: { signal: AbortSignal }): Promise<{ providerId?: string }>;
}
