/** What a provider says, later, of a message that it took. */
export type ProviderReport = {
  /** Its own number for the message. */
  providerId: string;
  /** Ours, where it gives it back. */
  deliveryId?: string;
  outcome: 'delivered' | 'undelivered';
};
