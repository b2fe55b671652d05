/** What a provider says, later, of a message that it took. */
export type ProviderReport = {
  /** Its own number for the message. */
  providerId: string;
  /** Ours, where it is known: the provider gives it back, or was asked about this one. */
  deliveryId?: string;
  outcome: 'delivered' | 'undelivered';
};
