/** For the tests: a PSP by hand. It keeps payments by their key as a real one does, says what it is told to say, and fails as it is told to fail. */
import { PspError, type Psp, type PspPayment } from './psp.ts';
import type { Clock } from './testing.ts';

/** `lost`: it does what it is asked and the answer never arrives. */
export type Failing = PspError['outcome'] | 'lost' | undefined;

export type StandInPsp = Psp & {
  /** Every attempt to create a payment, and when. */
  readonly requests: { key: string; body: string; at: number }[];
  /** Every question about a payment, and when. */
  readonly asks: { intentId: string; at: number }[];
  /** By the intent's id, which is the key. */
  readonly payments: ReadonlyMap<string, PspPayment>;
  fail: (failing: Failing) => void;
  /** From now on it says this of the intent's payment. */
  say: (intentId: string, said: Partial<PspPayment>) => void;
  /** The customer pays. */
  pay: (intentId: string) => void;
  /** Runs in the middle of each call about an intent, before its answer. */
  meanwhile: (run: (intentId: string) => void | Promise<void>) => void;
};

export function standInPsp(clock: Clock): StandInPsp {
  const requests: StandInPsp['requests'] = [];
  const asks: StandInPsp['asks'] = [];
  const payments = new Map<string, PspPayment>();
  const bodies = new Map<string, string>();
  let failing: Failing;
  let meanwhile: (intentId: string) => void | Promise<void> = () => {};

  function refuse(): void {
    if (failing && failing !== 'lost') throw new PspError(failing, 'stand_in');
  }

  function loseAnswer(): void {
    if (failing === 'lost') throw new PspError('unknown', 'timeout');
  }

  const noRefunds = () => Promise.reject(new PspError('unknown', 'stand_in'));
  const psp: StandInPsp = {
    name: 'stand-in',
    expected: { shopId: 'shop-1', testAllowed: false },
    requests, asks, payments,
    freezePayment: ({ id, amountMinor, currency }) => JSON.stringify({ id, amountMinor, currency }),
    freezeRefund: (terms) => JSON.stringify(terms),
    isObjectId: (id) => id.startsWith('psp-'),

    async createPayment({ key, body }) {
      requests.push({ key, body, at: clock.now() });
      await meanwhile(key);
      refuse();
      if ((bodies.get(key) ?? body) !== body) throw new PspError('refused', 'invalid_request');
      const { amountMinor, currency } = JSON.parse(body) as { amountMinor: number; currency: string };
      if (!payments.has(key)) {
        bodies.set(key, body);
        payments.set(key, {
          id: `psp-${key}`, status: 'pending', paid: false, test: false, amountMinor, currency, shopId: 'shop-1', intentId: key, createdAt: clock.now(),
          qrCodeData: `https://qr.stand-in.invalid/${key}`,
        });
      }
      loseAnswer();
      return payments.get(key)!;
    },

    async getPayment(id) {
      const intentId = id.slice('psp-'.length);
      asks.push({ intentId, at: clock.now() });
      await meanwhile(intentId);
      refuse();
      loseAnswer();
      const payment = payments.get(intentId);
      if (!payment) throw new PspError('not_found', 'not_found');
      return payment;
    },

    listPayments: async () => ({ items: [] }),
    listRefunds: async () => ({ items: [] }),
    createRefund: noRefunds,
    getRefund: noRefunds,

    fail: (how) => {
      failing = how;
    },
    say: (intentId, said) => {
      payments.set(intentId, { ...payments.get(intentId)!, ...said });
    },
    pay: (intentId) => psp.say(intentId, { status: 'succeeded', paid: true }),
    meanwhile: (run) => {
      meanwhile = run;
    },
  };
  return psp;
}
