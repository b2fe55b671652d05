/** For the tests of pure functions: an intent, and the PSP's object for it. */
import { newId } from '@kiosk/database';
import type { Intent } from './intent.ts';
import type { PspPayment } from './psp.ts';

/** An intent as it is made, for the pure functions. */
export function anIntent(over: Partial<Intent> = {}): Intent {
  const createdAt = over.createdAt ?? Date.UTC(2026, 0, 15, 9);
  return {
    id: newId('pay', createdAt), sessionId: newId('ses', createdAt), amountMinor: 48_000, currency: 'RUB', metadata: {}, status: 'pending', provider: 'dev',
    submission: 'created', pspRequest: '{"frozen":true}', qrCodeData: '', attempts: 0, nextActionAt: createdAt, createdAt, updatedAt: createdAt,
    expiresAt: createdAt + 600_000, ...over,
  };
}

/** The PSP's object for an intent: right in everything but what is given. */
export function aPayment(intent: Intent, over: Partial<PspPayment> = {}): PspPayment {
  return {
    id: `psp-${intent.id}`, status: 'pending', paid: over.status === 'succeeded', test: false, amountMinor: intent.amountMinor, currency: intent.currency,
    intentId: intent.id, createdAt: intent.createdAt, ...over,
  };
}
